"""Finds one step in the graph of a whole sequence, and makes it a graph of its own.

Which axes of the inputs are time is not written in a file. Each way to read it (`readings`) is
walked (`Walk`); the first one along whose time all recurrences run is the file's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from onnx import helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.ports.names import Pairs
from elegans.exporter.frontend.recurrent.call import Call, Scope, Work, constants, value_of
from elegans.exporter.frontend.recurrent.kinds import lists
from elegans.exporter.frontend.recurrent.kinds.loops import branch, loop, scan
from elegans.exporter.frontend.recurrent.kinds.nodes import recurrent_node
from elegans.exporter.frontend.recurrent.readings import (
    Reading,
    input_values,
    readings,
    sized,
    unrolled_readings,
)
from elegans.exporter.frontend.recurrent.series.values import ONE_STEP, Shape, Value
from elegans.exporter.frontend.recurrent.states import Ports, settle
from elegans.exporter.frontend.recurrent.unrolled import SHORTEST, fold
from elegans.exporter.frontend.recurrent.walk import Walk

_KINDS: dict[str, Callable[[Walk, Call], list[Value]]] = {
    **dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent_node),
    "Loop": loop,
    "Scan": scan,
    "If": branch,
    "SequenceEmpty": lists.empty,
    "SequenceInsert": lists.append,
    "SplitToSequence": lists.split,
    "SequenceAt": lists.pick,
    "ConcatFromSequence": lists.join,
}
_NAMES = {  # of one, and of several
    "LSTM": ("an LSTM node", "an LSTM node of {} layers"),
    "GRU": ("a GRU node", "a GRU node of {} layers"),
    "RNN": ("an RNN node", "an RNN node of {} layers"),
    "Loop": ("a Loop", "{} Loops"),
    "Scan": ("a Scan", "{} Scans"),
    "": ("an unrolled network", ""),
}


@dataclass(frozen=True, eq=False)
class FoundStep:
    """One step of a sequence.

    model     its graph, with shapes and without what no output needs
    states    the names of its inputs and outputs that are states
    told      a sentence that says what it was found in
    whole     the graph of the sequence, all shapes fixed
    length    the number of its steps
    inputs    by the names of the whole graph's inputs: their axis of time, if they have one
    outputs   the same of its outputs; those without an axis are known after the last step
    """

    model: onnx.ModelProto
    states: Pairs
    told: str
    whole: onnx.ModelProto
    length: int
    inputs: dict[str, int | None]
    outputs: dict[str, int | None]


def is_sequence(model: onnx.ModelProto) -> bool:
    """Whether a graph, or a branch in it, has nodes that run over a sequence."""
    return _runs(model.graph)


def _runs(graph: onnx.GraphProto) -> bool:
    return any(
        node.op_type in _NAMES or (node.op_type == "If" and any(_runs(a.g) for a in node.attribute))
        for node in graph.node
    )


def find_step(given: onnx.ModelProto, model: onnx.ModelProto, path: Path) -> FoundStep:
    """The step of a graph with recurrent nodes or loops.

    given  the graph as the file has it, checked and within limits; sizes may be without a number
    model  the same with the operators that the importer reads

    Raises `ElegansError` with the reason if there is none.
    """
    best: tuple[int, ElegansError] | None = None
    held, work = constants(model.graph, path), Work(len(model.graph.node))
    refused: list[tuple[Reading, ElegansError]] = []
    for reading in readings(model):
        walk = Walk(model, path, reading.length, 1, _KINDS, work)
        if not reading.axes:
            for other, error in refused:
                if other.free and _along(walk, other, held):
                    raise error
        try:
            step = _step(walk, reading, held, given)
            if walk.found or best is None or not best[0]:
                return step
        except ElegansError as error:
            refused.append((reading, error))
            reached = sum(walk.found.values())
            if best is None or not best[0] or reached > best[0]:
                best = reached, error
    if best is None:
        raise ElegansError(path, "has no inputs", ONE_STEP)
    if best[0]:
        raise best[1]
    # The last walk, of one step, has met the recurrences: the axis as long as one of them is time.
    raise next((e for r, e in refused if r.axes and r.length in walk.rounds), best[1])


def _along(like: Walk, reading: Reading, held: Scope) -> bool:
    """Whether a recurrence runs along the axes of free size that a reading takes for time.

    Then they are time, and the graph is not one step, even if a sequence of one step would hide
    what looks at several of them.
    """
    runs = []
    for length in (reading.length, reading.length + 1):
        walk = Walk(like.model, like.path, length, 1, _KINDS, like.work)
        with suppress(ElegansError):
            walk.run(input_values(walk.model, replace(reading, length=length, axes={})), held)
        runs.append(walk.rounds)
    return any(one != other for one, other in zip(*runs, strict=False))


def find_unrolled(
    given: onnx.ModelProto, model: onnx.ModelProto, path: Path, states: Collection[str]
) -> FoundStep | None:
    """The step of a graph that is an unrolled sequence: equal copies, one for each step.

    states  inputs that are known to be states, and so no sequences

    None if it takes no input apart into steps. Raises `ElegansError` with the reason if it does,
    but its copies are no steps.
    """
    best: tuple[int, ElegansError] | None = None
    held, work = constants(model.graph, path), Work(len(model.graph.node))
    for reading in unrolled_readings(model, SHORTEST):
        if any(axis is not None and name in states for name, axis in reading.axes.items()):
            continue
        walk = Walk(model, path, reading.length, reading.length, _KINDS, work)
        try:
            return _step(walk, reading, held, given)
        except ElegansError as error:
            if best is None or len(walk.picked) > best[0]:
                best = len(walk.picked), error
    if best is None or best[0] < SHORTEST:
        return None
    raise best[1]


def _step(walk: Walk, reading: Reading, held: Scope, given: onnx.ModelProto) -> FoundStep:
    inputs = input_values(walk.model, reading, walk.copies)
    scope = walk.run(inputs, held)
    found = {p.name: value_of(str(walk.path), scope, p.name) for p in walk.model.graph.output}
    if walk.copies > 1:
        if len(walk.picked) < walk.length:
            raise ElegansError(walk.path, "is no sequence of equal steps", ONE_STEP)
        tensors = fold(walk, inputs, found)
        walk.found = {"": 1}
    else:
        tensors = {name: walk.nodes.name_of(value) for name, value in found.items()}
    if not walk.found and reading.axes:
        raise ElegansError(walk.path, "runs no recurrence along an axis of time", ONE_STEP)
    inputs = {
        name: replace(value, names=(walk.nodes.rename(value.names[-1], name),))
        for name, value in inputs.items()
    }
    states = settle(walk, inputs, tensors)
    shapes = {name: (v.step_shape, v.kind) for name, v in found.items()}
    model = step_model(walk, inputs, tensors, shapes, states)
    axes = {name: value.axis for name, value in found.items()}
    whole = sized(given, reading)
    told = _told(walk, reading)
    return FoundStep(model, tuple(states), told, whole, reading.length, dict(reading.axes), axes)


def step_model(
    walk: Walk,
    inputs: Scope,
    tensors: dict[str, str],
    shapes: dict[str, tuple[Shape, int]],
    states: Ports,
) -> onnx.ModelProto:
    """The graph of the step: the walk's nodes that its outputs need.

    tensors  of the walk that the graph's outputs have
    shapes   of these outputs, and their types
    """
    whole = walk.model
    own = {s.name: s.shape for s in walk.recurrences if s.name in dict(states)}
    before = {**{n: (v.step_shape, v.kind) for n, v in inputs.items()}}
    before |= {name: (shape, walk.nodes.kind) for name, shape in own.items()}
    after = {**shapes, **{dict(states)[n]: (shape, walk.nodes.kind) for n, shape in own.items()}}
    named = [helper.make_node("Identity", [t], [n]) for n, t in tensors.items()]
    nodes, read = list[onnx.NodeProto](), set(after)
    for node in reversed([*walk.nodes.nodes, *named]):
        if read & set(node.output):
            nodes.append(node)
            read |= set(node.input)
    graph = helper.make_graph(
        nodes[::-1],
        whole.graph.name or "step",
        [helper.make_tensor_value_info(n, k, s) for n, (s, k) in before.items() if n in read],
        [helper.make_tensor_value_info(n, k, s) for n, (s, k) in after.items()],
        [tensor for name, tensor in walk.nodes.held.items() if name in read],
    )
    model = helper.make_model(
        graph, opset_imports=list(whole.opset_import), ir_version=whole.ir_version
    )
    model.metadata_props.extend(whole.metadata_props)
    return model


def _told(walk: Walk, reading: Reading) -> str:
    """`one step of an LSTM node of 2 layers, sequence of 20`."""
    if not walk.found:
        return "loops written out"
    parts = [
        _NAMES[kind][0] if count == 1 else _NAMES[kind][1].format(count)
        for kind, count in walk.found.items()
    ]
    length = "any length" if reading.free else f"{reading.length}"
    return f"one step of {' and '.join(parts)}, sequence of {length}"
