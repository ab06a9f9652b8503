"""A picture of the confusion matrix: true activities against decisions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from elegans.trainer.plots import INK, figure
from elegans.trainer.tasks.motions.recordings import ACTIVITIES


def draw_confusion(
    truth: npt.NDArray[np.integer], decided: npt.NDArray[np.integer], path: Path
) -> None:
    """Draw a PNG to `path`: decided [N] for each truth [N], both as indices into ACTIVITIES."""
    size = len(ACTIVITIES)
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (truth, decided), 1)
    with figure(path, 5.2, 4.6) as canvas:
        axes = canvas.add_subplot()
        axes.imshow(counts, cmap="Blues", vmin=0, vmax=1.25 * counts.max())
        for row, column in np.ndindex(counts.shape):
            count = counts[row, column]
            colour = "white" if count > 0.6 * counts.max() else INK if count else "#b5bcc6"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=13)
        axes.set_xticks(range(size), ACTIVITIES)
        axes.set_yticks(range(size), ACTIVITIES)
        right = int(np.trace(counts))
        axes.set(xlabel="decided", ylabel="done", title=f"{right} of {len(truth)} series right")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
