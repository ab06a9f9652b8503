"""`elegans bench --measure`: the energy of the steps in a meter's trace, beside the estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from elegans.boards.descriptors.board import Board
from elegans.boards.energy.estimate import CELL_MAH, CELL_V, estimate
from elegans.boards.energy.meters import METERS, record
from elegans.boards.energy.trace import read_trace, steps_of
from elegans.exporter.errors import WrongUseError

MEASURES = (*METERS, "csv")


def measured(board: Board, meter: str, trace: Path | None, seconds: float) -> dict[str, Any]:
    """The steps that a meter, or the file of a trace, shows, as JSON prints them.

    Raises `WrongUseError` for a trace without csv, or csv without one, and `ElegansError` as
    `read_trace`, `record` and `steps_of` do."""
    if (meter == "csv") != (trace is not None):
        raise WrongUseError("--measure", "csv, and only csv, reads a file", "give it with --trace")
    found = record(meter, board, seconds) if trace is None else read_trace(trace)
    steps = steps_of(found, trace or meter)
    return {
        "meter": meter,
        "steps": len(steps.joules),
        "microseconds": _spread(steps.seconds * 1e6),
        "microjoules": _spread(steps.joules * 1e6),
    }


def _spread(values: np.ndarray[Any, Any]) -> dict[str, float]:
    shown = {"min": values.min(), "mean": values.mean(), "max": values.max()}
    return {name: float(f"{value:.4g}") for name, value in shown.items()}


def estimated(board: Board, cycles: dict[str, int] | None, flash: int) -> dict[str, Any] | None:
    """Time and energy of a step by the board's descriptor, as JSON prints them; None without it."""
    if cycles is None:
        return None
    one = estimate(board, (cycles["min"], cycles["max"]), flash)
    if one is None:
        return None
    spans = {"microseconds": one.microseconds, "microjoules": one.microjoules}
    spans |= {"steps_a_day": one.steps_a_day}
    return {
        name: {end: float(f"{value:.4g}") for end, value in zip(("min", "max"), span, strict=True)}
        for name, span in spans.items()
        if span is not None
    }


def lines(one: dict[str, Any]) -> list[str]:
    """What is estimated and measured of a step, in words."""
    told = []
    if one["estimate"]:
        told.append("estimated for this board: " + _both(one["estimate"], "min", "max"))
    days = (one["estimate"] or {}).get("steps_a_day")
    if days:
        cell = f"{CELL_MAH} mAh at {CELL_V:g} V"
        span = f"{days['min']:,.0f} to {days['max']:,.0f}"
        told.append(f"a CR2032 ({cell}) pays for {span} steps a day during a year, without sleep")
    if one.get("measured"):
        found = one["measured"]
        told.append(
            f"measured with {found['meter']}, {found['steps']:,} steps: "
            + _both(found, "min", "mean", "max")
        )
    return told


def _both(found: dict[str, Any], *ends: str) -> str:
    parts = []
    for name, unit in (("microseconds", "us"), ("microjoules", "uJ")):
        if name in found:
            parts.append(" .. ".join(f"{found[name][end]:,.4g}" for end in ends) + f" {unit}")
    return ", ".join(parts)
