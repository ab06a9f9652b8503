"""How often a Loop runs, and what in it follows from the number of the round alone.

Counters, comparisons of them and indices made of them are run in advance, round by round.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from elegans.exporter.frontend.folding.operators import FOLDABLE
from elegans.exporter.frontend.recurrent.call import Call, constants
from elegans.exporter.frontend.recurrent.series.values import Array, Value, known
from elegans.exporter.frontend.recurrent.walk import Walk

_LARGEST = 64  # elements of a counter or an index
Arrays = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Rounds:
    """The rounds of a Loop.

    count   how many there are
    values  tensors of the body that follow from the number of the round
    """

    count: int
    values: dict[str, Value]


def rounds(walk: Walk, call: Call, body: onnx.GraphProto) -> Rounds:
    """Run what follows from the number of the round.

    Raises `ElegansError` if the loop's end depends on data, or is too far.
    """
    trips, going = (_number(call, value) for value in call.inputs[:2])
    first, second = (port.name for port in body.input[:2])
    carried = list(zip(body.input[2:], body.output[1:], call.inputs[2:], strict=False))
    after = {before.name: made.name for before, made, _ in carried}
    starts = {
        before.name: value.array
        for before, _, value in carried
        if value is not None and value.array is not None and _counts(value.array)
    }
    fixed = {n: v.array for n, v in call.scope.items() if v.array is not None}
    fixed |= {n: v.array for n, v in constants(body, walk.path).items() if v.array is not None}
    nodes = _fixed(walk, call, body, fixed)
    nodes, counters = _control(nodes, [first, second], starts, after, fixed)
    end = body.output[0].name
    history: dict[str, list[Array]] = {}
    state: Arrays = {name: starts[name] for name in counters}
    count, goes = 0, going is None or bool(going)
    while goes and (trips is None or count < trips):
        found = {first: np.array(count, np.int64), second: np.array(True), **state}
        known_now = ChainMap(found, fixed)
        walk.work.spend(call.place, len(nodes) + 1)
        for node in nodes:
            inputs = {n: known_now[n] for n in node.input if n}
            made = walk.reader.evaluate(call.place, node, inputs)
            found |= {n: np.asarray(v) for n, v in zip(node.output, made, strict=True)}
        for name, value in found.items():
            history.setdefault(name, []).append(value)
        if end not in known_now:
            raise call.error("runs as long as its data say", "run it over a fixed number of steps")
        goes = bool(known_now[end].reshape(-1)[0])
        state = {name: known_now[after[name]] for name in counters}
        count += 1
    return Rounds(count, {name: _over(each) for name, each in history.items()})


def _number(call: Call, value: Value | None) -> int | None:
    """A bound or a condition, None without one. Raises `ElegansError` if it depends on data."""
    if value is None:
        return None
    if value.array is None:
        raise call.error("runs as long as its data say", "run it over a fixed number of steps")
    return int(value.array.reshape(-1)[0])


def _counts(array: Array) -> bool:
    return array.dtype.kind in "iub" and 0 < array.size <= _LARGEST


def _fixed(walk: Walk, call: Call, body: onnx.GraphProto, fixed: Arrays) -> list[onnx.NodeProto]:
    """Add what constants alone decide to `fixed`; returns the other nodes that might be run."""
    left = []
    for node in body.node:
        if node.op_type not in FOLDABLE:
            continue
        if not all(not n or n in fixed for n in node.input):
            left.append(node)
            continue
        made = walk.reader.evaluate(call.place, node, {n: fixed[n] for n in node.input if n})
        arrays = {n: np.asarray(v) for n, v in zip(node.output, made, strict=True)}
        walk.work.spend(call.place, elements=sum(a.size for a in arrays.values()))
        fixed |= arrays
    return left


def _control(
    possible: list[onnx.NodeProto],
    given: list[str],
    starts: Mapping[str, Array],
    after: Mapping[str, str],
    fixed: Arrays,
) -> tuple[list[onnx.NodeProto], list[str]]:
    """The nodes that depend on no data, and the carried values that do not."""
    counters = list(starts)
    while True:
        seen = {*given, *counters, *fixed}
        nodes = []
        for node in possible:
            if all(not n or n in seen for n in node.input):
                nodes.append(node)
                seen |= {*node.output}
        kept = [name for name in counters if after[name] in seen]
        if kept == counters:
            return nodes, counters
        counters = kept


def _over(each: list[Array]) -> Value:
    """A tensor of all rounds: a constant if it is the same in each."""
    first = each[0]
    if all(np.array_equal(first, other) for other in each):
        return known(first)
    value = known(first)
    return Value(value.shape, value.kind, over=tuple(each))
