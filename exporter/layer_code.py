"""The C and the assembler of a run of fused layers: one table, one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from elegans.exporter import memory
from elegans.exporter.fixed import Integers
from elegans.exporter.fuse import BLOCK, FUSED, CfcLayer, CompactLayer, Layer
from elegans.exporter.model import Model, Step

_STATE = "s->v"
_MOST_INPUTS = 512


@dataclass(frozen=True)
class Run:
    """Layers that follow each other, ready to print.

    `words` is the table, line by line; `calls` are the portable C's statements, `macros`
    the assembler's lines; `scratch` is the size of the buffer that both need, `inputs` the most
    that a layer has, `flash` the table's bytes on a core that takes a word a weight, `fetched`
    (offset in scratch, array, size) of what is copied there first, and `left` of what is
    copied from there for others.
    """

    name: str
    words: list[str]
    calls: list[str]
    macros: list[str]
    scratch: int
    inputs: int
    flash: int
    timed: bool
    fetched: list[tuple[int, str, int]]
    left: list[tuple[int, memory.Place, int]]


@dataclass(frozen=True)
class _Layer:
    """One layer with its places: x is read from, h written to, `array[offset]`."""

    step: Step
    op: Layer
    source: memory.Place
    pairs: int
    rows: list[Integers]  # one a map: [n, 2 pairs]
    neurons: int
    target: memory.Place
    through: memory.Place | None  # where h waits until nobody reads the old one


def misplaced(model: Model, plan: memory.Plan) -> set[str]:
    """The layers that no kernel can execute: each must read one stretch of memory, no longer
    than M0 has a stack for, and a compact one go from states to states."""
    found = set()
    for step in model.steps:
        if not isinstance(step.op, FUSED):
            continue
        source = plan.address(step.inputs[0])
        if source is None:
            found.add(step.name)
        elif isinstance(step.op, Layer):
            if sum(window.size for window in step.inputs[0]) > _MOST_INPUTS:
                found.add(step.name)
        elif {source.array, plan.places[step.name].array} != {_STATE}:
            found.add(step.name)
    return found


def _read_beyond(model: Model, step: Step, own: set[str]) -> bool:
    read = [w for s in model.steps if s.name not in own for a in s.inputs for w in a]
    return any(w.vector == step.name for w in (*read, *model.y, *model.h_next))


@dataclass(frozen=True)
class CompactRun:
    """Compact layers that follow each other: their tables, the kernel's name, and the most
    neurons and inputs of a layer."""

    tables: dict[str, tuple[str, Integers]]
    kernel: str
    neurons: int
    inputs: int


def compact_run(steps: list[Step], plan: memory.Plan) -> CompactRun:
    """A run of compact layers as one call."""
    places, weights, biases, rows = [], [], [], []
    for step in steps:
        op = cast(CompactLayer, cast(Any, step.op))
        source = plan.address(step.inputs[0])
        assert source is not None
        maps, wired = op.maps(), op.wired()
        inputs = wired.shape[1]
        places.append([source.offset, inputs, plan.places[step.name].offset, step.size])
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
    neurons, inputs = max(step.size for step in steps), max(row[1] for row in places)
    return CompactRun(tables, op.kernel, neurons, inputs)


def run(name: str, steps: list[Step], model: Model, plan: memory.Plan) -> Run:
    """A run of layers as one function `name`."""
    made = {step.name: plan.places[step.name] for step in steps}
    read = [window for step in steps for window in step.inputs[0] if window.vector not in made]
    foreign = {plan.at(window).array for window in read} - {_STATE}
    sizes = {local.name: local.size for local in plan.locals if local.name in foreign}
    fetched_sizes = dict(sizes)
    for step in steps:
        place = made[step.name]
        if place.array != _STATE:  # several may take turns in it
            sizes[place.array] = max(sizes.get(place.array, 0), place.offset + _even(step.size))
    size = max(_even(step.size) for step in steps)  # where a new state waits
    offsets = {}
    for array, most in sizes.items():
        offsets[array] = size
        size += _even(most)
    fetched = [(offsets[array], array, most) for array, most in fetched_sizes.items()]
    left = [
        (offsets[made[step.name].array] + made[step.name].offset, made[step.name], step.size)
        for step in steps
        if made[step.name].array != _STATE and _read_beyond(model, step, set(made))
    ]
    layers = [_layer(step, plan, offsets) for step in steps]
    words: list[str] = []
    calls: list[str] = []
    macros: list[str] = []
    for layer in layers:
        words += _words(layer)
        calls += _call(layer)
        macros += [f"{name}_{layer.step.name}:", *_macro(layer)]
    inputs = 2 * max(layer.pairs for layer in layers)
    timed = any(layer.op.kernel == "cfc" for layer in layers)
    flash = sum(4 * _blocks_size(layer) for layer in layers)
    return Run(name, words, calls, macros, size, inputs, flash, timed, fetched, left)


def _even(size: int) -> int:
    """Rows come in blocks, and every buffer starts at a word."""
    return -(-size // BLOCK) * BLOCK


def _layer(step: Step, plan: memory.Plan, offsets: dict[str, int]) -> _Layer:
    op = cast(Layer, cast(Any, step.op))

    def place(found: memory.Place) -> memory.Place:
        if found.array == _STATE:
            return memory.Place("v", found.offset)
        return memory.Place("scratch", offsets[found.array] + found.offset)

    places = [place(plan.at(window)) for window in step.inputs[0]]
    first = min(p.offset for p in places) & ~1
    last = max(p.offset + w.size for p, w in zip(places, step.inputs[0], strict=True))
    pairs = (last - first + 1) // 2
    neurons = step.size if isinstance(op, CfcLayer) else _even(step.size)
    rows = []
    for part in op.maps:
        spread = np.zeros((neurons, 2 * pairs), dtype=np.int64)
        column = 0
        for window in part.windows:
            at = place(plan.at(window)).offset - first
            block = part.weights[:, column : column + window.size]
            spread[: step.size, at : at + window.size] = block
            column += window.size
        rows.append(spread)
    source, target = memory.Place(places[0].array, first), place(plan.places[step.name])
    overlaps = source.array == target.array and neurons > 1
    through = memory.Place("scratch", 0) if overlaps or target.array == "v" else None
    through = None if neurons == 1 else through
    return _Layer(step, op, source, pairs, rows, neurons, target, through)


def _words(layer: _Layer) -> list[str]:
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


def _blocks(layer: _Layer) -> list[list[tuple[int, int]]]:
    """(map, row) of what is computed together, in the order of the table."""
    if isinstance(layer.op, CfcLayer):
        return [[(m, n) for m in range(len(layer.op.maps))] for n in range(layer.neurons)]
    return [[(0, n + k) for k in range(BLOCK)] for n in range(0, layer.neurons, BLOCK)]


def _blocks_size(layer: _Layer) -> int:
    """Biases and weights of a layer, each a word."""
    rows = sum(len(block) for block in _blocks(layer))
    return rows * (1 + 2 * layer.pairs)


def _bias(layer: _Layer, part: int, row: int) -> int:
    bias = layer.op.maps[part].bias
    return int(bias[row]) if row < len(bias) else 0


def _shifts(layer: _Layer) -> list[int]:
    return [m.shift for m in layer.op.maps[:3]]


def _call(layer: _Layer) -> list[str]:
    target = layer.through or layer.target
    shifts = "".join(f", {s}U" for s in _shifts(layer))
    dt = ", dt" if layer.op.kernel == "cfc" else ""
    lines = [
        f"/* {layer.step.name} */",
        f"w = el_{layer.op.kernel}({target}, {layer.source}, w{dt}, "
        f"{layer.pairs}U, {layer.neurons}U{shifts});",
    ]
    if layer.through:
        size = f"{layer.step.size}U * sizeof(int16_t)"
        lines.append(f"memcpy({layer.target}, {layer.through}, {size});")
    return lines


def _macro(layer: _Layer) -> list[str]:
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


def _at(place: memory.Place) -> str:
    """A place as the macros take it: the slot that holds its array, and an offset in bytes."""
    return f"EL_{place.array.upper()}, {2 * place.offset}"
