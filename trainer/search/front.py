"""The best trade-offs of a sweep: the Pareto front, as front.json and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elegans.exporter.files import write_file
from elegans.trainer.plots import BLUE, GREY, INK, ORANGE, figure

FILE = "front.json"
PICTURES = ("front.png", "front.svg")

Row = Mapping[str, Any]
"""A complete trial: `trial`, its number; its values and its parameters by name; `folder`."""


def pareto(rows: Sequence[Row], objectives: Sequence[str]) -> list[Row]:
    """The rows that no other one beats: none is as good in all objectives and better in one.

    Smaller is better. Of rows with equal values the first one stays. Sorted by the objectives.
    """
    kept: list[Row] = []
    # In this order, whatever beats a row comes before it.
    for row in sorted(rows, key=lambda one: (*(one[name] for name in objectives), one["trial"])):
        if not any(all(other[name] <= row[name] for name in objectives) for other in kept):
            kept.append(row)
    return kept


def document(
    head: Mapping[str, Any], rows: Sequence[Row], objectives: Sequence[str]
) -> dict[str, Any]:
    """What front.json says; equal sweeps give equal documents."""
    return {
        **head,
        "objectives": list(objectives),
        "front": [row["trial"] for row in pareto(rows, objectives)],
        "trials": [dict(row) for row in rows],
    }


def write_front(folder: Path, found: Mapping[str, Any]) -> None:
    """Write front.json, whole or not at all. Raises ElegansError."""
    write_file(folder / FILE, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode())


def draw_front(folder: Path, found: Mapping[str, Any]) -> None:
    """Draw front.png and front.svg: the first objective against each other one; nothing where no
    trial is complete."""
    rows, chosen = found["trials"], set(found["front"])
    if not rows:
        return
    first, *others = found["objectives"]
    for name in PICTURES:
        with figure(folder / name, 1.2 + 4.3 * max(len(others), 1), 4.2) as canvas:
            grid = canvas.subplots(1, max(len(others), 1), squeeze=False)[0]
            for axes, other in zip(grid, others or [first], strict=True):
                _panel(axes, rows, chosen, first, other)
                axes.set(xlabel=_label(other, found), ylabel=_label(first, found))
            counts = f"{len(chosen)} of {len(rows)} trials"
            grid[0].set_title(f"{found['task']}: front of {counts}, by the device's integers")


def _panel(axes: Any, rows: Sequence[Row], chosen: set[int], first: str, other: str) -> None:
    from matplotlib.ticker import LogLocator

    rest = [row for row in rows if row["trial"] not in chosen]
    best = [row for row in rows if row["trial"] in chosen]
    axes.scatter([r[other] for r in rest], [r[first] for r in rest], s=14, color=GREY, alpha=0.5)
    edge = pareto(best, (other, first))
    axes.step(
        [r[other] for r in edge],
        [r[first] for r in edge],
        where="post",
        color=INK,
        lw=0.9,
        alpha=0.6,
    )
    for weights, colour in (("int16", BLUE), ("int8", ORANGE)):
        these = [row for row in best if row["weights"] == weights]
        axes.scatter(
            [r[other] for r in these],
            [r[first] for r in these],
            s=[12 + 2 * r["neurons"] for r in these],
            color=colour,
            label=f"{weights}, as large as it has neurons",
            zorder=3,
        )
    for row in edge:
        note = f"{row['cell']} {row['neurons']}"
        axes.annotate(
            note, (row[other], row[first]), xytext=(4, 4), textcoords="offset points", fontsize=7
        )
    if other in ("instructions", "flash"):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.xaxis.set_minor_formatter("")
    axes.legend(fontsize=8)


def _label(name: str, found: Mapping[str, Any]) -> str:
    names: dict[str, str] = {
        "error": found["metric"],
        "instructions": f"instructions a step, {found['core']}",
        "flash": f"flash, bytes, {found['core']}",
        "robustness": f"the same under {found['disturbance']}",
    }
    return names[name]
