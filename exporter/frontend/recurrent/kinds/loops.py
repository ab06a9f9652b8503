"""ONNX's Scan and Loop, whose bodies are steps; and If.

A Loop is one over time if its body picks a step of a series by the number of the round; then its
states are those of the step. Any other Loop, such as a solver's, is part of one step, and its
rounds are written out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from elegans.exporter.frontend.recurrent.call import Call, Recurrence
from elegans.exporter.frontend.recurrent.kinds.rounds import Rounds, rounds
from elegans.exporter.frontend.recurrent.series.movement import MOVING, with_time, without_time
from elegans.exporter.frontend.recurrent.series.values import Value, When, known, known_zero
from elegans.exporter.frontend.recurrent.walk import Walk

_MOST_WRITTEN_OUT = 1 << 12  # rounds of a loop within a step, times the nodes of its body


def scan(walk: Walk, call: Call) -> list[Value]:
    """The last states of a Scan, and what its body gives at each step.

    Raises `ElegansError` if it runs backwards, or not over the steps of an input.
    """
    count = call.given["num_scan_inputs"]
    states, sequences = call.present[:-count], call.present[-count:]
    axes = call.given.get("scan_input_axes") or [0] * count
    when = When.NOW if any(v.axis is not None for v in sequences) else When.STEADY
    length = walk.length if when is When.NOW else 1
    if length > 1 and (walk.depth or walk.copies > 1):
        raise call.error("runs over time inside of a step")
    walk.rounds += [v.shape[a] for v, a in zip(sequences, axes, strict=True)]
    samples = [_sample(walk, call, v, a, when) for v, a in zip(sequences, axes, strict=True)]
    walk.count("Scan")
    given = ("scan_input_directions", "scan_output_directions")
    if length > 1 and any(d for name in given for d in call.given.get(name, ())):
        raise call.error(
            "reads the sequence backwards, and a step does not know what is to come",
            "train it with the direction forward",
        )
    before = [_state(walk, call, v, when, n) for n, v in enumerate(states)]
    body = call.given["body"]
    made = walk.body(call, body, [*before, *samples])
    finals = _finals(walk, call, states, before, made[: len(states)], when)
    outputs = made[len(states) :]
    places = call.given.get("scan_output_axes") or [0] * len(outputs)
    return [*finals, *(_series(walk, v, a, when) for v, a in zip(outputs, places, strict=True))]


def loop(walk: Walk, call: Call) -> list[Value]:
    """The last values that a Loop carries, and what its body gives in each round.

    Raises `ElegansError` if how often it runs depends on data, or if it is one over time and
    does not run over all steps in their order.
    """
    body = call.given["body"]
    if not _picks(body, call):
        return _written_out(walk, call, body)
    if walk.depth or walk.copies > 1:
        raise call.error("runs over time inside of a step")
    walk.count("Loop")
    found = rounds(walk, call, body)
    if found.count != walk.length:
        raise call.error(f"runs over {found.count} of {walk.length} steps")
    carried = call.inputs[2:]
    before = [
        _carried(walk, call, found, body.input[n + 2].name, value, n)
        for n, value in enumerate(carried)
    ]
    first = [found.values[body.input[n].name] for n in (0, 1)]
    made = walk.body(call, body, [*first, *before], found.values)[1:]
    finals = _finals(walk, call, carried, before, made[: len(carried)], When.NOW)
    return [*finals, *(_series(walk, v, 0, When.NOW) for v in made[len(carried) :])]


def branch(walk: Walk, call: Call) -> list[Value]:
    """If: the branch that a constant decides for. Raises `ElegansError` if data decide."""
    chosen = call.present[0].array
    if chosen is None:
        raise call.error("chooses between graphs by its data", "write a Where between tensors")
    taken = call.given["then_branch" if chosen.any() else "else_branch"]
    return walk.body(call, taken, [], rounds=False)


def _picks(body: onnx.GraphProto, call: Call) -> bool:
    """Whether a body takes something out of a series from outside."""
    inside = {port.name for port in body.input}
    series = {n for n, v in call.scope.items() if v.axis is not None and n not in inside}
    return any(
        node.op_type in (*MOVING, "SequenceAt") and series.intersection(node.input[:1])
        for node in body.node
    )


def _sample(walk: Walk, call: Call, value: Value, axis: int, when: When) -> Value:
    """What a Scan's body gets of one of its sequences."""
    axis %= max(len(value.shape), 1)
    if value.when is When.SERIES:
        if value.axis != axis:
            raise call.error("runs over another axis than that of time")
        return without_time(value, walk.nodes, axis, When.NOW)
    if value.array is not None and (when is When.NOW or value.shape[axis] == 1):
        first = np.take(value.array, 0, axis)
        if np.any(value.array != np.expand_dims(first, axis)):
            raise call.error("has other numbers at each step, as an encoding of the position has")
        return known(first, value.kind)
    if value.shape[axis] != 1:
        raise call.error(f"runs over {value.shape[axis]} steps that are no steps of an input")
    return without_time(value, walk.nodes, axis, value.when)


def _state(walk: Walk, call: Call, initial: Value, when: When, number: int) -> Value:
    """A state as the body of a loop over time reads it."""
    if walk.copies > 1 or walk.depth:
        return initial
    kind = call.node.op_type
    count = f"{walk.found[kind]}" if walk.found[kind] > 1 else ""
    name = walk.nodes.fresh(f"{kind.lower()}{count}_state{number}")
    return Value(initial.shape, initial.kind, (name,), when)


def _carried(
    walk: Walk, call: Call, found: Rounds, name: str, initial: Value | None, number: int
) -> Value:
    """What the body of a Loop over time reads of a value that it carries."""
    if initial is None:
        raise ValueError("a value that it carries has no initial value")
    if name in found.values:
        return found.values[name]
    if initial.items or (initial.array is not None and not initial.array.size):
        return Value((), initial.kind, when=When.NOW, items=True)  # it collects what comes
    return _state(walk, call, initial, When.NOW, number)


def _finals(
    walk: Walk,
    call: Call,
    initial: list[Value] | tuple[Value | None, ...],
    before: list[Value],
    after: list[Value],
    when: When,
) -> list[Value]:
    """The last values of states, which are registered with the walk."""
    finals = []
    for rank, (start, state, value) in enumerate(zip(initial, before, after, strict=True)):
        if state.items:
            finals.append(_collected(walk, call, value))
        elif state.over is not None or state.array is not None or start is state:
            finals.append(value if value.over is None else known(value.over[-1], value.kind))
        else:
            if value.shape != state.shape:
                raise call.error(f"changes the shape of a state to {list(value.shape)}")
            first = None if known_zero(start) or start is None else start
            name = None if first is None else walk.initial(call, first, _series_if(when))
            tensor = walk.nodes.name_of(value)
            walk.recurrences.append(
                Recurrence(call.place, state.names[0], state.shape, name, tensor, rank)
            )
            last = When.LAST if when is When.NOW else when
            finals.append(Value(value.shape, value.kind, (tensor,), last))
    return finals


def _series_if(when: When) -> When:
    return When.SERIES if when is When.NOW else when


def _series(walk: Walk, value: Value, axis: int, when: When) -> Value:
    """What a body gives at each step, along an axis of time."""
    axis %= len(value.shape) + 1
    if when is When.STEADY:
        return with_time(value, walk.nodes, axis, 1, when)
    return with_time(value, walk.nodes, axis, walk.length, When.SERIES)


def _collected(walk: Walk, call: Call, value: Value) -> Value:
    """What the rounds have appended to a sequence, or along an axis to a tensor."""
    if not value.names:
        raise call.error("appends to a list what is not known")
    if value.axis is None:
        return replace(_series(walk, value, 0, When.NOW), items=True)
    if value.shape[value.axis] != 1:
        raise call.error("appends several elements at a time")
    shape = tuple(walk.length if n == value.axis else s for n, s in enumerate(value.shape))
    return Value(shape, value.kind, value.names, When.SERIES, value.axis)


def _written_out(walk: Walk, call: Call, body: onnx.GraphProto) -> list[Value]:
    """A loop within a step: each round anew, with the number of the round as a constant."""
    most, going = (call.inputs[0], call.inputs[1])
    for value in (most, going):
        if value is not None and value.array is None:
            raise call.error("runs as often as its data say", "fix the number of rounds")
    trips = None if most is None or most.array is None else int(most.array.reshape(-1)[0])
    goes = going is None or going.array is None or bool(going.array.reshape(-1)[0])
    walk.rounds += [] if trips is None else [trips]
    carried = [value for value in call.inputs[2:] if value is not None]
    outputs = list[list[Value]]()
    number = 0
    while goes and (trips is None or number < trips):
        if number * max(len(body.node), 1) >= _MOST_WRITTEN_OUT:
            fact = f"runs {trips:,} rounds" if trips is not None else "runs very many rounds"
            raise call.error(f"{fact} within a step", "take fewer rounds")
        first = [known(np.array(number, np.int64)), known(np.array(True))]
        made = walk.body(call, body, [*first, *carried])
        if made[0].array is None:
            raise call.error("runs as often as its data say", "fix the number of rounds")
        goes = bool(made[0].array.reshape(-1)[0])
        carried = made[1 : len(carried) + 1]
        outputs.append(made[len(carried) + 1 :])
        number += 1
    if not outputs:
        return carried
    return [*carried, *(_stacked(walk, list(each)) for each in zip(*outputs, strict=True))]


def _stacked(walk: Walk, values: list[Value]) -> Value:
    """What several rounds gave, along a new first axis."""
    nodes, first = walk.nodes, values[0]
    shape = (len(values), *first.shape)
    names = [nodes.shaped(nodes.name_of(v), (1, *first.shape)) for v in values]
    when = max(v.when for v in values)
    return Value(shape, first.kind, (nodes.add("Concat", *names, axis=0),), when)
