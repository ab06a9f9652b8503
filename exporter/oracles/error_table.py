"""The errors of free runs state by state, and how far float32 alone is from float64 in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elegans.exporter.frontend.import_graph import StepGraph
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.oracles.free_run import elapsed_times, relative_errors, used_ranges
from elegans.exporter.oracles.onnx_float import (
    OnnxRuntimeError,
    OnnxStep,
    runnable,
    stored_numbers,
)
from elegans.exporter.oracles.reference import Trajectory

Runs = Mapping[str, tuple[Integers, Integers, Trajectory]]
"""By their source: x [T, N, I], dt [T, N] and what the integers make of them."""
Truth = Mapping[str, tuple[Reals, Reals]]
"""By their source: y [T, N, O] and h_next [T, N, H] of the float network in float64."""

_MOST_STEPS = 2000  # of each set of runs, under onnxruntime, which goes step by step
_MOST_PRODUCTS = 1 << 27  # numbers in the graph times these steps, so that large ones run fewer


@dataclass(frozen=True)
class ChannelError:
    """The error of one state or output in one set of runs.

    used        the least and the greatest value that float64 has there
    worst, rms  as fractions of the range used, which includes zero
    """

    name: str
    used: tuple[float, float]
    worst: float
    rms: float


def channel_errors(names: Sequence[str], errors: Reals, truth: Reals) -> list[ChannelError]:
    """One row for each of C states and outputs.

    errors  [T, N, C] as `free_run.relative_errors` gives them
    truth   [T, N, C] in float64
    """
    lo, hi = truth.min(axis=(0, 1)), truth.max(axis=(0, 1))
    worst, rms = errors.max(axis=(0, 1)), np.sqrt(np.mean(errors**2, axis=(0, 1)))
    return [
        ChannelError(name, (float(lo[i]), float(hi[i])), float(worst[i]), float(rms[i]))
        for i, name in enumerate(names)
    ]


def of_runs(
    model: Model, network: Network, runs: Runs, truth: Truth
) -> dict[str, list[ChannelError]]:
    """The rows of all states and then all outputs of a model, by the source of the runs."""
    names = [channel.name for channel in (*model.states, *model.outputs)]
    return {
        source: channel_errors(
            names,
            relative_errors(model, network, truth[source], found),
            np.concatenate(truth[source][::-1], axis=-1),
        )
        for source, (*_, found) in runs.items()
    }


def float32_errors(
    graph: StepGraph, period: float | None, model: Model, runs: Runs, truth: Truth
) -> dict[str, float]:
    """The worst error of the graph itself, run free by onnxruntime, by the source of the runs.

    It is a fraction of the range used, as that of the integers, over at most `_MOST_STEPS` steps,
    or fewer of a large graph: the first runs, or a part of the first. Empty where onnxruntime does
    not run the graph.
    """
    if not runnable(graph.given):
        return {}
    most = min(_MOST_STEPS, max(_MOST_PRODUCTS // max(stored_numbers(graph.given), 1), 1))
    channels = (*model.states, *model.outputs)
    found = {}
    try:
        step = OnnxStep(graph, period)
        for source, (x, dt, _) in runs.items():
            first = np.s_[:most, : max(most // len(x), 1)]
            x, dt = x[first], dt[first]
            rest = np.zeros((x.shape[1], len(model.states)))
            other = step.run(to_real(x, model.inputs), elapsed_times(dt, model), rest)
            exact = np.concatenate(truth[source][::-1], axis=-1)
            gap = np.concatenate(other[::-1], axis=-1) - exact[first]
            found[source] = float(np.abs(gap / used_ranges(exact, channels)).max())
    except OnnxRuntimeError:
        return {}
    return {source: error for source, error in found.items() if np.isfinite(error)}


def lines(table: Mapping[str, list[ChannelError]], float32: Mapping[str, float]) -> list[str]:
    """The table in `report.txt`."""
    text = ["", "Each state and output in these runs, the worst first", ""]
    head = ("state or output", "runs", "range used", "worst", "rms")
    text.append("  {:<20} {:<10} {:<24} {:>9} {:>9}".format(*head))
    rows = [(source, row) for source, found in table.items() for row in found]
    for source, row in sorted(rows, key=lambda item: -item[1].worst):
        used = f"[{row.used[0]:.4g}, {row.used[1]:.4g}]"
        text.append(f"  {row.name:<20} {source:<10} {used:<24} {row.worst:>9.1e} {row.rms:>9.1e}")
    if float32:
        found = ", ".join(f"{error:.0e} ({source})" for source, error in float32.items())
        text += ["", f"  The graph itself in float32, run free by onnxruntime: worst {found}"]
    return text


def to_json(table: Mapping[str, list[ChannelError]]) -> dict[str, list[dict[str, Any]]]:
    """The table as plain data, with the digits that do not depend on this machine's libm."""
    return {
        source: [
            {
                "name": row.name,
                "used": [float(f"{end:.3g}") for end in row.used],
                "worst": float(f"{row.worst:.1e}"),
                "rms": float(f"{row.rms:.1e}"),
            }
            for row in found
        ]
        for source, found in table.items()
    }
