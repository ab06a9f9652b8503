"""Loops: the unfolds of a solver, which a model repeats, become one body that is executed again.

LTC's fused solver and CTRNN's Euler steps apply the same maps to the potential several times in
one step. A model is in single assignment, so it has every round written out; the program has the
last round only, and its loop says how often it is executed and what goes from round to round.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from elegans.exporter.codegen.program import Loop, Program, windows_of
from elegans.exporter.ir.fixed_model import Argument, Model, Step, Window
from elegans.exporter.numbers.fixed import Interval, hull_intervals
from elegans.exporter.ops import same_op


@dataclass(frozen=True)
class _Repetition:
    """`count` rounds of `length` steps from step `start` on."""

    start: int
    length: int
    count: int
    carried: dict[int, Window]  # by a step's place in a round: what the first round reads instead

    def round(self, steps: Sequence[Step], number: int) -> Sequence[Step]:
        first = self.start + number * self.length
        return steps[first : first + self.length]


def roll(model: Model, bounds: dict[str, Interval]) -> tuple[Program, dict[str, Interval]]:
    """The program of a model, its repetitions rolled into loops, and the bounds of its vectors.

    bounds  of every vector of the model

    A vector of a loop's body has the bounds of all rounds, and is named after all of them.
    """
    steps, loops, bounds = list(model.steps), [], dict(bounds)
    at = 0
    while at < len(steps):
        found = _repetition(model, steps, at)
        if found is None:
            at += 1
            continue
        at = found.start
        rounds = [found.round(steps, number) for number in range(found.count)]
        names = _names(model, steps, rounds)
        body = [_renamed(step, names) for step in rounds[-1]]
        carried = {body[place].name: window for place, window in found.carried.items()}
        reads = {rounds[-2][place].name: body[place].name for place in found.carried}
        # The body is one block of the C, whichever layers its steps belong to.
        body = [replace(_renamed(step, reads), group=body[-1].group) for step in body]
        for place, step in enumerate(body):
            bounds[step.name] = hull_intervals([bounds[one[place].name] for one in rounds])
        steps[at : at + found.length * found.count] = body
        loops.append(Loop(found.count, tuple(step.name for step in body), carried))
        at += len(body)
    return Program(model, tuple(steps), tuple(loops)), bounds


def _repetition(model: Model, steps: list[Step], start: int) -> _Repetition | None:
    """The repetition that begins at a step, in rounds as short as possible; None if none does.

    A repetition can be cut into rounds at any of its steps. Of the cuts that lose no round, that
    one is best where the fewest vectors go from round to round: each may have to be copied first.
    """
    first = _shortest(model, steps, start)
    if first is None:
        return None
    others = (_rounds(model, steps, start + i, first.length) for i in range(first.length))
    cuts = [cut for cut in others if cut is not None and cut.count >= first.count]
    return min(cuts, key=lambda cut: len(cut.carried))


def _shortest(model: Model, steps: list[Step], start: int) -> _Repetition | None:
    lengths = range(1, (len(steps) - start) // 2 + 1)
    likely = (length for length in lengths if _alike(steps[start], steps[start + length]))
    found = (_rounds(model, steps, start, length) for length in likely)
    return next((repetition for repetition in found if repetition is not None), None)


def _rounds(model: Model, steps: list[Step], start: int, length: int) -> _Repetition | None:
    """As many rounds of this length as there are from a step on; None if they are no loop."""
    first = steps[start : start + length]
    count, carried = 1, dict[int, Window]()
    while start + (count + 1) * length <= len(steps):
        at = start + count * length
        more = _next_round(first, steps[at - length : at], steps[at : at + length], carried)
        if more is None:
            break
        count, carried = count + 1, more
    found = _Repetition(start, length, count, carried)
    return found if carried and _may_loop(model, steps, found) else None


def _alike(one: Step, other: Step) -> bool:
    """Whether two steps may be the same step of two rounds: what is cheap to compare."""
    return type(one.op) is type(other.op) and (one.size, one.frac) == (other.size, other.frac)


def _next_round(
    first: Sequence[Step], before: Sequence[Step], steps: Sequence[Step], known: dict[int, Window]
) -> dict[int, Window] | None:
    """What goes from one round to the next, if `steps` are a round like `first`; else None.

    before  the round before `steps`; the first round reads other windows in its place
    known   what the rounds so far have shown to go from round to round
    """
    carried = dict(known)
    own = {step.name: place for place, step in enumerate(steps)}
    earlier = {step.name: place for place, step in enumerate(before)}
    inner = {step.name: place for place, step in enumerate(first)}
    for one, other in zip(first, steps, strict=True):
        if not _alike(one, other):
            return None
        if [len(a) for a in one.inputs] != [len(a) for a in other.inputs]:
            return None
        for a, b in zip(windows_of([one]), windows_of([other]), strict=True):
            if a.size != b.size:
                return None
            if a.vector in inner:
                same = own.get(b.vector) == inner[a.vector] and (a.lo, a.hi) == (b.lo, b.hi)
                if not same:
                    return None
            elif b.vector in earlier:
                place = earlier[b.vector]
                lo = a.lo - b.lo
                begin = Window(a.vector, lo, lo + before[place].size)
                if carried.setdefault(place, begin) != begin:
                    return None
            elif a != b:
                return None
        if not same_op(one.op, other.op):
            return None
    return carried


def _may_loop(model: Model, steps: list[Step], found: _Repetition) -> bool:
    """Whether one body can stand for all rounds, working in place on what it carries.

    What the first round reads in place of a carried vector lies within its own vector, at the
    carried one's full length. No earlier round's vector is read outside. Nothing reads an old
    carried vector once its new value is being written: neither later steps of the round, nor the
    step that makes it, unless that is its first input and its kernel may overwrite that one.
    """
    last = found.round(steps, found.count - 1)
    gone = {s.name for n in range(found.count - 1) for s in found.round(steps, n)}
    inside = {s.name for n in range(found.count) for s in found.round(steps, n)}
    outside = windows_of([s for s in steps if s.name not in inside])
    if any(w.vector in gone for w in (*outside, *model.y, *model.h_next)):
        return False
    before = found.round(steps, found.count - 2)
    sizes = {name: len(fracs) for name, fracs in model.fracs().items()}
    for place, begin in found.carried.items():
        if begin.lo < 0 or begin.hi > sizes[begin.vector]:
            return False
        old, maker = before[place].name, last[place]
        whole: Argument = (Window(old, 0, maker.size),)
        in_place = maker.op.in_place and maker.inputs[0] == whole
        inputs = maker.inputs[1:] if in_place else maker.inputs
        read = [w for argument in inputs for w in argument]
        if any(w.vector == old for w in (*read, *windows_of(last[place + 1 :]))):
            return False
    return True


def _names(model: Model, steps: list[Step], rounds: Sequence[Sequence[Step]]) -> dict[str, str]:
    """A name for each vector of the last round, by its name there.

    A vector that is read outside keeps its name. Others have the name of all rounds without the
    numbers that tell the rounds apart: `layer0_current1`, `layer0_current2`, ... become
    `layer0_current`.
    """
    inside = {step.name for one in rounds for step in one}
    outside = windows_of([step for step in steps if step.name not in inside])
    kept = {w.vector for w in (*outside, *model.y, *model.h_next)}
    taken = {step.name for step in steps}
    found: dict[str, str] = {}
    for same in zip(*rounds, strict=True):
        last = same[-1].name
        name = _without_numbers([step.name for step in same])
        if name is None or last in kept or name in taken or name in found.values():
            name = last
        found[last] = name
    return found


def _without_numbers(names: Sequence[str]) -> str | None:
    """Names that differ in the numbers of some words only, without these numbers; else None."""
    words = []
    for same in itertools.zip_longest(*(name.split("_") for name in names), fillvalue=""):
        shared = set(same)
        if len(shared) > 1:
            shared = {re.sub(r"\d+$", "", word) for word in same}
        if len(shared) > 1 or "" in shared:
            return None
        words.append(shared.pop())
    return "_".join(words)


def _renamed(step: Step, names: dict[str, str]) -> Step:
    inputs = tuple(
        tuple(replace(w, vector=names.get(w.vector, w.vector)) for w in argument)
        for argument in step.inputs
    )
    return replace(step, name=names.get(step.name, step.name), inputs=inputs)
