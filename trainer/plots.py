"""Pictures that every task has: the loss during the training, and the wiring."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.ir.interface import Interface
from elegans.trainer.wiring.ncp import Wiring

BLUE, ORANGE, GREEN, RED = "#2f6db5", "#e08a1e", "#2a9d76", "#c8455b"
INK, GREY, MIXED = "#2b2f36", "#7b8490", "#b9a03a"
_STYLE: dict[Any, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 150,
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": "#9aa1ab",
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#eceff3",
    "xtick.color": "#5b626c",
    "ytick.color": "#5b626c",
    "legend.frameon": False,
    "svg.hashsalt": "elegans",
}


@contextlib.contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Any]:
    """A matplotlib figure of `width` by `height` inches, written to `path` at the end: as SVG if
    the path says so, else as PNG.

    Drawn off screen and without dates, so that the same data give the same file.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        canvas = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(canvas)
        yield canvas
        svg = path.suffix == ".svg"
        metadata = {"Date": None, "Creator": None} if svg else {"Software": None}
        canvas.savefig(path, format="svg" if svg else "png", metadata=metadata)


def draw_training(
    history: Sequence[float],
    stages: Sequence[tuple[str, int]],
    title: str,
    path: Path,
    validation: Sequence[float] = (),
) -> None:
    """Draw the mean loss of each epoch on a logarithmic scale, with the stages shaded.

    history     the mean loss of each epoch, above zero
    stages      the name of each stage, and the number of epochs done at its end
    validation  the loss on the validation part after each epoch, if there is one
    """
    from matplotlib.ticker import LogLocator

    with figure(path, 7.0, 3.6) as canvas:
        axes = canvas.add_subplot()
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
        epochs = np.arange(1, len(history) + 1)
        axes.plot(epochs, history, color=BLUE, lw=2, marker="o", ms=3.5, label="training")
        if validation:
            axes.plot(epochs, validation, color=ORANGE, lw=2, label="validation")
            axes.legend(fontsize=9)
        start = 0
        for index, (name, end) in enumerate(stages):
            if end > start:
                shade = "#f4f6f9" if index % 2 else "#ffffff"
                axes.axvspan(start + 0.5, end + 0.5, color=shade, zorder=0)
                axes.text(
                    (start + end + 1) / 2,
                    0.97,
                    name,
                    transform=axes.get_xaxis_transform(),
                    ha="center",
                    va="top",
                    color="#6b727c",
                    fontsize=9,
                )
            start = end
        axes.set(xlabel="epoch", ylabel="mean loss", title=title, xlim=(0.5, len(history) + 0.5))


_GAP = 0.75
"""Distance between neurons of the largest layer, in the picture's units."""
_COLUMN = {"inter": (1.35, BLUE), "command": (2.6, GREEN), "motor": (3.8, ORANGE)}


def draw_wiring(
    wiring: Wiring, heads: Sequence[NDArray[np.float64]], interface: Interface, path: Path
) -> None:
    """Draw a trained circuit from left to right: sensors, inter, command and motor neurons.

    heads  for each layer its weights: of a CfC [2, from + own, own], one for each of the heads
           that a time gate mixes; of an LTC [1, from + own, own]. First come those from the layer
           before it, then those from its own states; zero is no synapse

    A synapse is as wide as its larger weight. `interface` names the circuit, its inputs and its
    outputs.
    """
    from matplotlib.lines import Line2D

    rows = max(wiring.inputs, *(size for _, size in wiring.layers))
    with figure(path, 9.0, max(4.2, 0.42 * rows + 1.1)) as canvas:
        axes = canvas.add_subplot()
        axes.set_axis_off()
        sensors = _column(0.0, wiring.inputs, rows)
        names = [signal.name.replace("_", " ") for signal in interface.inputs]
        _nodes(axes, sensors, GREY, "s")
        top = _GAP * rows / 2 + 0.35
        axes.text(0.0, top, f"{wiring.inputs} sensory", ha="center", color=GREY)
        for (x, y), name in zip(sensors, names, strict=True):
            axes.text(x - 0.1, y, name, ha="right", va="center", fontsize=9)
        before, neurons, between, within = sensors, [], 0, 0
        for (layer, size), weights in zip(wiring.layers, heads, strict=True):
            column, colour = _COLUMN[layer]
            here = _column(column, size, rows)
            forward, own = weights[:, : len(before)], weights[:, len(before) :]
            between += _synapses(axes, before, here, forward)
            within += _recurrent(axes, here, own)
            _nodes(axes, here, colour, "o")
            axes.text(column, top, f"{size} {layer}", ha="center", color=colour)
            neurons.append(here)
            before = here
        for (x, y), output in zip(neurons[-1], interface.outputs, strict=True):
            axes.text(x + 0.36, y, output.name.replace("_", " "), va="center", fontsize=9)
        axes.set(xlim=(-0.95, 4.75), ylim=(-_GAP * rows / 2 - 0.1, top + 0.4))
        kinds = [(BLUE, "excites"), (RED, "inhibits")]
        if len(heads[0]) == 2:
            kinds = [(BLUE, "raises both heads"), (RED, "lowers both"), (MIXED, "one of each")]
        handles = [Line2D([], [], color=colour, lw=2, label=kind) for colour, kind in kinds]
        axes.legend(handles=handles, loc="lower right", fontsize=9)
        axes.set_title(
            f"{interface.name}: {wiring.neurons} liquid neurons, {between} synapses between layers "
            f"and {within} within, as trained"
        )


Points = list[tuple[float, float]]


def _column(x: float, size: int, rows: int) -> Points:
    """`size` points at x, spread evenly around the middle of `rows` rows, top first."""
    gap = min(_GAP * rows / size, 2 * _GAP)
    return [(x, gap * ((size - 1) / 2 - row)) for row in range(size)]


def _nodes(axes: Any, points: Points, colour: str, marker: str) -> None:
    """One marker for each neuron."""
    x, y = zip(*points, strict=True)
    axes.scatter(x, y, s=150, c=colour, marker=marker, edgecolors="white", linewidths=1.5, zorder=3)


def _synapses(axes: Any, sources: Points, targets: Points, heads: NDArray[np.float64]) -> int:
    """S-shaped curves between neighbouring columns, and how many there are; heads [2, from, to]."""
    found = np.argwhere(heads.any(axis=0))
    for source, target in found:
        (x0, y0), (x1, y1) = sources[source], targets[target]
        bend = 0.45 * (x1 - x0)
        curve = [(x0, y0), (x0 + bend, y0), (x1 - bend, y1), (x1, y1)]
        _curve(axes, curve, heads[:, source, target], heads)
    return len(found)


def _recurrent(axes: Any, points: Points, heads: NDArray[np.float64]) -> int:
    """Arcs on the right of a column, and how many there are; a neuron that feeds itself gets a
    loop."""
    found = np.argwhere(heads.any(axis=0))
    for source, target in found:
        (x, y0), (_, y1) = points[source], points[target]
        loop = 0.45 if source == target else 0.0
        out = 0.3 + 0.09 * abs(y1 - y0)
        curve = [(x, y0), (x + out, y0 + loop), (x + out, y1 - loop), (x, y1)]
        _curve(axes, curve, heads[:, source, target], heads)
    return len(found)


def _curve(
    axes: Any, points: Points, weights: NDArray[np.float64], all_weights: NDArray[np.float64]
) -> None:
    """A cubic Bezier curve through 4 control points: its colour shows the signs of the weights of a
    synapse, its width the larger of them, beside the largest of its layer."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    codes = [Outline.MOVETO, Outline.CURVE4, Outline.CURVE4, Outline.CURVE4]
    colour = BLUE if (weights > 0).all() else RED if (weights < 0).all() else MIXED
    wide = 0.15 + 1.85 * float(np.abs(weights).max() / np.abs(all_weights).max())
    patch = PathPatch(Outline(points, codes), fill=False, ec=colour, lw=wide, alpha=0.5, zorder=1)
    axes.add_patch(patch)
