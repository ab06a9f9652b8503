"""The tables of compact layers that follow each other: one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen.placement import Placement
from elegans.exporter.codegen.program import CompactLayer, LayerCall
from elegans.exporter.numbers.fixed import Integers


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
