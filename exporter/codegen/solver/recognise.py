"""Finds LTC's fused solver among the loops of a program, and makes it one call."""

from __future__ import annotations

import numpy as np

from elegans.exporter.codegen.program import LayerCall, Loop, Program, ProgramStep
from elegans.exporter.codegen.solver.unfolds import SynapseGroup, Unfolds
from elegans.exporter.ir.fixed_model import Argument, Step, Window
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT32_MAX,
    Integers,
    Interval,
    join_intervals,
)
from elegans.exporter.ops.constant import Constant
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.fused_step import MARGIN, FusedStep
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.step_ratio import StepRatio, ratio_parts
from elegans.exporter.ops.tanh import HALF_SEGMENT
from elegans.exporter.ops.wide_sparse_linear import WideSparseLinear

_UPPER = 17
"""`WideLinear` rounds a sum by 2^(shift - 13) after it has shifted it up by 4."""
_ROUND = 5  # steps of an unfold: arguments, sigmoids, currents, conductances, potentials
Bounds = dict[str, Interval]


def with_solvers(
    program: Program, bounds: Bounds, apart: set[str], replaceable: bool = False
) -> Program:
    """The program with each loop that is LTC's solver as one call.

    apart        names of last steps of loops that are left as they are
    replaceable  whether other weights shall fit: sums then saturate, and a quotient has the bits
                 that it can have with any
    """
    for loop in program.loops:
        call = None if apart.intersection(loop.names) else _call(program, loop, bounds, replaceable)
        if call is None:
            continue
        found, gone = call
        at = program.index[loop.names[0]]
        last = at + len(loop.names)
        steps = [*program.steps[:at], found, *program.steps[last:]]
        kept = tuple(step for step in steps if step.name not in gone)
        loops = tuple(other for other in program.loops if other is not loop)
        program = Program(program.model, kept, loops)
    return program


def _call(
    program: Program, loop: Loop, bounds: Bounds, replaceable: bool
) -> tuple[LayerCall, set[str]] | None:
    """The call in place of a loop, and the names of the steps before the loop that it contains."""
    steps = {name: program.steps[program.index[name]] for name in loop.names}
    last = steps.get(loop.names[-1])
    if len(steps) != _ROUND or not isinstance(last, Step) or not isinstance(last.op, FusedStep):
        return None
    potentials, neurons = last.name, len(last.op.lo)
    if set(loop.carried) != {potentials} or last.inputs[0] != (Window(potentials, 0, last.size),):
        return None
    sums = [steps.get(_whole(argument, program)) for argument in last.inputs[1:3]]
    current, conductance = _currents(sums[0], bounds), _sparse(sums[1])
    if current is None or conductance is None or current.inputs != conductance.inputs:
        return None
    if replaceable and _is_wide(current):  # other weights may have sums that leave int32
        return None
    windows = current.inputs[0]
    parts = [_synapses(program, w, (current, conductance), bounds) for w in windows]
    if len(parts) != 2 or any(part is None for part in parts):
        return None
    found = {part[0].inputs[0]: part for part in parts if part is not None}
    inner = found.pop((Window(potentials, 0, neurons),), None)
    if inner is None or len(found) != 1:
        return None
    (argument, outer), own = found.popitem(), {step.name for step in steps.values()}
    if {inner[0].name, inner[1]} - own or {outer[0].name, outer[1]} & own or len(inner[2]) > 1:
        return None
    gone = {outer[0].name, outer[1]}
    if len(last.inputs[3]) != 1 or _read_elsewhere(program, gone | own - {potentials}):
        return None
    op = Unfolds(
        loop.count,
        outer[2],
        inner[2][0],
        _biases(current, last.op.frac),
        _biases(conductance),
        _left(current, last.op.frac),
        last.op,
        (
            replaceable or (not _is_wide(current) and _leaves(current, bounds)),
            replaceable or _leaves(conductance, bounds),
        ),
        _bits_of_any(last.op)
        if replaceable
        else _bits(program, last.op, last.inputs[3][0], bounds[conductance.name]),
    )
    inputs = ((loop.carried[potentials],), argument, last.inputs[3])
    return LayerCall(potentials, op, inputs, last.size, last.frac, last.group), gone


def _sparse(step: ProgramStep | None) -> Step | None:
    """A step that is a map of int16 weights whose sums fit int32."""
    return step if isinstance(step, Step) and type(step.op) is SparseLinear else None


def _currents(step: ProgramStep | None, bounds: Bounds) -> Step | None:
    """The same, or a map with results of 32 bits, if its sums fit int32, too."""
    if not isinstance(step, Step) or not isinstance(step.op, WideSparseLinear):
        return _sparse(step)
    reach = _reach(step, bounds) + (1 << step.op.shift >> _UPPER)
    return step if bool((reach <= INT32_MAX).all()) else None


def _is_wide(step: Step) -> bool:
    return type(step.op) is WideSparseLinear


def _left(current: Step, frac: int) -> int:
    """`EL_LEFT` of the kernel."""
    assert isinstance(current.op, SparseLinear)
    return -int((current.op.shift < frac).any()) if _is_wide(current) else frac


def _whole(argument: Argument, program: Program) -> str:
    """The name of the vector that an argument is; empty if it is not one from end to end."""
    window = argument[0]
    step = program.steps[program.index[window.vector]] if window.vector in program.index else None
    whole = step is not None and argument == (Window(step.name, 0, step.size),)
    return window.vector if whole else ""


def _synapses(
    program: Program, window: Window, sums: tuple[Step, Step], bounds: Bounds
) -> tuple[Step, str, tuple[SynapseGroup, ...]] | None:
    """The map of arguments, the name of their sigmoids, and the synapses that a window of the
    sums has, by the shift of their arguments; None if they are none, or one of them goes to two
    neurons."""
    name = _whole((window,), program)
    opened = program.steps[program.index[name]] if name else None
    if not isinstance(opened, Step) or not isinstance(opened.op, Sigmoid):
        return None
    before = _whole(opened.inputs[0], program)
    step = _sparse(program.steps[program.index[before]]) if before else None
    if step is None:
        return None
    op = step.op
    assert isinstance(op, SparseLinear)
    shift = op.shift
    if shift.min(initial=1) < 1 or op.weights.counts.max(initial=0) > 1:
        return None
    room = ((1 << shift) >> 1) + (HALF_SEGMENT << shift)
    if int((_reach(step, bounds) + room).max()) > INT32_MAX:
        return None
    at, weight = np.zeros((2, step.size), np.int64)
    at[op.weights.rows], weight[op.weights.rows] = op.weights.columns, op.weights.values
    currents, conductances = (_columns(one, window) for one in sums)
    if currents is None or conductances is None:
        return None
    (to_current, current), (to_conductance, conductance) = currents, conductances
    target = np.maximum(to_current, to_conductance)
    agree = (to_current == target) | (to_current < 0)
    agree &= (to_conductance == target) | (to_conductance < 0)
    if not agree.all() or target.min(initial=0) < 0:
        return None
    parts = at, weight, op.bias + room, target, current, conductance
    found = []
    for one in np.unique(shift):
        a, w, b, to, i, g = (part[shift == one] for part in parts)
        found.append(SynapseGroup(a, w, b, int(one), to, i, g))
    return step, name, tuple(found)


def _columns(step: Step, window: Window) -> tuple[Integers, Integers] | None:
    """(rows, weights) of each element of a window in a map: -1 and 0 where none reads it; None if
    two rows read one element."""
    op = step.op
    assert isinstance(op, SparseLinear)
    start = sum(w.size for w in step.inputs[0][: step.inputs[0].index(window)])
    inside = (op.weights.columns >= start) & (op.weights.columns < start + window.size)
    columns = op.weights.columns[inside] - start
    if len(np.unique(columns)) < len(columns):
        return None
    rows, weights = np.full(window.size, -1), np.zeros(window.size, np.int64)
    rows[columns], weights[columns] = op.weights.rows[inside], op.weights.values[inside]
    return rows, weights


def _reach(step: Step, bounds: Bounds) -> Integers:
    """The greatest magnitude that each row of a map can have before its shift, unrounded."""
    assert isinstance(step.op, SparseLinear)
    x = join_intervals([bounds[w.vector][w.lo : w.hi] for w in step.inputs[0]])
    return np.asarray(abs(step.op.weights) @ x.reach() + np.abs(step.op.bias))


def _biases(step: Step, frac: int = 0) -> tuple[Integers, Integers]:
    """The biases of a map, each with what rounds its sum a, and the shifts of the sums.

    With 32 bits, rshr(16 a, s - 12) >> 16 - frac is what `WideFusedStep` reads. A floor of a floor
    is one floor, and nothing is lost of what is below a unit of a:

        (16 a + 2^(s - 13)) >> s + 4 - frac = (a + (2^(s - 13) >> 4)) >> s - frac

    Where s < frac <= 15, so that 2^(s - 13) is at most 2, this is a 2^(frac - s).
    """
    op = step.op
    if isinstance(op, WideSparseLinear):
        down = op.shift - frac
        return op.bias + (1 << op.shift >> _UPPER), np.where(down < 0, -down << 8, down)
    assert isinstance(op, SparseLinear)
    return op.bias + ((1 << op.shift) >> 1), op.shift


def _leaves(step: Step, bounds: Bounds) -> bool:
    """Whether a rounded row of a map may not fit int16."""
    assert isinstance(step.op, SparseLinear)
    shift = step.op.shift
    reach = _reach(step, bounds).astype(np.int64) + ((1 << shift) >> 1)
    return bool(((reach >> shift) > INT16_MAX).any())


def _bits(program: Program, op: FusedStep, ratio: Window, conductance: Interval) -> int:
    """The bits of the largest quotient that `FusedStep` can have, for all elapsed times.

    With W the width of a hull and its margins, |q| 2^left is below 2^16 W + 2^left; and |q| is at
    most the largest dividend divided by the least divisor, 2^one. Either bound holds.
    """
    widths = (op.hi - op.lo + 2 * MARGIN).astype(object)
    drives = np.minimum(widths * conductance.hi.astype(object) << op.up, INT32_MAX)
    most = 0
    for left in _lefts(program, ratio).T:
        dividends = (drives >> np.maximum(-left, 0)) * INT16_MAX >> 16
        narrow = (widths << 16 >> np.maximum(left, 0)) + 1
        most = max(most, *np.minimum((dividends >> op.one) + 1, narrow))
    return int(most).bit_length()


def _bits_of_any(op: FusedStep) -> int:
    """The bits of the largest quotient with any conductance, which is held in int16, and any r.

    A dividend is below 2^30 in magnitude, since |drive| < 2^31 and |m| < 2^15, and a divisor is at
    least 2^one. Other weights may have another `one`, so of the bits that a core tells apart there
    are few.
    """
    least = 31 - int(op.one.min())
    return next(bits for bits in (20, 24, 31) if least <= bits)


def _lefts(program: Program, ratio: Window) -> Integers:
    """[neurons, n] the shifts `left` that the ratios can have, positive or negative."""
    step = program.steps[program.index[ratio.vector]]
    if isinstance(step.op, Constant):
        return np.asarray(step.op.value)[2 * ratio.size // 3 :, None]
    assert isinstance(step, Step)
    assert isinstance(step.op, StepRatio)
    elapsed = program.steps[program.index[step.inputs[0][0].vector]].op
    assert isinstance(elapsed, Elapsed)
    ends = [int(elapsed.integer(np.array([dt]))[1][0]) for dt in (elapsed.hi, elapsed.lo)]
    exponents = step.op.shift[:, None] + np.arange(ends[0], ends[1] + 1)
    return np.asarray(ratio_parts(exponents * 0, exponents, step.op.quotient)[2])


def _read_elsewhere(program: Program, names: set[str]) -> bool:
    """Whether anything but the solver itself reads these vectors."""
    own = names | {loop.names[-1] for loop in program.loops if loop.names[0] in names}
    read = program.read_by([step for step in program.steps if step.name not in own])
    return any(w.vector in names for w in (*read, *program.results))
