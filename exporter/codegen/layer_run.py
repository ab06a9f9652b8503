"""The C and the assembler of a run of fused layers: one table, one call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen.placement import Place, Placement
from elegans.exporter.codegen.program import (
    BLOCK,
    CfcLayer,
    CompactLayer,
    FusedLayer,
    LayerCall,
    Program,
)
from elegans.exporter.codegen.scratch_buffer import Scratch, rows, scratch
from elegans.exporter.numbers.fixed import Integers


@dataclass(frozen=True)
class LayerRun:
    """Fused layers that follow each other, ready to print.

    name     of the function
    words    the table of biases and weights, line by line
    calls    the statements of the function in portable C
    macros   the lines of the function in assembler
    scratch  the buffer that both need
    inputs   of the layer that has the most
    bytes    of the table, on a core that takes a word for each weight
    unused   parameters of the function that the calls do not need
    """

    name: str
    words: list[str]
    calls: list[str]
    macros: list[str]
    scratch: Scratch
    inputs: int
    bytes: int
    unused: list[str]


@dataclass(frozen=True)
class _PlacedLayer:
    """One fused layer with its places.

    source   where it reads its inputs, from a whole word on
    pairs    of inputs, from there
    rows     for each map the weights [neurons, 2 pairs], zero where there is no input
    target   where the new state belongs
    through  where it is written first if the old state is still read; None if it is not
    """

    step: LayerCall
    op: FusedLayer
    source: Place
    pairs: int
    rows: list[Integers]
    neurons: int
    target: Place
    through: Place | None


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
        places.append([source.offset, inputs, placement.places[step.name].offset, step.size])
        for n in range(step.size):
            weights += [w[n, wired[n]] if m < 2 else w[n] for m, (w, _) in enumerate(maps)]
        biases.append(np.stack([b for _, b in maps], axis=1).ravel())
        shifts = np.stack([s.shift for s in op.sums], axis=1)
        bits = np.packbits(wired, axis=1, bitorder="little")
        rows.append(np.concatenate([bits, shifts], axis=1).ravel())
    tables = {
        "places": ("el_compact_layer", np.array(places)),
        "w": (f"int{op.sums[0].weight_bits}_t", np.concatenate(weights)),
        "b": ("int32_t", np.concatenate(biases)),
        "rows": ("uint8_t", np.concatenate(rows)),
    }
    neurons, inputs = max(step.size for step, _ in steps), max(row[1] for row in places)
    return CompactRun(tables, op.kernel, neurons, inputs)


def layer_run(
    name: str,
    steps: Sequence[tuple[LayerCall, FusedLayer]],
    program: Program,
    placement: Placement,
) -> LayerRun:
    """A run of fused layers as one function `name`."""
    found = scratch([step for step, _ in steps], program, placement)
    layers = [_placed(step, op, found) for step, op in steps]
    words: list[str] = []
    calls: list[str] = []
    macros: list[str] = []
    for layer in layers:
        words += _words(layer)
        calls += _call(layer)
        macros += [f"{name}_{layer.step.name}:", *_macro(layer)]
    inputs = 2 * max(layer.pairs for layer in layers)
    needed = set(re.findall(r"\w+", " ".join(calls)))
    unused = [name for name in ("v", "scratch", "dt") if name not in needed]
    size = sum(4 * _blocks_size(layer) for layer in layers)
    return LayerRun(name, words, calls, macros, found, inputs, size, unused)


def _placed(step: LayerCall, op: FusedLayer, found: Scratch) -> _PlacedLayer:
    places = found.sources[step.inputs[0]]
    first = min(place.offset for place in places.values()) & ~1
    last = max(place.offset + window.size for window, place in places.items())
    pairs = (last - first + 1) // 2
    neurons = step.size if isinstance(op, CfcLayer) else rows(step.size)
    spread_rows = []
    for part in op.maps:
        spread = np.zeros((neurons, 2 * pairs), dtype=np.int64)
        column = 0
        for window in part.windows:
            at = places[window].offset - first
            block = part.weights[:, column : column + window.size]
            spread[: step.size, at : at + window.size] = block
            column += window.size
        spread_rows.append(spread)
    array = next(iter(places.values())).array
    source, target = Place(array, first), found.targets[step.name]
    overlaps = source.array == target.array and neurons > 1
    through = Place("scratch", 0) if overlaps or target.array == "v" else None
    through = None if neurons == 1 else through
    return _PlacedLayer(step, op, source, pairs, spread_rows, neurons, target, through)


def _words(layer: _PlacedLayer) -> list[str]:
    lines = []
    roles = ("f", "g", "t", "rate")
    for block in _blocks(layer):
        title = f"{layer.step.name}[{block[0][1]}]"
        if isinstance(layer.op, CfcLayer):
            title += ": biases of " + ", ".join(roles[: len(block)])
        else:
            title += f"..[{block[-1][1]}]: biases"
        lines.append(f"/* {title}; their weights of two inputs at a time */")
        biases = [_bias(layer, part, row) for part, row in block]
        lines.append(", ".join(str(b) for b in biases) + ",")
        for p in range(0, 2 * layer.pairs, 2):
            pairs = [layer.rows[part][row, p : p + 2] for part, row in block]
            lines.append(" ".join(f"EL_PAIR({even}, {odd})," for even, odd in pairs))
    return lines


def _blocks(layer: _PlacedLayer) -> list[list[tuple[int, int]]]:
    """The rows that are computed together, as (map, row), in the order of the table."""
    if isinstance(layer.op, CfcLayer):
        return [[(m, n) for m in range(len(layer.op.maps))] for n in range(layer.neurons)]
    return [[(0, n + k) for k in range(BLOCK)] for n in range(0, layer.neurons, BLOCK)]


def _blocks_size(layer: _PlacedLayer) -> int:
    """The words of a layer: a bias for each row, and its weights."""
    rows = sum(len(block) for block in _blocks(layer))
    return rows * (1 + 2 * layer.pairs)


def _bias(layer: _PlacedLayer, part: int, row: int) -> int:
    bias = layer.op.maps[part].bias
    return int(bias[row]) if row < len(bias) else 0


def _shifts(layer: _PlacedLayer) -> list[int]:
    return [m.shift for m in layer.op.maps[:3]]


def _call(layer: _PlacedLayer) -> list[str]:
    target = layer.through or layer.target
    shifts = "".join(f", {s}U" for s in _shifts(layer))
    dt = ", dt" if layer.op.timed else ""
    lines = [
        f"/* {layer.step.name} */",
        f"w = el_{layer.op.kernel}({target}, {layer.source}, w{dt}, "
        f"{layer.pairs}U, {layer.neurons}U{shifts});",
    ]
    if layer.through:
        size = f"{layer.step.size}U * sizeof(int16_t)"
        lines.append(f"memcpy({layer.target}, {layer.through}, {size});")
    return lines


def _macro(layer: _PlacedLayer) -> list[str]:
    target = layer.through or layer.target
    saturate = sum(1 << i for i, m in enumerate(layer.op.maps[:3]) if m.saturates)
    numbers = [layer.pairs, layer.neurons, *_shifts(layer), saturate]
    lines = [
        f"EL_{layer.op.kernel.upper()} {_at(target)}, {_at(layer.source)}, "
        + ", ".join(map(str, numbers)),
    ]
    if layer.through:
        lines.append(f"EL_COPY {_at(layer.target)}, {_at(layer.through)}, {layer.step.size}")
    return lines


def _at(place: Place) -> str:
    """A place as the macros take it: the array, and an offset in bytes."""
    return f"EL_{place.array.upper()}, {2 * place.offset}"
