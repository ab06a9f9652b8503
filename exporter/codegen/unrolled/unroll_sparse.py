"""Unrolled sparse maps: straight C with a line for each row and the weights in the code.

An LTC's synapses are maps with one synapse a row, or a few. A loop over a table would spend most
of its instructions on going from row to row. In the unfolds of a solver two more things are done
once: what a sum reads from outside of the loop is added before it, and a synapse's sigmoid is
computed where its argument is. Neither changes a bit: a sum has the same terms in any order.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen.placement import Place
from elegans.exporter.codegen.program import Program
from elegans.exporter.codegen.tables import table_names
from elegans.exporter.codegen.unrolled.four_rows import SingleSynapse, in_fours
from elegans.exporter.ir.fixed_model import Argument, Step, Window
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT32_MAX,
    Integers,
    Interval,
    hull_intervals,
    join_intervals,
)
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.tanh import HALF_SEGMENT
from elegans.exporter.ops.wide_sparse_linear import WideSparseLinear

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


@dataclass(frozen=True)
class Unrolled:
    """How a step is executed by functions.

    function  of the step; None where the next step's function computes this one, too
    reads     the windows that it takes, in their order
    size      of its result
    base      a function that adds up what comes from outside of the step's loop, once before the
              loop; `function` takes the sums, int32_t, before its windows
    before    the windows that `base` takes
    """

    function: Function | None
    reads: Argument
    size: int
    base: Function | None = None
    before: Argument = ()

    @property
    def sums(self) -> str:
        """The buffer in which `base` leaves its sums."""
        assert self.function is not None
        return f"{self.function.name}_sums"

    def call(self, target: Place, at: Callable[[Window], Place]) -> str:
        """The call of the function; empty where the next step's function computes this one."""
        if self.function is None:
            return ""
        sums = [self.sums] if self.base else []
        arguments = [str(target), *sums, *(str(at(w)) for w in self.reads)]
        return f"{self.function.name}({', '.join(arguments)});"

    def call_before(self, at: Callable[[Window], Place]) -> str:
        """The call of `base`, before the loop."""
        assert self.base is not None
        arguments = ", ".join([self.sums, *(str(at(w)) for w in self.before)])
        return f"{self.base.name}({arguments});"

    @property
    def functions(self) -> list[Function]:
        """Those that are printed."""
        return [f for f in (self.base, self.function) if f is not None]


def unrolled(program: Program, bounds: dict[str, Interval]) -> dict[str, Unrolled]:
    """Each step that is worth a function, by its name; equal maps share theirs."""
    owners = table_names(program.model.name, program.steps)
    sharers: dict[tuple[object, ...], list[Step]] = {}
    for step in program.steps:
        if not isinstance(step, Step) or not isinstance(step.op, SparseLinear):
            continue
        listed = type(step.op) in (SparseLinear, WideSparseLinear)
        if listed and len(step.op.weights.values) <= _MOST_SYNAPSES:
            sizes = tuple(window.size for window in step.inputs[0])
            sharers.setdefault((owners[step.name, "b"], sizes), []).append(step)
    found: dict[str, Unrolled] = {}
    for steps in sharers.values():
        x = _joint_range(steps, bounds)
        if isinstance(steps[0].op, WideSparseLinear) and not _in_32_bits(steps[0].op, x):
            continue
        # The maps of networks without a solver are left as they are.
        alone = len(steps) == 1 and bool(program.loops)
        if alone and (sigmoid := _sigmoid_of(program, steps[0], x)) is not None:
            function = _function(program.model.name, steps[0], x, sigmoid=sigmoid.name)
            reads = steps[0].inputs[0]
            found[steps[0].name] = Unrolled(None, reads, steps[0].size)
            found[sigmoid.name] = Unrolled(function, reads, sigmoid.size)
            continue
        split = _split(program, steps[0], x) if alone else None
        if split is not None:
            found[steps[0].name] = split
            continue
        function = _function(program.model.name, steps[0], x)
        found |= {s.name: Unrolled(function, s.inputs[0], s.size) for s in steps}
    return found


def _in_32_bits(op: WideSparseLinear, x: Interval) -> bool:
    """Whether 32 bits hold the sums of a map that is made for 64, in whatever order."""
    reach = np.asarray(abs(op.weights)) @ x.reach() + np.abs(op.bias) + ((1 << op.shift) >> 1)
    return int(reach.max()) <= INT32_MAX


def _joint_range(steps: Sequence[Step], bounds: dict[str, Interval]) -> Interval:
    """The bounds of a parameter that stands for the argument of each of these steps."""
    arguments = [
        join_intervals([bounds[w.vector][w.lo : w.hi] for w in step.inputs[0]]) for step in steps
    ]
    return hull_intervals(arguments)


def _sigmoid_of(program: Program, step: Step, x: Interval) -> Step | None:
    """The step that takes the sigmoid of this one's result, if nothing else reads that."""
    after = program.index[step.name] + 1
    following = program.steps[after] if after < len(program.steps) else None
    if not isinstance(following, Step) or not isinstance(following.op, Sigmoid):
        return None
    if program.loop(following) is not program.loop(step):
        return None
    whole = (Window(step.name, 0, step.size),)
    others = [s for s in program.steps if s.name != following.name]
    read = (*program.read_by(others), *program.results)
    if following.inputs != (whole,) or any(w.vector == step.name for w in read):
        return None
    assert isinstance(step.op, SparseLinear)
    reach = np.asarray(abs(step.op.weights)) @ x.reach() + np.abs(step.op.bias)
    room = ((1 << step.op.shift) >> 1) + (HALF_SEGMENT << step.op.shift)
    return following if int((reach + room).max()) <= INT32_MAX else None


def _split(program: Program, step: Step, x: Interval) -> Unrolled | None:
    """A map of a loop that reads windows from outside of it: these are added once, before it."""
    loop = program.loop(step)
    if loop is None:
        return None
    outside = [window.vector not in loop.names for window in step.inputs[0]]
    if all(outside) or not any(outside):
        return None
    base = _function(program.model.name, step, x, part=outside, sums=True)
    rest = _function(program.model.name, step, x, part=[not o for o in outside])
    windows = list(zip(step.inputs[0], outside, strict=True))
    reads = tuple(window for window, out in windows if not out)
    before = tuple(window for window, out in windows if out)
    return Unrolled(rest, reads, step.size, base, before)


def _function(
    model: str,
    step: Step,
    x: Interval,
    part: list[bool] | None = None,
    sums: bool = False,
    sigmoid: str = "",
) -> Function:
    """The function of a sparse map whose argument has the bounds `x`.

    part     the windows that it reads; None for all. A part starts with sums that it is given,
             or, with `sums`, gives such sums
    sigmoid  the name of the vector, if the function gives the sigmoid of the map
    """
    op = step.op
    assert isinstance(op, SparseLinear)
    windows = step.inputs[0]
    part = [True] * len(windows) if part is None else part
    begun = not (all(part) or sums)
    names = ["x"] if len(windows) == 1 else [f"x{i}" for i in range(len(windows))]
    inputs = [(name, i) for name, w in zip(names, windows, strict=True) for i in range(w.size)]
    ends = np.cumsum([0, *(window.size for window in windows)])
    of_window = np.searchsorted(ends, op.weights.columns, side="right") - 1
    kept = np.array(part)[of_window]
    starts = np.concatenate([[0], np.cumsum(op.weights.counts)])
    wide = isinstance(op, WideSparseLinear)
    # What is shifted away: of a result of 32 bits, 16 bits less; and below zero it is shifted up.
    shifts = op.shift - 16 if wide else op.shift
    bias = op.bias + ((1 << np.maximum(shifts, 0)) >> 1)
    bias = bias + ((HALF_SEGMENT << op.shift) if sigmoid else 0)
    reach = np.asarray(abs(op.weights)) @ x.reach() + np.abs(bias)
    plain = not (wide or sums or begun or sigmoid)
    of_row: list[list[str]] = []
    singles: list[SingleSynapse | None] = []
    for row, shift in enumerate(shifts.tolist()):
        at = np.arange(starts[row], starts[row + 1])[kept[starts[row] : starts[row + 1]]]
        columns, values = op.weights.columns[at].tolist(), op.weights.values[at].tolist()
        # A tilde stands for a space at which a line must not be broken.
        terms = [
            f"el_times({w},~{inputs[c][0]}[{inputs[c][1]}])"
            for c, w in zip(columns, values, strict=True)
        ]
        total = f"({' +~'.join([f'sums[{row}]' if begun else str(bias[row]), *terms])})"
        if wide:
            moved = f"{total}~>>~{shift}" if shift > 0 else f"{total}~*~{1 << -shift}"
            value = f"el_halves(y,~{row},~{len(shifts)},~{moved})"
        else:
            held = int(reach[row]) >> shift <= INT16_MAX
            value = f"(int16_t)({total}~>>~{shift})"
            if not held:
                value = f"EL_SAT16_OF({total},~{shift})" if shift > 0 else f"el_sat16({total})"
        if sigmoid:
            value = f"el_synapse({total}~>>~{shift})"
        elif sums:
            value = total[1:-1]
        line = f"{'sums' if sums else 'y'}[{row}]~=~{value};"
        line = f"{value};" if wide and not sums else line
        text = textwrap.wrap(line, 92, subsequent_indent="    ")
        of_row.append([line.replace("~", " ") for line in text])
        single = plain and len(columns) == 1
        numbers = int(bias[row]), *values, shift, int(reach[row])
        singles.append(SingleSynapse(*inputs[columns[0]], *numbers) if single else None)
    taken = [name for name, own in zip(names, part, strict=True) if own]
    unread = _unread(names, of_window, kept)
    lines = [*(f"(void){name};" for name in taken if name in unread), *in_fours(of_row, singles)]
    synapses = int(kept.sum())
    size = synapses * _SYNAPSE_BYTES + len(op.shift) * _ROW_BYTES
    first = "int32_t *sums" if sums else "int16_t *y"
    more = ["const int32_t *sums"] if begun else []
    parameters = ", ".join([first, *more, *(f"const int16_t *{name}" for name in taken)])
    name = sigmoid or step.name
    what = "sigmoids of" if sigmoid else "sums of" if sums else ""
    comment = f"{name}: {what} {synapses} synapses".replace(":  ", ": ")
    comment += ", after their sums" if begun else ", biases with what rounds"
    return Function(f"{model}_{name}{'_base' if sums else ''}", comment, parameters, lines, size)


def _unread(names: list[str], of_window: Integers, kept: np.ndarray) -> set[str]:
    """The parameters that no synapse reads."""
    return {name for i, name in enumerate(names) if not np.any((of_window == i) & kept)}
