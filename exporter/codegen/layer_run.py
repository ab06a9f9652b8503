"""The C and the assembler of a run of fused layers: one table, one call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen.copies import copy_lines
from elegans.exporter.codegen.placement import Place, Placement
from elegans.exporter.codegen.program import (
    BLOCK,
    CfcLayer,
    FusedLayer,
    LayerCall,
    Program,
)
from elegans.exporter.codegen.scratch_buffer import Scratch, rows, scratch
from elegans.exporter.ir.fixed_model import Argument, Window
from elegans.exporter.numbers.fixed import Integers

_PAIRS = 4  # of inputs whose int8 weights are one macro of the table


@dataclass(frozen=True)
class LayerRun:
    """Fused layers that follow each other, ready to print.

    name     of the function
    words    the table of biases and weights, line by line
    calls    the statements of the function in portable C
    macros   the lines of the function in assembler
    scratch  the buffer that both need
    inputs   of the layer that has the most
    bytes    of the table, on a core that takes most
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
class _Part:
    """Inputs beside each other, from a whole word on, and their weights in each map."""

    source: Place
    pairs: int
    rows: list[Integers]


@dataclass(frozen=True)
class _PlacedLayer:
    """One fused layer with its places.

    source   where it reads its inputs, from a whole word on
    pairs    of inputs, from there
    rows     for each map the weights [neurons, 2 pairs], zero where there is no input
    before   the same of a first part of the inputs that has scales of its own; None if there
             is none
    target   where the new state belongs
    through  where it is written first if the old state is still read; None if it is not
    """

    step: LayerCall
    op: FusedLayer
    source: Place
    pairs: int
    rows: list[Integers]
    before: _Part | None
    neurons: int
    target: Place
    through: Place | None


def layer_run(
    name: str,
    steps: Sequence[tuple[LayerCall, FusedLayer]],
    program: Program,
    placement: Placement,
    looped: bool,
) -> LayerRun:
    """A run of fused layers as one function `name`; if `looped`, a word has two weights on each
    core."""
    found = scratch([step for step, _ in steps], program, placement)
    layers = [_placed(step, op, found) for step, op in steps]
    words: list[str] = []
    calls: list[str] = []
    macros: list[str] = []
    for layer in layers:
        words += _words(layer)
        calls += _call(layer)
        macros += [f"{name}_{layer.step.name}:", *_macro(layer)]
    inputs = 2 * max(layer.pairs + _first(layer) for layer in layers)
    needed = set(re.findall(r"\w+", " ".join(calls)))
    unused = [name for name in ("v", "scratch", "dt") if name not in needed]
    size = sum(4 * _blocks_size(layer, looped) for layer in layers)
    return LayerRun(name, words, calls, macros, found, inputs, size, unused)


def _placed(step: LayerCall, op: FusedLayer, found: Scratch) -> _PlacedLayer:
    windows = op.maps[0].windows if op.small else step.inputs[0]
    scales = op.maps[0].scales
    divided = scales.first if scales is not None and op.lifted else 0
    neurons = step.size if isinstance(op, CfcLayer) else rows(step.size)
    places = found.sources[step.inputs[0]]
    before = _part(op, windows[:divided], places, neurons) if divided else None
    rest = _part(op, windows[divided:], places, neurons)
    target = found.targets[step.name]
    overlaps = rest.source.array == target.array and neurons > 1
    through = Place("scratch", 0) if overlaps or target.array == "v" else None
    through = None if neurons == 1 else through
    return _PlacedLayer(
        step, op, rest.source, rest.pairs, rest.rows, before, neurons, target, through
    )


def _part(op: FusedLayer, windows: Argument, places: dict[Window, Place], neurons: int) -> _Part:
    """These windows of a layer's inputs; no pair if there are none."""
    within = [places[window] for window in windows] or list(places.values())[:1]
    first = min(place.offset for place in within) & ~1
    ends = [place.offset + w.size for place, w in zip(within, windows, strict=False)]
    pairs = (max(ends, default=first) - first + 1) // 2
    spread_rows = []
    for part in op.maps:
        spread = np.zeros((neurons, 2 * pairs), dtype=np.int64)
        column = 0
        for window in part.windows:
            if window in windows:
                at = places[window].offset - first
                block = part.weights[:, column : column + window.size]
                spread[: len(block), at : at + window.size] = block
            column += window.size
        spread_rows.append(spread)
    return _Part(Place(within[0].array, first), pairs, spread_rows)


def _first(layer: _PlacedLayer) -> int:
    """The pairs of the first part, 0 if there is none."""
    return layer.before.pairs if layer.before else 0


def _skip(layer: _PlacedLayer) -> int:
    """How many elements lie between the first part and the others; less than 0 for some that
    both read, or if the first part lies behind the others."""
    if layer.before is None or not layer.pairs:
        return 0
    return layer.source.offset - layer.before.source.offset - 2 * layer.before.pairs


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
        biases = ", ".join(str(_bias(layer, part, row)) for part, row in block) + ","
        if layer.before is not None:
            lines += _bytes(layer.before.rows, layer.before.pairs, block)
            lifts = [_lift(layer, part, row) for part, row in block]
            powers = ", ".join(str(1 << lift) for lift in [*lifts, 0][:4])
            lines += [f"EL_POWERS({powers}),", biases]
        else:
            lines.append(biases)
        if layer.op.small:
            lines += _bytes(layer.rows, layer.pairs, block)
            continue
        for p in range(0, 2 * layer.pairs, 2):
            pairs = [layer.rows[part][row, p : p + 2] for part, row in block]
            lines.append(" ".join(f"EL_PAIR({even}, {odd})," for even, odd in pairs))
    return lines


def _bytes(weights: list[Integers], pairs: int, block: list[tuple[int, int]]) -> list[str]:
    """Int8 weights of a block's rows, up to four pairs of inputs in a line, row by row."""
    lines = []
    for p in range(0, pairs, _PAIRS):
        count = min(_PAIRS, pairs - p)
        found = [weights[part][row, 2 * p : 2 * (p + count)] for part, row in block]
        numbers = ", ".join(str(w) for row in found for w in row)
        lines.append(f"EL_BYTES{len(block)}_{count}({numbers}),")
    return lines


def _lift(layer: _PlacedLayer, part: int, row: int) -> int:
    scales = layer.op.maps[part].scales
    return int(scales.lifts[row]) if scales is not None and row < len(scales.lifts) else 0


def _blocks(layer: _PlacedLayer) -> list[list[tuple[int, int]]]:
    """The rows that are computed together, as (map, row), in the order of the table."""
    if isinstance(layer.op, CfcLayer):
        return [[(m, n) for m in range(len(layer.op.maps))] for n in range(layer.neurons)]
    return [[(0, n + k) for k in range(BLOCK)] for n in range(0, layer.neurons, BLOCK)]


def _blocks_size(layer: _PlacedLayer, looped: bool) -> int:
    """The words of a layer: a bias for each row, and its weights, each a word on some cores unless
    `looped`. Four of int8 are a word: of a pair of inputs and two rows, or of two pairs and a third
    row."""
    size = 0
    for block in _blocks(layer):
        size += len(block) + (layer.before is not None)
        for pairs in (_first(layer), layer.pairs):
            small = 2 * pairs if len(block) == BLOCK else pairs + -(-pairs // 2)
            large = (1 if looped else 2) * pairs * len(block)
            size += small if layer.op.small else large
    return size


def _bias(layer: _PlacedLayer, part: int, row: int) -> int:
    bias = layer.op.maps[part].bias
    return int(bias[row]) if row < len(bias) else 0


def _shifts(layer: _PlacedLayer) -> list[int]:
    return [m.shift for m in layer.op.maps[:3]]


def _whole(layer: _PlacedLayer) -> list[int]:
    """The lifts of the whole maps of t and of its rate, which only a timed int8 layer has."""
    scales = [m.scales for m in layer.op.maps[2:]] if layer.op.timed else []
    return [s.whole for s in scales if s is not None]


def _begin(layer: _PlacedLayer) -> Place:
    """Where a layer begins to read."""
    return layer.before.source if layer.before else layer.source


def _call(layer: _PlacedLayer) -> list[str]:
    target = layer.through or layer.target
    shifts = "".join(f", {s}U" for s in _shifts(layer))
    dt = ", dt" if layer.op.timed else ""
    first = f"{_first(layer)}U, {_skip(layer)}, " if layer.op.small else ""
    whole = "".join(f", {lift}U" for lift in _whole(layer))
    lines = [
        f"/* {layer.step.name} */",
        f"w = el_{layer.op.kernel}({target}, {_begin(layer)}, w{dt}, {first}"
        f"{layer.pairs}U, {layer.neurons}U{shifts}{whole});",
    ]
    if layer.through:
        lines += copy_lines(layer.target, layer.through, layer.step.size)
    return lines


def _macro(layer: _PlacedLayer) -> list[str]:
    target = layer.through or layer.target
    saturate = sum(1 << i for i, m in enumerate(layer.op.maps[:3]) if m.saturates)
    first = [_first(layer), 2 * _skip(layer)] if layer.op.small else []
    numbers = [*first, layer.pairs, layer.neurons, *_shifts(layer), saturate, *_whole(layer)]
    lines = [
        f"EL_{layer.op.kernel.upper()} {_at(target)}, {_at(_begin(layer))}, "
        + ", ".join(map(str, numbers)),
    ]
    if layer.through:
        lines.append(f"EL_COPY {_at(layer.target)}, {_at(layer.through)}, {layer.step.size}")
    return lines


def _at(place: Place) -> str:
    """A place as the macros take it: the array, and an offset in bytes."""
    return f"EL_{place.array.upper()}, {2 * place.offset}"
