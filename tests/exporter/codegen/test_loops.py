"""Loops: the unfolds of a solver are one body in C, with the bits of all of them written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from elegans.boards.firmware.host import HostModel
from elegans.exporter.codegen.loops import roll
from elegans.exporter.codegen.placement import place
from elegans.exporter.codegen.program import Program
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Step, Window
from elegans.exporter.ir.proof import prove
from elegans.exporter.numbers.fixed import Interval
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.tanh import Tanh
from elegans.tests.places import model_file

_KINDS = {"speed": {}, "size": {"layout": "size"}, "int8": {"weight_bits": 8, "accept_error": 1.0}}


def _euler(g, unfolds: int, old_state: bool = False):
    """A CTRNN by Euler steps: v + dt / tau (tanh(W v + U x + b) - v), unfolded."""
    w, u, b = (
        g.hold(g.rng.normal(0, 0.3, (6, 6))),
        g.hold(g.rng.normal(0, 0.5, (3, 6))),
        g.hold(g.rng.normal(0, 0.1, 6)),
    )
    rate = g.hold(np.full(6, 1.0 / unfolds))
    v = "h"
    for _ in range(unfolds):
        pre = g.node("Add", g.node("Add", g.node("MatMul", v, w), g.node("MatMul", "x", u)), b)
        share = g.node("Mul", "dt", rate)
        v = g.node("Add", v, g.node("Mul", share, g.node("Sub", g.node("Tanh", pre), v)))
    g.rename(v, "h_next", "Identity")
    if old_state:
        ends = [g.hold([n], np.int64) for n in (3, 5, 1)]
        g.rename(g.node("Slice", "h", *ends), "y", "Identity")
    else:
        g.rename(g.linear(v, 6, 2, "gemm"), "y", "Identity")
    return g


def _loops(text: str) -> int:
    return text.count("for (uint32_t unfold")


@pytest.mark.parametrize("kind", sorted(_KINDS))
@pytest.mark.parametrize("old_state", [False, True], ids=["in_place", "old_state_read"])
def test_unfolds_are_one_loop_with_the_bits_of_the_reference(
    graph, save, tmp_path, kind, old_state
):
    source = save(_euler(graph(), 5, old_state))
    export(Request(source, **_KINDS[kind]), tmp_path / "BUILD")
    text = model_file(tmp_path / "BUILD").read_text()
    assert _loops(text) == 1
    assert "unfold < 5U" in text
    assert text.count("el_relax(") == 1
    v = np.load(tmp_path / "BUILD" / "vectors.npz")
    y, h = HostModel.compile(tmp_path / "BUILD", sanitise=True).steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_a_loop_may_begin_with_a_vector_of_the_step_itself(graph, save, tmp_path, kind):
    """Nothing but the loop's beginning reads it, and its buffer must be kept until then."""
    g = graph()
    v = g.node("Tanh", g.linear(g.node("Concat", "x", "h", axis=1), 9, 6, "gemm"))
    w, rate = g.hold(g.rng.normal(0, 0.3, (6, 6))), g.hold(np.full(6, 1.0 / 5))
    drive = g.node("Tanh", g.linear("x", 3, 6, "gemm"))
    for _ in range(5):
        pre = g.node("Add", g.node("MatMul", v, w), drive)
        share = g.node("Mul", "dt", rate)
        v = g.node("Add", v, g.node("Mul", share, g.node("Sub", g.node("Tanh", pre), v)))
    g.rename(v, "h_next", "Identity")
    g.rename(g.linear(v, 6, 2, "gemm"), "y", "Identity")
    export(Request(save(g), **_KINDS[kind]), tmp_path / "BUILD")
    assert _loops(model_file(tmp_path / "BUILD").read_text()) == 1
    v = np.load(tmp_path / "BUILD" / "vectors.npz")
    y, h = HostModel.compile(tmp_path / "BUILD", sanitise=True).steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])


def test_a_single_unfold_is_no_loop(graph, save, tmp_path):
    export(Request(save(_euler(graph(), 1))), tmp_path / "BUILD")
    assert _loops(model_file(tmp_path / "BUILD").read_text()) == 0


def _executed(program: Program) -> list[Step]:
    """A program's steps as they run, in single assignment again."""
    done: list[Step] = []
    names: dict[str, str] = {}  # of what a loop has made so far
    at = 0
    while at < len(program.steps):
        loop = program.loop(program.steps[at])
        body = program.steps[at : at + len(loop.names)] if loop else [program.steps[at]]
        carried = loop.carried if loop else {}
        for number in range(loop.count if loop else 1):
            for step in body:
                inputs = tuple(
                    tuple(_read(w, names, carried) for w in argument) for argument in step.inputs
                )
                name = f"{step.name}@{number}" if loop else step.name
                done.append(replace(step, name=name, inputs=inputs))
                if loop:
                    names[step.name] = name
        at += len(body)
    return done


def _read(window: Window, names: dict[str, str], carried: dict[str, Window]) -> Window:
    if window.vector in names:
        return replace(window, vector=names[window.vector])
    begin = carried.get(window.vector)
    if begin is None:
        return window
    return Window(begin.vector, begin.lo + window.lo, begin.lo + window.hi)


@pytest.mark.parametrize("unfolds", [2, 3, 6])
def test_a_rolled_program_unrolls_to_the_model_s_own_steps(graph, lowered, unfolds):
    model = lowered(_euler(graph(), unfolds))
    program, bounds = roll(model, prove(model))
    assert [loop.count for loop in program.loops] == [unfolds]
    assert {step.name for step in program.steps} <= bounds.keys()
    again = _executed(program)
    assert len(again) == len(model.steps)
    renamed = {mine.name: own.name for mine, own in zip(again, model.steps, strict=True)}
    for mine, own in zip(again, model.steps, strict=True):
        assert type(mine.op) is type(own.op)
        inputs = tuple(
            tuple(replace(w, vector=renamed.get(w.vector, w.vector)) for w in argument)
            for argument in mine.inputs
        )
        assert inputs == own.inputs


def _steps(*changes) -> list[Step]:
    """Two rounds of a map, its tanh and a mix, with some steps replaced."""
    one = Linear(np.full((2, 2), 7), np.zeros(2), np.full(2, 4))
    found = []
    before, t = "h", (Window("t", 0, 2),)
    for n in "12":
        v = Window(before, 0, 2)
        found += [
            Step(f"sum{n}", "l", one, ((v,),), 2, (12, 12)),
            Step(f"g{n}", "l", Tanh(), ((Window(f"sum{n}", 0, 2),),), 2, (15, 15)),
            Step(f"v{n}", "l", Mix(), ((v,), (Window(f"g{n}", 0, 2),), t), 2, (15, 15)),
        ]
        before = f"v{n}"
    for at, step in changes:
        found[at] = step
    return found


def _model(lowered, graph, steps):
    """A model with these steps behind a step that makes t."""
    model = lowered(_euler(graph(), 1))
    h = replace(model.states[0], lo=-32767)
    t = Step("t", "l", Tanh(), ((Window("h", 0, 2),),), 2, (15, 15))
    last = (Window(steps[-1].name, 0, 2),)
    return replace(model, states=(h, h), outputs=(), steps=(t, *steps), y=(), h_next=last)


def _rolled(model):
    whole = {s.name for s in model.steps} | {"h"}
    bounds = {name: Interval.of(np.full(2, -9), np.full(2, 9)) for name in whole}
    return roll(model, bounds)[0].loops


def test_other_weights_in_a_round_are_no_repetition(graph, lowered):
    assert len(_rolled(_model(lowered, graph, _steps()))) == 1
    other = Linear(np.full((2, 2), 8), np.zeros(2), np.full(2, 4))
    changed = replace(_steps()[3], op=other)
    assert not _rolled(_model(lowered, graph, _steps((3, changed))))


def test_a_round_whose_vector_is_read_outside_is_no_loop(graph, lowered):
    model = _model(lowered, graph, _steps())
    assert not _rolled(replace(model, y=(Window("g1", 0, 2),), outputs=model.states))


def test_a_round_that_reads_the_old_value_after_the_new_one_is_made_is_no_loop(graph, lowered):
    """The body works in place: the old value would be gone."""
    late = []
    for n, before in (("1", "h"), ("2", "v1")):
        step = Step(f"late{n}", "l", Tanh(), ((Window(before, 0, 2),),), 2, (15, 15))
        late.append(step)
    base = _steps()
    steps = [*base[:3], late[0], *base[3:], late[1]]
    model = _model(lowered, graph, steps)
    assert not _rolled(replace(model, h_next=(Window("v2", 0, 2),)))


def test_a_loop_s_beginning_does_not_overwrite_a_state_that_it_still_copies(graph, lowered):
    """p begins with a vector of the step and ends where q's first value lies."""
    model = lowered(_euler(graph(), 1))
    t, before = (Window("t", 0, 2),), {"p": Window("p0", 0, 2), "q": Window("h", 0, 2)}
    steps = [Step(n, "l", Tanh(), ((Window("h", 2, 4),),), 2, (15, 15)) for n in ("t", "p0")]
    for n in "12":
        for name, other in ("pq", "qp"):
            inputs = ((before[name],), (before[other],), t)
            steps.append(Step(f"{name}{n}", "l", Mix(), inputs, 2, (15, 15)))
            before[name] = Window(f"{name}{n}", 0, 2)
    ends = (before["p"], before["q"])
    states = (replace(model.states[0], lo=-32767),) * 4
    model = replace(model, states=states, outputs=(), steps=tuple(steps), y=(), h_next=ends)
    bounds = {s.name: Interval.of(np.full(2, -9), np.full(2, 9)) for s in steps}
    program, _ = roll(model, bounds)
    (loop,) = program.loops
    placement = place(program)
    copied = set()
    for name, window in loop.carried.items():
        source, target = placement.at(window), placement.places[name]
        assert source not in copied
        if source != target:
            copied.add(target)


def test_rounds_whose_steps_belong_to_several_layers_are_one_loop(graph, lowered):
    model = _model(lowered, graph, _steps())
    woven = [replace(s, group="other") if s.name.startswith("g") else s for s in model.steps]
    (loop,) = _rolled(replace(model, steps=tuple(woven)))
    assert loop.count == 2


def test_a_first_round_that_reads_near_the_end_of_the_state_is_no_loop(graph, lowered):
    """What it begins with would be copied from beyond the state's end."""
    one = Linear(np.full((2, 1), 7), np.zeros(2), np.full(2, 4))
    steps, before = [], Window("h", 1, 2)  # the last state; what is carried has two elements
    for n in "12":
        steps.append(Step(f"sum{n}", "l", one, ((before,),), 2, (12, 12)))
        steps.append(Step(f"v{n}", "l", Tanh(), ((Window(f"sum{n}", 0, 2),),), 2, (15, 15)))
        before = Window(f"v{n}", 0, 1)
    assert not _rolled(_model(lowered, graph, steps))
