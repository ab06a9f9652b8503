"""Layers of CfC neurons in the least flash: which ones, and the tables of one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen.fusion.candidates import DT, LARGEST, cfc_sums
from elegans.exporter.codegen.placement import Placement
from elegans.exporter.codegen.program import CompactLayer, LayerCall
from elegans.exporter.ir.fixed_model import Step
from elegans.exporter.numbers.fixed import Integers, LongInterval
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.timed_linear import TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

_BYTE = 255  # the most first inputs that the kernel counts


@dataclass(frozen=True)
class CompactRun:
    """Compact layers that follow each other.

    tables           (C type, values) by the suffix of the name
    kernel           that executes all of them
    neurons, inputs  of the layers that have the most
    """

    tables: dict[str, tuple[str, Integers]]
    kernel: str
    neurons: int
    inputs: int


def compact_run(
    steps: Sequence[tuple[LayerCall, CompactLayer]], placement: Placement
) -> CompactRun:
    """A run of compact layers as one call."""
    places, weights, biases, rows = [], [], [], []
    for step, op in steps:
        source = placement.address(step.inputs[0])
        assert source is not None
        maps, wired = op.maps(), op.wired()
        inputs = wired.shape[1]
        small = op.sums[0].weight_bits == 8
        ends = [source.offset, inputs, placement.places[step.name].offset, step.size]
        places.append([*ends, op.split, op.whole()] if small else ends)
        for n in range(step.size):
            weights += [w[n, wired[n]] if m < 2 else w[n] for m, (w, _) in enumerate(maps)]
        biases.append(np.stack([b for _, b in maps], axis=1).ravel())
        shifts = np.stack([s.shift for s in op.sums], axis=1)
        bits = np.packbits(wired, axis=1, bitorder="little")
        lifts = [op.lifts(), wired[:, : op.split].sum(axis=1)[:, None]] if op.split else []
        rows.append(np.concatenate([bits, shifts, *lifts], axis=1).ravel())
    if op.sums[0].weight_bits == 8:
        rows.append(np.zeros(len(op.sums) + 1, np.int64))  # that the kernel may read
    tables = {
        "places": (f"el_compact{'8' * small}_layer", np.array(places)),
        "w": (f"int{op.sums[0].weight_bits}_t", np.concatenate(weights)),
        "b": ("int32_t", np.concatenate(biases)),
        "rows": ("uint8_t", np.concatenate(rows)),
    }
    neurons, inputs = max(step.size for step, _ in steps), max(row[1] for row in places)
    return CompactRun(tables, op.kernel, neurons, inputs)


def compact(run: Sequence[Step], bounds: object) -> LayerCall | None:
    """These seven steps as a layer, if they are f, g, t and their mix, of the same inputs."""
    sums = cfc_sums(run) if isinstance(run[-1].op, Mix) else None
    if sums is None or len({s.inputs[0] for s in sums}) != 1:
        return None
    f, g, t = (s.op for s in sums if isinstance(s.op, (Linear, TimedLinear)))
    if any(op.sums is LongInterval for op in (f, g, t)):
        return None
    if any(isinstance(op, SparseLinear) and op.weights.size > LARGEST for op in (f, g, t)):
        return None
    if len({op.split for op in (f, g, t) if isinstance(op, (Linear8, TimedLinear8))}) > 1:
        return None
    layer = CompactLayer((f, g, t))
    if layer.split > _BYTE:
        return None
    maps = [weights for weights, _ in layer.maps()]
    kept = 2 * np.count_nonzero(layer.wired()) + sum(w.size for w in maps[2:])
    if sum(np.count_nonzero(w) for w in maps) * 2 < kept:
        return None
    inputs = (sums[0].inputs[0], DT) if layer.timed else (sums[0].inputs[0],)
    return LayerCall(run[-1].name, layer, inputs, run[-1].size, run[-1].frac)


def saved(layer: CompactLayer) -> int:
    """The bytes of weights that the table has less than one with all weights."""
    wired = layer.wired()
    absent = 2 * int((~wired).sum())
    rows = len(wired) * (-(-wired.shape[1] // 8) + 3)
    return int(absent * layer.sums[0].weight_bits // 8 - rows)
