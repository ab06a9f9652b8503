"""Where the weights of each synapse lie in the memory of a WebAssembly module.

A synapse is cut, while the network runs, by writing 0 over its weights. How weights are arranged
is the code generator's affair, so nothing of it is assumed here: the C is generated once more with
a number of its own in place of each weight, and the two modules' memories are compared. A place
where the one has the number and the other the weight is the weight's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from elegans.boards.firmware.source import read_model
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.ir.fixed_model import Model, Step, Window
from elegans.exporter.ir.proof import prove
from elegans.exporter.numbers.fixed import INT16_MAX, Integers
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.viewer.wasm.compile_wasm import compile_sources, compile_wasm, wasm_sources
from elegans.viewer.wasm.data_segments import data_segments

_FIELDS = ("weights", "rates")


@dataclass(frozen=True)
class Weight:
    """One weight of a map: `field` of the op of `step`, in this row and column."""

    step: str
    field: str
    row: int
    column: int


@dataclass(frozen=True)
class CuttableSynapse:
    """All weights by which a neuron reads an input or a neuron.

    source    ("input", index) or ("state", index)
    target    the index of the state
    weights   of the maps of the target that are not 0, at least one
    at        [weights] their addresses in the module's memory: int16, little-endian
    strength  the greatest of their magnitudes, each as a fraction of the greatest of its map
    """

    source: tuple[str, int]
    target: int
    weights: tuple[Weight, ...]
    at: tuple[int, ...]
    strength: float


def synapses(build: Path) -> list[CuttableSynapse]:
    """The synapses of a BUILD that can be cut, ordered by target, then source.

    A synapse is left out if one of its weights is not in a table of int16: int8 weights, and the
    sparse maps of solvers, whose weights are in the code. Raises `ElegansError` as `compile_wasm`
    does.
    """
    model = load_model(build)
    found: dict[tuple[int, tuple[str, int]], list[tuple[Weight, float]]] = {}
    for step in model.steps:
        for weight, source, target, strength in _weights(model, step):
            found.setdefault((target, source), []).append((weight, strength))
    every = [weight for weights in found.values() for weight, _ in weights]
    places = _places(build, model, every)
    return [
        CuttableSynapse(
            source,
            target,
            tuple(weight for weight, _ in weights),
            tuple(places[weight] for weight, _ in weights),
            max(strength for _, strength in weights),
        )
        for (target, source), weights in sorted(found.items())
        if all(weight in places for weight, _ in weights)
    ]


def without(model: Model, synapse: CuttableSynapse) -> Model:
    """The model with the weights of a synapse 0: what a module computes after the cut."""
    gone = set(synapse.weights)
    return _with_weights(model, lambda weight, value: 0 if weight in gone else value)


def synapse_data(synapse: CuttableSynapse) -> dict[str, Any]:
    """A synapse as the page's script reads it."""
    kind, index = synapse.source
    return {
        "kind": kind,
        "source": index,
        "target": synapse.target,
        "at": list(synapse.at),
        "strength": round(synapse.strength, 5),
    }


def _weights(model: Model, step: Step) -> Iterator[tuple[Weight, tuple[str, int], int, float]]:
    """The weights of a step that makes a part of one layer's neurons, with source and target."""
    targets = [i for i, c in enumerate(model.states) if c.name.split("[")[0] == step.group]
    if getattr(step.op, "weight_bits", 0) != 16 or len(targets) != step.size:
        return
    columns = [(w.vector, w.lo + i) for w in step.inputs[0] for i in range(w.size)]
    sources = [_source(model, *column) for column in columns]
    for field in _FIELDS:
        matrix = getattr(step.op, field, None)
        if matrix is None:
            continue
        dense = np.asarray(matrix)
        most = np.abs(dense).max(initial=1)
        for row, column in np.argwhere(dense).tolist():
            source = sources[column]
            if source is not None:
                weight = Weight(step.name, field, row, column)
                strength = abs(int(dense[row, column])) / float(most)
                yield weight, source, targets[row], strength


def _source(model: Model, vector: str, element: int) -> tuple[str, int] | None:
    """What an element of a vector is: an input, a state of now, or one that was just made."""
    if vector in ("x", "x_in"):
        return "input", element
    if vector == "h":
        return ("state", element) if model.state_bits == 16 else None
    first = 0
    for window in model.h_next:
        if _holds(window, vector, element):
            return "state", first + element - window.lo
        first += window.size
    return None


def _holds(window: Window, vector: str, element: int) -> bool:
    return window.vector == vector and window.lo <= element < window.hi


def _with_weights(model: Model, value: Callable[[Weight, int], int]) -> Model:
    """The model with another value for each weight that is not 0, in int16 maps."""

    def changed(step: Step, field: str, matrix: Integers | SparseMatrix) -> Any:
        dense = np.array(matrix)
        for row, column in np.argwhere(dense).tolist():
            weight = Weight(step.name, field, row, column)
            dense[row, column] = value(weight, int(dense[row, column]))
        return SparseMatrix.of(dense) if isinstance(matrix, SparseMatrix) else dense

    steps = []
    for step in model.steps:
        if getattr(step.op, "weight_bits", 0) == 16:
            op: Any = step.op
            given = {f: getattr(op, f) for f in _FIELDS if hasattr(op, f)}
            made = {f: changed(step, f, matrix) for f, matrix in given.items()}
            step = replace(step, op=replace(op, **made))
        steps.append(step)
    return replace(model, steps=tuple(steps))


def _places(build: Path, model: Model, every: list[Weight]) -> dict[Weight, int]:
    """The address of each of these weights that lies in the module's memory."""
    values: dict[Weight, int] = {}
    _with_weights(model, lambda weight, value: values.setdefault(weight, value))
    numbers = _numbers(every, values)
    numbered = _with_weights(model, lambda weight, value: numbers.get(weight, value))
    code = emit(plan(numbered, prove(model), read_build_folder(build).layout))
    files = {path: text.encode() for path, text in code.items()}
    source = replace(read_model(build), files=files)
    marked = dict(data_segments(compile_sources(source, wasm_sources(source))))
    weights = {number: weight for weight, number in numbers.items()}
    found: dict[Weight, list[int]] = {}
    for address, shipped in data_segments(compile_wasm(build)):
        if len(marked.get(address, b"")) != len(shipped):
            continue
        odd = address % 2
        pairs = zip(_int16(shipped[odd:]), _int16(marked[address][odd:]), strict=True)
        for i, (value, number) in enumerate(pairs):
            weight = weights.get(number)
            if weight is not None and values[weight] == value:
                found.setdefault(weight, []).append(address + odd + 2 * i)
    return {weight: at[0] for weight, at in found.items() if len(at) == 1}


def _numbers(every: list[Weight], values: dict[Weight, int]) -> dict[Weight, int]:
    """For each weight a number that no other has, and that is not its value; none if they are too
    many for int16."""
    numbers: dict[Weight, int] = {}
    free = itertools.count(1)
    for weight in every:
        number = next(free)
        numbers[weight] = number if number != values[weight] else next(free)
    return numbers if next(free) <= INT16_MAX else {}


def _int16(content: bytes) -> list[int]:
    whole = content[: len(content) // 2 * 2]
    return [int(value) for value in np.frombuffer(whole, "<i2")]
