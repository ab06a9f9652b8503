"""ONNX's sequences of tensors, as lists of what each step reads or gives.

torch's scripts write them: `x.unbind(1)` before a loop, `outputs.append(h)` in it, and
`torch.stack(outputs)` after it.
"""

from __future__ import annotations

from dataclasses import replace

from elegans.exporter.frontend.recurrent.call import Call
from elegans.exporter.frontend.recurrent.series.movement import with_time, without_time
from elegans.exporter.frontend.recurrent.series.values import Value, When, one_step
from elegans.exporter.frontend.recurrent.walk import Walk


def empty(walk: Walk, call: Call) -> list[Value]:
    """SequenceEmpty: a list to which a loop appends."""
    return [Value((), walk.nodes.kind, items=True)]


def append(walk: Walk, call: Call) -> list[Value]:
    """SequenceInsert: in a loop over time, what a step appends to a list."""
    listed, value = call.present[:2]
    if listed.names or len(call.present) > 2 or not walk.depth:
        raise call.error("inserts into a list otherwise than one tensor at the end of each step")
    return [Value(value.shape, value.kind, (walk.nodes.name_of(value),), value.when, items=True)]


def split(walk: Walk, call: Call) -> list[Value]:
    """SplitToSequence: the steps of a series as a list."""
    value, axis = call.present[0], call.given.get("axis", 0) % len(call.present[0].shape)
    sizes = call.present[1].array if len(call.present) > 1 else None
    single = len(call.present) == 1 or (sizes is not None and bool((sizes == 1).all()))
    if value.axis != axis or not single:
        raise call.error("splits a tensor otherwise than into its steps")
    if len(call.present) == 1 and not call.given.get("keepdims", 1):
        one = without_time(value, walk.nodes, axis, When.NOW)
        value = with_time(one, walk.nodes, 0, walk.length, When.SERIES)
        return [replace(value, items=True)]
    shape = (walk.length, *one_step(value.shape, axis))
    name = walk.nodes.shaped(value.names[0], one_step(shape, 0))
    return [Value(shape, value.kind, (name,), When.SERIES, 0, items=True)]


def pick(walk: Walk, call: Call) -> list[Value]:
    """SequenceAt: the step of a list that a loop reads, or the last one."""
    listed, number = call.present
    if listed.when is not When.SERIES:
        raise call.error("reads a list that has not one tensor for each step")
    one = without_time(listed, walk.nodes, 0, When.NOW)
    if number.over is not None:
        if any(int(at) != step for step, at in enumerate(number.over)):
            raise call.error("reads another step than that of its round")
        return [one]
    if number.array is None or int(number.array) not in (-1, walk.length - 1):
        raise call.error("takes a step of the sequence by itself, which is not the last one")
    return [replace(one, when=When.LAST)]


def join(walk: Walk, call: Call) -> list[Value]:
    """ConcatFromSequence: a list of one tensor for each step as a series."""
    listed = call.present[0]
    if listed.when is not When.SERIES:
        raise call.error("joins a list that has not one tensor for each step")
    item, new = listed.shape[1:], call.given.get("new_axis", 0)
    axis = call.given["axis"] % (len(item) + 1 if new else len(item))
    if not new and item[axis] != 1:
        raise call.error("joins several elements of each step along one axis")
    rest = item if new else (*item[:axis], *item[axis + 1 :])
    shape = (*rest[:axis], walk.length, *rest[axis:])
    name = walk.nodes.shaped(listed.names[0], one_step(shape, axis))
    return [Value(shape, listed.kind, (name,), When.SERIES, axis)]
