"""Element-wise steps in one loop: what one of them leaves for the next stays in registers.

The kernel of such an op has an inline function of one element, `el_<kernel>1`; on cores with
vectors it computes several elements at a time (`runtime_c/include/elegans/el_lanes.h`). The bits
are those of the steps one by one, since each reads element i of its inputs for element i of its
result, and nothing else.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass

from elegans.exporter.codegen.placement import Place, Placement
from elegans.exporter.codegen.program import (
    LinearLayer,
    Program,
    Statement,
    elements,
    elementwise,
    step_comment,
)
from elegans.exporter.ir.fixed_model import Argument, Step
from elegans.exporter.numbers.fixed import Interval, join_intervals
from elegans.exporter.ops import ALONE, PLAIN, RELATIVE, WIDE, form, parts
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import Tanh

_TYPES = {PLAIN: "el_lane", WIDE: "el_wide", RELATIVE: "el_share"}
_TAKE = {
    PLAIN: "el_take({}, on)",
    WIDE: "el_take_wide({}, {}U, on)",
    RELATIVE: "el_take_share({}, {}U, on)",
}
_GIVE = {
    PLAIN: "el_give({}, {}, on);",
    WIDE: "el_give_wide({}, {}U, {}, on);",
    RELATIVE: "el_give_share({}, {}U, {}, on);",
}
_PARTS = {PLAIN: 1, WIDE: 2, RELATIVE: 2}
_TABLES = {"int8_t": "el_take8", "int16_t": "el_take"}


@dataclass(frozen=True)
class _Stretch:
    """Elements of an array that a loop reads or writes: from `at` on, in `parts` of n."""

    at: Place
    parts: int

    def apart(self, other: _Stretch, n: int) -> bool:
        """Whether no round of the loop touches what another one does: the two are the same
        stretch, or do not overlap."""
        if self.at.array != other.at.array or (self.at, self.parts) == (other.at, other.parts):
            return True
        one, two = self.at.offset, other.at.offset
        return one + self.parts * n <= two or two + other.parts * n <= one


def runs(steps: Sequence[Step], placement: Placement, apart: Set[str]) -> list[list[Step]]:
    """The steps in their order, with those that one loop can compute together; others alone.

    apart  names of steps that have code of their own
    """
    found: list[list[Step]] = []
    for step in steps:
        joins = found and apart.isdisjoint({found[-1][-1].name, step.name})
        if joins and _fits(found[-1], step, placement):
            found[-1].append(step)
        else:
            found.append([step])
    return found


def raised_maps(program: Program) -> set[str]:
    """The maps of which an activation by tanh's table is all that reads them."""
    found = set()
    windows = [*program.read_by(program.steps), *program.results]
    read = Counter(window.vector for window in windows)
    for step in program.steps:
        if isinstance(step.op, (Tanh, Sigmoid)) and program.loop(step) is None:
            window = step.inputs[0][0]
            made = program.index.get(window.vector)
            whole = made is not None and window.size == step.size == program.steps[made].size
            if whole and read[window.vector] == 1:
                found.add(window.vector)
    return found


def raised(step: Step, program: Program) -> bool:
    """Whether a step's argument has half a segment of tanh's table added to it already."""
    made = program.index.get(step.inputs[0][0].vector) if step.inputs else None
    op = None if made is None else program.steps[made].op
    return isinstance(op, LinearLayer) and op.raised


def _fits(run: list[Step], step: Step, placement: Placement) -> bool:
    n = elements(step)
    if not all(_alone(s, placement) and elements(s) == n for s in (run[-1], step)):
        return False
    made = {s.name: form(s.op) for s in run}
    for argument, kind in _given(step):
        whole = len(argument) == 1 and argument[0].lo == 0
        if any(w.vector in made and not (whole and made[w.vector] == kind) for w in argument):
            return False  # it reads other elements than its own, or halves
    together = [*run, step]
    read = [stretch for s in together for stretch in _read(s, made, placement)]
    written = [_Stretch(placement.places[s.name], parts(s.op)) for s in together]
    return all(w.apart(other, n) for w in written for other in (*read, *written))


def _given(step: Step) -> list[tuple[Argument, str]]:
    """The arguments of an element-wise step, each with the form in which it is read."""
    return list(zip(step.inputs, vars(type(step.op))["elementwise"], strict=True))


def _alone(step: Step, placement: Placement) -> bool:
    """Whether a step is element-wise and finds each of its arguments in one place."""
    return elementwise(step) and all(placement.address(a) is not None for a in step.inputs)


def _read(step: Step, made: Collection[str], placement: Placement) -> list[_Stretch]:
    """What a step reads from memory."""
    found = []
    for argument, kind in _given(step):
        place = placement.address(argument)
        assert place is not None
        if kind != ALONE and argument[0].vector not in made:
            found.append(_Stretch(place, _PARTS[kind]))
    return found


def loop_over(
    run: list[Step],
    program: Program,
    placement: Placement,
    names: dict[tuple[str, str], str],
    bounds: dict[str, Interval] | None,
) -> list[Statement]:
    """The statements of a run's loop. Without bounds it suits any integers, and states none."""
    n, made = elements(run[0]), {step.name for step in run}
    others = [s for s in program.steps if s.name not in made]
    needed = {w.vector for w in (*program.read_by(others), *program.results)}
    head = f"for (uint32_t i = 0; i < {n}U; i += EL_LANES) {{"
    found = [Statement([head, f"    const el_lanes on = el_lanes_on({n}U - i);"])]
    for step in run:
        kind = form(step.op)
        arguments = _arguments(step, n, made, placement, names)
        call = f"el_{called(step, program, bounds)}1({arguments})"
        lines = _wrapped(f"const {_TYPES[kind]} {step.name}_i = {call};")
        if step.name in needed:
            target = _element(placement.places[step.name])
            numbers = [target, f"{step.name}_i"] if kind == PLAIN else [target, n, f"{step.name}_i"]
            lines += _wrapped(_GIVE[kind].format(*numbers))
        comment = step_comment(step, None if bounds is None else bounds[step.name])
        found.append(Statement(lines, comment, "    "))
    return [*found, Statement(["}"])]


def _arguments(
    step: Step, n: int, made: set[str], placement: Placement, names: dict[tuple[str, str], str]
) -> str:
    op = step.op
    arguments = []
    for argument, kind in _given(step):
        place = placement.address(argument)
        assert place is not None
        if kind == ALONE:
            arguments.append(str(place))
        elif argument[0].vector in made:
            arguments.append(f"{argument[0].vector}_i")
        else:
            arguments.append(_TAKE[kind].format(_element(place), n))
    for table in op.tables():
        arguments.append(f"{_TABLES[table.ctype]}(&{names[step.name, table.suffix]}[i], on)")
    arguments += [str(k) if k < 0 else f"{k}U" for k in op.scalars()]
    return ", ".join(arguments)


def called(step: Step, program: Program, bounds: dict[str, Interval] | None) -> str:
    """The function of one element that a step of a loop calls, without `el_` and `1`."""
    if raised(step, program):
        return f"{step.op.kernel}_on"
    near = getattr(step.op, "near", None)
    if near is None or bounds is None:
        return step.op.kernel
    simple = near(*(_interval(a, bounds) for a in step.inputs))
    return f"{step.op.kernel}_near" if simple else step.op.kernel


def _interval(argument: Argument, bounds: dict[str, Interval]) -> Interval:
    return join_intervals([bounds[w.vector][w.lo : w.hi] for w in argument])


def _element(place: Place) -> str:
    return f"&{place.array}[{place.offset}U + i]" if place.offset else f"&{place.array}[i]"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, 84, subsequent_indent="    ", break_long_words=False)
