"""The states of a step: which inputs and outputs of the graph of the sequence they are.

A state that starts from an input of the graph, and whose last value is an output, keeps the names
of both. Any other one gets an input and an output of its own: the step keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.recurrent.series.movement import MOVING
from elegans.exporter.frontend.recurrent.series.values import Value
from elegans.exporter.frontend.recurrent.walk import Walk

_MOST_STATES, _MOST_ELEMENTS = 256, 1 << 20  # of a step, and of all its inputs
Codes = dict[str, NDArray[np.int64]]  # by tensor: the element of the graph's inputs that each is
Ports = list[tuple[str, str]]  # (input, output) of each state


def settle(walk: Walk, inputs: Mapping[str, Value], outputs: Mapping[str, str]) -> Ports:
    """Give each recurrence its input; returns all states as pairs of an input and an output.

    outputs  the tensors of the step that the graph's outputs have, by their names

    Raises `ElegansError` for a state that starts from
    what the first step computes.
    """
    elements = sum(value.size for value in inputs.values())
    if len(walk.recurrences) > _MOST_STATES or elements > _MOST_ELEMENTS:
        fact = f"has {len(walk.recurrences)} states and {elements:,} inputs"
        raise ElegansError(walk.path, fact, "export a smaller network")
    codes: Codes = {}
    starts: dict[str, int] = {}
    at = 0
    for name, value in inputs.items():
        if value.axis is None and value.array is None:
            starts[name], codes[name] = at, at + np.arange(value.size).reshape(value.shape)
            at += value.size
    _move(walk, codes)
    finals: Codes = {}
    for state in walk.recurrences:
        if state.initial is not None and state.initial in codes:
            finals[state.after] = codes[state.initial]
    _move(walk, finals)
    kept = _pairs(inputs, outputs, starts, finals)
    kept_codes = {c for name in kept for c in range(starts[name], starts[name] + inputs[name].size)}
    own: Ports = []
    # All h, then all c: a layer then reads h of the layer before and its own as one run of memory.
    for state in sorted(walk.recurrences, key=lambda state: state.rank):
        start = state.initial
        if start is not None and start not in codes and walk.length > 1:
            fact = "starts from a state that is computed from the inputs, as a decoder does"
            raise ElegansError(
                state.place, fact, "start it from 0, or from a state that is an input"
            )
        if start is not None and (start not in codes or set(codes[start].flat) <= kept_codes):
            walk.nodes.rename(state.name, start)
        else:
            own.append(
                (state.name, walk.nodes.add("Identity", state.after, base=f"{state.name}_next"))
            )
    return [*kept.items(), *own]


def _pairs(
    inputs: Mapping[str, Value], outputs: Mapping[str, str], starts: dict[str, int], finals: Codes
) -> dict[str, str]:
    """Inputs that are nothing but states, with the output that has their last values."""
    found = {}
    for name, start in starts.items():
        whole = np.arange(start, start + inputs[name].size)
        for output, tensor in outputs.items():
            moved = finals.get(tensor)
            if moved is not None and np.array_equal(moved.ravel(), whole):
                found[name] = output
    return found


def _move(walk: Walk, codes: Codes) -> None:
    """Add the tensors that only move elements of those that are in `codes` already."""
    for node in walk.nodes.nodes:
        if node.op_type not in MOVING or any(name in codes for name in node.output):
            continue
        moved = list(node.input) if node.op_type == "Concat" else [node.input[0]]
        if not all(name in codes for name in moved):
            continue
        held = {
            n: numpy_helper.to_array(walk.nodes.held[n]) for n in node.input if n in walk.nodes.held
        }
        arrays = held | {name: codes[name] for name in moved}
        if all(name in arrays for name in node.input if name):
            found = walk.reader.evaluate("states", node, arrays)
            codes |= {n: np.asarray(a, np.int64) for n, a in zip(node.output, found, strict=True)}
