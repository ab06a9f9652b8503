"""Pictures of how a network did on recordings that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elegans.trainer.plots import BLUE, INK, ORANGE, figure

_STRETCH = 400
"""The samples of the stretch that is drawn over time."""


def draw_confusion(
    names: Sequence[str],
    truth: npt.NDArray[np.integer],
    decided: npt.NDArray[np.integer],
    path: Path,
    what: str = "series",
) -> None:
    """Draw a PNG to `path`: decided [N] for each truth [N], both as indices into `names`.

    what  is decided on: the word in the title
    """
    size = len(names)
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (truth, decided), 1)
    with figure(path, 3.0 + 0.55 * size, 2.4 + 0.55 * size) as canvas:
        axes = canvas.add_subplot()
        axes.imshow(counts, cmap="Blues", vmin=0, vmax=1.25 * counts.max())
        for row, column in np.ndindex(counts.shape):
            count = counts[row, column]
            colour = "white" if count > 0.6 * counts.max() else INK if count else "#b5bcc6"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=13)
        axes.set_xticks(range(size), names)
        axes.set_yticks(range(size), names)
        right = int(np.trace(counts))
        axes.set(xlabel="decided", ylabel="done", title=f"{right} of {len(truth)} {what} right")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)


def draw_errors(
    names: Sequence[str],
    units: Sequence[str],
    truth: npt.NDArray[np.floating],
    said: npt.NDArray[np.floating],
    path: Path,
) -> None:
    """Draw a PNG to `path`: truth and said [N, O] over samples, and one against the other."""
    rows = len(names)
    with figure(path, 9.0, 2.9 * rows) as canvas:
        grid = canvas.subplots(rows, 2, squeeze=False, width_ratios=(2.2, 1.0))
        for row, (name, unit) in enumerate(zip(names, units, strict=True)):
            over_time, scatter = grid[row]
            wanted, found = truth[:, row], said[:, row]
            label = f"{name} [{unit}]" if unit else name
            over_time.plot(wanted[:_STRETCH], color=BLUE, lw=2, label="true")
            over_time.plot(found[:_STRETCH], color=ORANGE, lw=1.2, label="network")
            over_time.set(xlabel="sample of the test part", ylabel=label, title=label)
            over_time.legend(fontsize=9)
            scatter.scatter(wanted, found, s=4, color=BLUE, alpha=0.4, linewidths=0)
            ends = [float(min(wanted.min(), found.min())), float(max(wanted.max(), found.max()))]
            scatter.plot(ends, ends, color=INK, lw=0.8)
            scatter.set(xlabel="true", ylabel="network")
