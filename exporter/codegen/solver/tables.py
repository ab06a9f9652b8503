"""The tables and the call of LTC's solver, as C."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from elegans.exporter.codegen.placement import Placement
from elegans.exporter.codegen.program import LayerCall
from elegans.exporter.codegen.solver.unfolds import Unfolds
from elegans.exporter.codegen.tables import ConstantArray, constant_array

_NEURON_BYTES, _SYNAPSE_BYTES = 11 * 4, 20  # of the tables, on the core where they are largest


@dataclass(frozen=True)
class Solver:
    """A call of the kernel, ready to print.

    name      of the function
    inputs    the elements that its synapses read besides potentials
    places    the table of the neurons' places, in the kernel's order
    wired     the lists of synapses, which a block of weights must have
    words     the table of neurons and synapses, line by line
    member    the name in a block of weights, with the suffix _w
    call      the statement that executes it
    bytes     of `words`, on the core where they are largest
    """

    name: str
    op: Unfolds
    inputs: int
    places: ConstantArray
    wired: ConstantArray
    words: list[str]
    member: str
    call: list[str]
    bytes: int


def solver(model: str, step: LayerCall, placement: Placement, block: str | None) -> Solver:
    """The tables and the statement of a solver's call.

    block  what `step` calls the weights that it is given; None if they are compiled
    """
    op = step.op
    assert isinstance(op, Unfolds)
    order, count = op.order.tolist(), len(op.step.lo)
    # The kernel keeps the potentials in its own order.
    counted = replace(op.counted, at=np.argsort(op.order)[op.counted.at]).by_neuron(count)
    words: list[str] = []
    lists: list[list[list[int]]] = []
    for number, sensed in enumerate(synapses.by_neuron(count) for synapses in op.sensed):
        lists += [sensed[n] for n in order]
        for n in order:
            biases = "" if number else f"{op.current[0][n]}, {op.conductance[0][n]}, "
            words.append(f"/* {step.name}[{n}], from inputs */")
            words += [f"{biases}{_rounds(sensed[n])},", *_pairs(sensed[n], "EL_INPUT")]
    if op.still:
        words.append("/* those that no potential reaches */")
        words += [_neuron(op, n, place) for place, n in enumerate(order[: op.still])]
    lists += [counted[n] for n in order[op.still :]]
    for place, n in list(enumerate(order))[op.still :]:
        words.append(f"/* {step.name}[{n}], from potentials */")
        words += [
            f"{_rounds(counted[n])},",
            *_pairs(counted[n], "EL_POTENTIAL"),
            _neuron(op, n, place),
        ]
    synapses = sum(len(part.at) for part in (*op.sensed, op.counted))
    size = _NEURON_BYTES * len(order) + _SYNAPSE_BYTES * synapses
    inputs = sum(window.size for window in step.inputs[1])
    name = f"{model}_{step.name}"
    what = f"{step.name}: the place of each neuron, those first that no potential reaches"
    places = constant_array(f"{name}_place", "uint16_t", op.order, what)
    what = f"{step.name}: how many synapses each list has, and what they read"
    read = [number for one in lists for number in (len(one), *(synapse[2] for synapse in one))]
    wired = constant_array(f"{name}_wired", "uint16_t", np.array(read), what)
    v, x, r = (placement.address(argument) for argument in step.inputs)
    table = f"{name}_w" if block is None else f"{block}->{step.name}_w"
    call = f"{name}({placement.places[step.name]}, {v}, {x}, {r}, {name}_place, {table});"
    lines = textwrap.wrap(call, 88, subsequent_indent="    ")
    return Solver(name, op, inputs, places, wired, words, step.name, lines, size)


def _rounds(synapses: list[list[int]]) -> str:
    return f"EL_ROUNDS({len(synapses)})" if synapses else "0"


def _neuron(op: Unfolds, neuron: int, place: int) -> str:
    """The words of a neuron, which is the one at `place` in the kernel's order."""
    shifts = f"{op.current[1][neuron]}, {op.conductance[1][neuron]}"
    hull = f"{op.step.lo[neuron]}, {op.step.hi[neuron]}"
    return f"EL_NEURON({shifts}, {hull}, {place}, {(2 << op.step.one[neuron]) + 1}),"


def _pairs(synapses: list[list[int]], reads: str) -> Iterator[str]:
    texts = [f"{b}, {w}, {reads}({at}), {i}, {g}" for b, w, at, i, g in synapses]
    for i in range(0, len(texts), 2):
        two = texts[i : i + 2]
        yield f"EL_SYNAPSES{len(two)}({', '.join(two)}),"
