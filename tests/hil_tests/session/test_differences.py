"""What is kept of the place where a board's integers differ first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.compare import compare
from elegans.hil_tests.session.differences import (
    STEPS_AROUND,
    Results,
    surroundings,
)
from elegans.tests.hil_tests.fake_device import Behaviour, FakeDevice


def results(model: BuildModel) -> Results:
    return Results(model.vectors.y.copy(), model.vectors.h_next.copy())


def test_without_a_difference_there_is_nothing_to_draw(fake_model: BuildModel) -> None:
    assert surroundings(fake_model, fake_model.vectors, results(fake_model)) is None


def test_the_steps_around_the_difference_are_those_of_its_section(fake_model: BuildModel) -> None:
    got = results(fake_model)
    got.h[140, 3] ^= 1  # the fifth recorded vector
    around = surroundings(fake_model, fake_model.vectors, got)
    assert around is not None
    steps = around.over_steps
    assert steps.labels == tuple(str(v) for v in range(136, 140 + STEPS_AROUND + 1))
    assert (steps.labels[steps.at], steps.got[steps.at]) == ("140", steps.expected[steps.at] ^ 1)
    assert steps.expected == tuple(fake_model.vectors.h_next[136:157, 3].tolist())
    assert [
        i for i, (a, b) in enumerate(zip(steps.expected, steps.got, strict=True)) if a != b
    ] == [steps.at]


def test_the_step_that_differs_is_kept_with_all_its_states_and_outputs(
    fake_model: BuildModel,
) -> None:
    got = results(fake_model)
    got.y[60] += 7
    around = surroundings(fake_model, fake_model.vectors, got)
    assert around is not None
    names = [f"state {c.name}" for c in fake_model.states]
    names += [f"output {c.name}" for c in fake_model.outputs]
    channels = around.over_channels
    assert (list(channels.labels), around.channels, around.wrong) == (names, 7, 2)
    assert channels.labels[channels.at] == around.difference.name == "output left"
    assert np.subtract(channels.got, channels.expected).tolist() == [0, 0, 0, 0, 0, 7, 7]


@pytest.mark.parametrize(("first", "vector", "step"), [(0, 0, 0), (0, 3, 3), (3, 5, 2), (5, 5, 0)])
def test_a_step_is_counted_from_where_its_unbroken_sequence_of_states_began(
    fake_model: BuildModel, first: int, vector: int, step: int
) -> None:
    golden = fake_model.vectors[slice(0, 8)]
    h = golden.h.copy()
    h[1:] = golden.h_next[:-1]
    h[first] = golden.h_next[first - 1] + 1  # a new beginning; vector 0 is one in any case
    golden = replace(golden, h=h)
    got = Results(golden.y.copy(), golden.h_next.copy())
    got.h[vector, 0] ^= 1
    around = surroundings(fake_model, golden, got)
    assert around is not None
    assert (around.difference.vector, around.difference.step) == (vector, step)


def test_a_verdict_has_the_surroundings_and_the_health_of_the_line(fake_model: BuildModel) -> None:
    device = FakeDevice(Behaviour(wrong_step=250, counter_hz=0))
    with device, Link.open(device.port) as link:
        verdict = compare(link, fake_model)
    assert verdict.around is not None
    assert verdict.around.json()["text"] == str(verdict.first_difference)
    figures = verdict.json()
    assert figures["baud"] == 115200
    assert figures["round_trip_ms"] > 0
    assert 0 < figures["frames"] <= len(fake_model.vectors) + 2
    assert "around" not in figures
