"""Unrolled sparse maps: straight C with a line for each row and the weights in the code.

An LTC's synapses are maps with one synapse a row, or a few. A loop over a table would spend most
of its instructions on going from row to row.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen.program import Program
from elegans.exporter.codegen.tables import table_names
from elegans.exporter.ir.fixed_model import Step
from elegans.exporter.numbers.fixed import INT16_MAX, Interval, hull_intervals, join_intervals
from elegans.exporter.ops.sparse_linear import SparseLinear

_MOST_SYNAPSES = 512
# Estimates for Thumb-1, where code is largest: load, multiply, add; and shift, saturate, store.
_SYNAPSE_BYTES, _ROW_BYTES = 14, 32


@dataclass(frozen=True)
class Function:
    """`static void name(int16_t *y, const int16_t *x0, ...)`, ready to print.

    It has a parameter for each window of the argument, so that no window need be copied beside
    another. `bytes` is an estimate of its code.
    """

    name: str
    comment: str
    parameters: str
    lines: list[str]
    bytes: int


def unrolled(program: Program, bounds: dict[str, Interval]) -> dict[str, Function]:
    """The function of each step that is worth one, by the step's name; equal maps share theirs."""
    owners = table_names(program.steps)
    sharers: dict[tuple[object, ...], list[Step]] = {}
    for step in program.steps:
        if not isinstance(step, Step) or type(step.op) is not SparseLinear:
            continue
        if len(step.op.weights.values) <= _MOST_SYNAPSES:
            sizes = tuple(window.size for window in step.inputs[0])
            sharers.setdefault((owners[step.name, "b"], sizes), []).append(step)
    found: dict[str, Function] = {}
    for steps in sharers.values():
        function = _function(program.model.name, steps[0], _joint_range(steps, bounds))
        found |= {step.name: function for step in steps}
    return found


def _joint_range(steps: Sequence[Step], bounds: dict[str, Interval]) -> Interval:
    """The bounds of a parameter that stands for the argument of each of these steps."""
    arguments = [
        join_intervals([bounds[w.vector][w.lo : w.hi] for w in step.inputs[0]]) for step in steps
    ]
    return hull_intervals(arguments)


def _function(model: str, step: Step, x: Interval) -> Function:
    """The function of a sparse map whose argument has the bounds `x`."""
    op = step.op
    assert isinstance(op, SparseLinear)
    sizes = tuple(window.size for window in step.inputs[0])
    weights, starts = op.weights, np.concatenate([[0], np.cumsum(op.weights.counts)])
    bias = op.bias + ((1 << op.shift) >> 1)
    reach = np.asarray(abs(weights)) @ x.reach() + np.abs(bias)
    names = ["x"] if len(sizes) == 1 else [f"x{i}" for i in range(len(sizes))]
    inputs = [f"{name}[{i}]" for name, size in zip(names, sizes, strict=True) for i in range(size)]
    lines: list[str] = []
    for row, shift in enumerate(op.shift.tolist()):
        span = slice(starts[row], starts[row + 1])
        columns, values = weights.columns[span].tolist(), weights.values[span].tolist()
        # A tilde stands for a space at which a line must not be broken.
        terms = [f"({w}~*~{inputs[c]})" for c, w in zip(columns, values, strict=True)]
        total = f"({' +~'.join([str(bias[row]), *terms])})"
        held = int(reach[row]) >> shift <= INT16_MAX
        value = f"{'(int16_t)' if held else 'el_sat16'}({total}~>>~{shift})"
        text = textwrap.wrap(f"y[{row}]~=~{value};", 92, subsequent_indent="    ")
        lines += [line.replace("~", " ") for line in text]
    ends = np.cumsum([0, *sizes])
    read = np.unique(np.searchsorted(ends, weights.columns, side="right") - 1)
    unread = [name for i, name in enumerate(names) if i not in read]
    lines = [*(f"(void){name};" for name in unread), *lines]
    synapses = len(weights.values)
    size = synapses * _SYNAPSE_BYTES + len(op.shift) * _ROW_BYTES
    parameters = ", ".join(["int16_t *y", *(f"const int16_t *{name}" for name in names)])
    comment = f"{step.name}: {synapses} synapses, biases with what rounds"
    return Function(f"{model}_{step.name}", comment, parameters, lines, size)
