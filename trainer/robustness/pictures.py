"""The pictures of a study: errors with intervals, by strength, by size, by what is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elegans.trainer.plots import BLUE, GREEN, GREY, MIXED, ORANGE, RED, figure
from elegans.trainer.robustness.effects import NONE
from elegans.trainer.robustness.report import ALL, CLOCK, StudyPoint, Summary
from elegans.trainer.robustness.timed_network import TIME_MODES
from elegans.trainer.robustness.world import CUE

_COLOURS = {"cfc": BLUE, "ltc": GREEN, "ctrnn": MIXED, "gru": ORANGE, "lstm": RED, "mlp": GREY}
_STYLES = {"given": "-", "withheld": ":", "jittered": "--"}
_COLUMNS = 4


def draw(summary: Summary, folder: Path) -> list[str]:
    """Draw the pictures of a study into `folder`; their names."""
    numbers, study = summary.options.weights, summary.options.study
    if study == "size":
        _draw_sizes(summary, numbers, folder / "size.png")
        return ["size.png"]
    if study == "time":
        _draw_time(summary, numbers, folder / "time.png")
        return ["time.png"]
    names = []
    for size in summary.sizes:
        for kind in ("float", numbers):
            names.append(f"{size.label.replace(' ', '_')}_{kind}.png")
            _draw_shift(summary, size.label, kind, folder / names[-1])
    return names


def _draw_shift(summary: Summary, size: str, numbers: str, path: Path) -> None:
    shown = [name for name in summary.names(numbers) if name not in (NONE, ALL)]
    shown = [name for name in shown if _strengths(summary, size, numbers, name)]
    rows = -(-len(shown) // _COLUMNS)
    with figure(path, 3.0 * _COLUMNS, 2.4 * rows + 0.5) as canvas:
        panels = canvas.subplots(rows, _COLUMNS, squeeze=False).flat
        for name, axes in zip(shown, panels, strict=False):
            for cell in summary.options.cells:
                places = [
                    StudyPoint(size, numbers, name, s) for s in _at(summary, size, numbers, name)
                ]
                if name != CUE:
                    places[0] = StudyPoint(size, numbers, NONE, 0.0)
                _line(axes, summary, places, cell)
            axes.set_title(name)
            _logarithmic(axes)
            least = min([y for line in axes.lines for y in line.get_ydata()], default=0.0)
            axes.set_ylim(bottom=0.6 * least if least > 0 else None)
        for axes in list(panels):
            axes.set_axis_off()
        _finish(canvas, summary, f"{size}, {numbers}: {summary.world.error}")


def _logarithmic(axes: Any) -> None:
    """Errors on a logarithmic scale, with plain numbers beside it."""
    from matplotlib.ticker import LogLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")


def _strengths(summary: Summary, size: str, numbers: str, name: str) -> list[float]:
    found = {
        row.place.strength
        for row in summary.rows
        if row.place[:3] == (size, numbers, name) and row.place.strength is not None
    }
    return sorted(one for one in found if one is not None)


def _at(summary: Summary, size: str, numbers: str, name: str) -> list[float]:
    """0 and the strengths above it."""
    return [0.0, *(s for s in _strengths(summary, size, numbers, name) if s > 0)]


def _line(
    axes: Any, summary: Summary, places: list[StudyPoint], cell: str, style: str = "-"
) -> None:
    rows = [row for place in places if (row := summary.row(place, cell)) is not None]
    x = [row.place.strength or 0.0 for row in rows]
    axes.plot(
        x,
        [row.estimate.mean for row in rows],
        style,
        color=_COLOURS[cell],
        marker="o",
        ms=3,
        lw=1.5,
        label=cell,
    )
    low = [max(row.estimate.low, 1e-3 * row.estimate.mean) for row in rows]
    axes.fill_between(
        x, low, [row.estimate.high for row in rows], color=_COLOURS[cell], alpha=0.13, lw=0
    )


def _finish(canvas: Any, summary: Summary, title: str) -> None:
    handles: dict[str, Any] = {}
    for axes in canvas.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    canvas.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles) or 1
    )
    seeds = summary.options.seeds
    canvas.suptitle(f"{title}; mean and 95 % interval of {seeds} seeds", fontsize=11)


def _draw_sizes(summary: Summary, numbers: str, path: Path) -> None:
    costs = {"parameters": "parameters", "instructions": "instructions, M4", "flash": "flash, M4"}
    with figure(path, 11.0, 4.2) as canvas:
        panels = canvas.subplots(1, 3, sharey=True)
        for axes, (what, label) in zip(panels, costs.items(), strict=True):
            for cell in summary.options.cells:
                points = []
                for size in summary.sizes:
                    row = summary.row(StudyPoint(size.label, numbers, ALL, None), cell)
                    neurons = size.neurons(cell, summary.world)
                    cost = [
                        record[what]
                        for lesson, record in summary.outcome.records
                        if (lesson.cell, lesson.neurons) == (cell, neurons) and what in record
                    ]
                    if row is not None and cost:
                        points.append((cost[0], row.estimate))
                x = [cost for cost, _ in points]
                means = [one.mean for _, one in points]
                ends = [
                    [one.mean - max(one.low, 1e-3 * one.mean) for _, one in points],
                    [one.high - one.mean for _, one in points],
                ]
                axes.errorbar(
                    x, means, ends, color=_COLOURS[cell], marker="o", ms=4, capsize=2, label=cell
                )
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("")
            _logarithmic(axes)
            axes.set_xlabel(label)
        means = [row.estimate.mean for row in summary.rows if row.place[1:3] == (numbers, ALL)]
        if means and min(means) > 0:  # an interval of two seeds can reach far beyond
            panels[0].set_ylim(0.6 * min(means), 1.6 * max(means))
        _finish(canvas, summary, f"error under shift, {numbers}: {summary.world.error}")


def _draw_time(summary: Summary, numbers: str, path: Path) -> None:
    size, cells = summary.sizes[0].label, summary.options.cells
    columns = min(3, len(cells))
    rows = -(-len(cells) // columns)
    with figure(path, 3.6 * columns, 2.9 * rows + 0.5) as canvas:
        panels = canvas.subplots(rows, columns, squeeze=False, sharey=True).flat
        for cell, axes in zip(cells, panels, strict=False):
            for mode in TIME_MODES:
                name = CLOCK + mode
                at = _strengths(summary, size, numbers, name)
                places = [StudyPoint(size, numbers, name, share) for share in at]
                _line(axes, summary, places, cell, _STYLES[mode])
                axes.lines[-1].set_label(f"elapsed time {mode}")
            axes.set_title(cell)
            axes.set_xlabel("share of samples lost")
        for axes in list(panels):
            axes.set_axis_off()
        _finish(canvas, summary, summary.world.error)
