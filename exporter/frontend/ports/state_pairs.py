"""Which inputs of a step are states, and which output is the next value of each.

In this order, and each only for what is left over:

1. names: `h` and `h_next`, `c_in` and `c_out`, `h0` and `hn` (`names`); where all next states
   that were found have words such as `next`, a port that has none is a sensor or an output;
2. a gate, a decay or a step of time blends the input into the output (`Dataflow.blended`);
3. the output is computed element by element from a next state, as h' = o tanh(c') of an LSTM;
4. nothing else is possible: it is the only candidate, or at least one input must be a sensor.

A candidate is an input and an output of one size, of which the output depends on the input;
ports that are sensors or outputs by their names (x, obs, y, action) are none. A candidate about
which nothing of this decides is not taken for a sensor: the user is asked. So is who has an input
and an output that may be a delay of one step, as the last error of a PID controller is: its next
value does not depend on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from elegans.exporter.frontend.dataflow import Dataflow
from elegans.exporter.frontend.ports.names import (
    Pairs,
    PortSizes,
    is_surely_state_name,
    name_pairs,
    speaks_of_state,
)
from elegans.exporter.frontend.ports.questions import (
    refuse_joined_states,
    refuse_lone_states,
    refuse_swapped_names,
    undecided,
    without_state,
)

_MOST = 64  # candidates of which each is compared with each


def find_states(graph: Dataflow, ports: PortSizes, path: Path) -> Pairs:
    """The pairs of state and next state, in the order of the inputs.

    Raises `ElegansError` if there are none, or if names and dataflow leave them open; it lists
    the candidates and shows the options that would name them.
    """
    pairs = _named(graph, ports)
    refuse_swapped_names(graph, ports, pairs, path)
    left = _candidates(graph, ports, pairs)
    if pairs and all(speaks_of_state(o) for o in pairs.values()):
        # Who calls next states `..._next` has called all of them so: the others are none.
        alike = name_pairs(ports.inputs, ports.outputs)
        left = [p for p in left if any(map(speaks_of_state, p)) or p in alike]
    direct = _direct(graph, left)
    # Of very many candidates, only gates are looked for: the rest ends in a question anyway.
    rules = (_blended, _gated_from_a_state) if len(left) <= _MOST else (_blended,)
    for rule in rules:
        fits = [(i, o) for i, o in direct if _free(i, o, pairs) and rule(graph, ports, i, o, pairs)]
        pairs |= _matching(fits) or {}
    left = [(i, o) for i, o in left if _free(i, o, pairs)]
    delays = _delays(graph, ports, pairs)
    left = [p for p in left if not delays or p[1] not in ports.shown]
    known = dict(pairs)
    if left:
        decided = _by_elimination(graph, ports, pairs, left)
        if decided is None:
            likely = _not_read_out(graph, pairs, left) if len(left) <= _MOST else []
            raise undecided(ports, pairs, [*delays, *left], likely, path)
        pairs |= decided
    if any(o not in pairs.values() for _, o in delays):
        raise undecided(ports, known, [*delays, *left], (), path)
    if not pairs:
        raise without_state(graph, ports, path)
    refuse_joined_states(ports, pairs, path)
    refuse_lone_states(ports, pairs, path)
    return tuple((name, pairs[name]) for name in ports.inputs if name in pairs)


def _named(graph: Dataflow, ports: PortSizes) -> dict[str, str]:
    """The states that names show; `joint_in` and `joint_out` only if dataflow allows it, because
    an output that depends on the input only through next states may be one of its own, unless it
    is one of these element by element, as the `spk_out` of a neuron that its own spikes reset."""
    pairs = dict(name_pairs(ports.inputs, ports.outputs))
    weak = {i: o for i, o in pairs.items() if not (speaks_of_state(i) or speaks_of_state(o))}
    if len(weak) > _MOST:
        return {i: o for i, o in pairs.items() if i not in weak}
    others = {o: [*({*pairs.values()} - {o})] for o in weak.values()}
    return {
        i: o
        for i, o in pairs.items()
        if i not in weak
        or not graph.only_through(i, o, others[o])
        or _any_elementwise(graph, ports, [o], others[o])
    }


def left_over(graph: Dataflow, ports: PortSizes, states: Pairs) -> Pairs:
    """Candidates that the user's own `states` leave over; the user has said that they are none."""
    return tuple(_candidates(graph, ports, dict(states)))


def passed_over(graph: Dataflow, ports: PortSizes, states: Pairs) -> Pairs:
    """Candidates that `find_states` took for a sensor and an output because of their names, or
    because there was nothing else to be a sensor; one for each input. What depends on an input
    through next states only is read out of these, as every output is."""
    pairs = dict(states)
    left = _candidates(graph, ports, pairs)
    if len(left) > _MOST:
        return ()
    first = dict(reversed(_not_read_out(graph, pairs, left)))
    return tuple(reversed(first.items()))


def _free(before: str, after: str, pairs: dict[str, str]) -> bool:
    return before not in pairs and after not in pairs.values()


def _candidates(graph: Dataflow, ports: PortSizes, pairs: dict[str, str]) -> list[tuple[str, str]]:
    """Inputs and outputs that may be a state and its next value, those in `pairs` left out.

    Of equal outputs the last counts; a copy of an input or of a next state is none. An output
    that is none by its name (`output`) may be the next `h`, or the next state of a graph that
    has no other.
    """
    taken = {graph.origin(name) for name in (*pairs.values(), *ports.inputs)}
    by_origin = sorted(ports.outputs, key=lambda name: name not in ports.shown)
    distinct = {graph.origin(name): name for name in by_origin}
    possible = []
    for i in ports.inputs.keys() - pairs.keys() - ports.sensors:
        reached = graph.dependents(i)
        possible += [
            (i, o)
            for origin, o in distinct.items()
            if origin not in taken and ports.inputs[i] == ports.outputs[o] and o in reached
        ]
    order = {name: n for n, name in enumerate((*ports.inputs, *ports.outputs))}
    possible.sort(key=lambda pair: (order[pair[0]], order[pair[1]]))
    found = [(i, o) for i, o in possible if o not in ports.shown]
    if not (pairs or found):
        return possible
    known = dict(found)
    return [
        (i, o)
        for i, o in possible
        if o not in ports.shown or (i not in known and is_surely_state_name(i))
    ]


def _delays(graph: Dataflow, ports: PortSizes, pairs: dict[str, str]) -> list[tuple[str, str]]:
    """Inputs and outputs of one size that may be what another input was in the step before: the
    input is read, and the output depends on inputs, but not on this one."""
    spoken = pairs and all(speaks_of_state(o) for o in pairs.values())
    inputs = [i for i in ports.inputs if i not in ports.sensors and graph.dependents(i) - {i}]
    reached = {i: graph.dependents(i) for i in ports.inputs}
    sizes = {ports.inputs[i] for i in inputs if i not in pairs}
    outputs = [
        o
        for o in ports.outputs.keys() - ports.shown
        if ports.outputs[o] in sizes and any(o in found for found in reached.values())
    ]
    order = {name: n for n, name in enumerate(ports.outputs)}
    return [
        (i, o)
        for i, o in itertools.product(inputs, sorted(outputs, key=order.__getitem__))
        if ports.inputs[i] == ports.outputs[o]
        and o not in reached[i]
        and _free(i, o, pairs)
        and not (spoken and not (speaks_of_state(i) or speaks_of_state(o)))
    ]


def _direct(graph: Dataflow, candidates: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of which the output does not depend on the input only through another output that
    may be its next value, as y = W h' depends on h."""
    if len(candidates) > _MOST:
        return candidates
    return [
        (i, o)
        for i, o in candidates
        if not any(
            graph.only_through(i, o, [other]) and not graph.only_through(i, other, [o])
            for before, other in candidates
            if before == i and other != o
        )
    ]


def _not_read_out(
    graph: Dataflow, pairs: dict[str, str], candidates: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Those of which the output depends on the input otherwise than through any next state."""
    ends = {*pairs.values(), *(o for _, o in candidates)}
    return [(i, o) for i, o in candidates if not graph.only_through(i, o, ends - {o})]


def _blended(
    graph: Dataflow, ports: PortSizes, before: str, after: str, pairs: dict[str, str]
) -> bool:
    return after in graph.blended(before)


def _gated_from_a_state(
    graph: Dataflow, ports: PortSizes, before: str, after: str, pairs: dict[str, str]
) -> bool:
    """Whether the output is a next state, element by element, gated by what reads the input."""
    known = list(pairs.values())
    beside = _any_elementwise(graph, ports, [after], known)
    return beside and not graph.only_through(before, after, known)


def _any_elementwise(
    graph: Dataflow, ports: PortSizes, names: Iterable[str], ends: Sequence[str]
) -> bool:
    """Whether one of these outputs is computed element by element from one of `ends` of its
    size."""
    return any(
        name in graph.dependents(graph.origin(end), elementwise=True)
        for name, end in itertools.product(names, ends)
        if end != name and ports.outputs[end] == ports.outputs[name]
    )


def _by_elimination(
    graph: Dataflow, ports: PortSizes, pairs: dict[str, str], left: list[tuple[str, str]]
) -> dict[str, str] | None:
    """The pairs among those left that remain if all else is impossible; None if that is open."""
    if len(left) > _MOST:
        return None
    open_inputs = dict(left)
    sensors = ports.inputs.keys() - pairs.keys() - open_inputs.keys()
    if not sensors:  # then at least one of the open inputs is a sensor
        if len(open_inputs) == 1 and pairs:
            return {}
        states = _not_read_out(graph, pairs, left)
        read = [o for i, o in left if i not in dict(states)]
        ends = [*pairs.values(), *(o for _, o in states)]
        sure = read and len(states) == (0 if pairs else 1)
        return dict(states) if sure and not _any_elementwise(graph, ports, read, ends) else None
    direct = _direct(graph, left)
    found = _matching(direct)
    if found is None or (not pairs and len(direct) == 1):
        return found
    shown = ports.outputs.keys() - {*pairs.values(), *found.values()}
    by_others = sensors <= ports.sensors and bool(shown) and shown <= ports.shown
    return found if by_others or all(is_surely_state_name(i) for i in open_inputs) else None


def _matching(fits: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    """The only way to pair each input with an output of its own, all outputs used, or None."""
    left, found = list(fits), dict[str, str]()
    while left:
        for i, o in left:
            rivals = [[p for p in left if p[0] == i], [p for p in left if p[1] == o]]
            if min(map(len, rivals)) == 1:
                found[i] = o
                left = [p for p in left if p[0] != i and p[1] != o]
                break
        else:
            return None
    complete = set(found) == {i for i, _ in fits} and set(found.values()) == {o for _, o in fits}
    return found if complete and found else None
