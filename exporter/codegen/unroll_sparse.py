"""Sparse maps as straight C, a line a row: no counting, no gaps, weights in the code.

An LTC's synapses are maps with a synapse or a few a row, executed in every unfold. Of so
few, the table's kernel spends most on going from row to row.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen import tables
from elegans.exporter.codegen.fused_ops import FUSED
from elegans.exporter.ir.fixed_model import Argument, Model
from elegans.exporter.numbers.fixed import INT16_MAX, Interval, join_intervals
from elegans.exporter.ops.sparse_linear import SparseLinear

_MOST_SYNAPSES = 512
# Of Thumb-1, where code is largest.
_SYNAPSE_BYTES, _ROW_BYTES = 14, 32


@dataclass(frozen=True)
class Function:
    """`static void name(int16_t *y, const int16_t *x0, ...)`, ready to print.

    There is an x for each window of the argument, so that none need be copied beside another.
    """

    name: str
    comment: str
    parameters: str
    lines: list[str]
    bytes: int


def written_out(model: Model, bounds: dict[str, Interval]) -> dict[str, Function]:
    """The function of each step that is worth one; equal maps share theirs."""
    owners = tables.table_names(model, FUSED)
    found: dict[str, Function] = {}
    known: dict[tuple[object, ...], Function] = {}
    for step in model.steps:
        if type(step.op) is not SparseLinear or len(step.op.weights.values) > _MOST_SYNAPSES:
            continue
        owner, sizes = owners[step.name, "b"], tuple(w.size for w in step.inputs[0])
        if (owner, sizes) not in known:
            x = _reach(step.inputs[0], bounds)
            known[owner, sizes] = _function(model.name, step.name, step.op, sizes, x)
        found[step.name] = known[owner, sizes]
    return found


def _reach(argument: Argument, bounds: dict[str, Interval]) -> Interval:
    return join_intervals([bounds[w.vector][w.lo : w.hi] for w in argument])


def _function(
    model: str, step: str, op: SparseLinear, sizes: tuple[int, ...], x: Interval
) -> Function:
    weights, starts = op.weights, np.concatenate([[0], np.cumsum(op.weights.counts)])
    bias = op.bias + ((1 << op.shift) >> 1)
    reach = np.asarray(abs(weights)) @ x.reach() + np.abs(bias)
    names = ["x"] if len(sizes) == 1 else [f"x{i}" for i in range(len(sizes))]
    inputs = [f"{name}[{i}]" for name, size in zip(names, sizes, strict=True) for i in range(size)]
    lines: list[str] = []
    for row, shift in enumerate(op.shift.tolist()):
        span = slice(starts[row], starts[row + 1])
        columns, values = weights.columns[span].tolist(), weights.values[span].tolist()
        # What stays together in a line has a tilde for a space.
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
    comment = f"{step}: {synapses} synapses, biases with what rounds"
    return Function(f"{model}_{step}", comment, parameters, lines, size)
