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
    assert got.wrong(fake_model.vectors).tolist() == [2 * (n == 60) for n in range(336)]
    got.h[61, :3] ^= 1
    got.y[61, 0] ^= 1
    assert got.wrong(fake_model.vectors)[60:62].tolist() == [2, 4]
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


@pytest.mark.parametrize("column", [0, 31, 32, 33, 69, 70, 99])
@pytest.mark.parametrize("vector", [0, 15, 16, 17, 40, 59])
def test_16_steps_and_32_channels_on_each_side_are_kept(
    fake_model: BuildModel, vector: int, column: int
) -> None:
    """70 states and 30 outputs, over 60 vectors of one section."""
    names = [f"state s{i}" for i in range(70)] + [f"output o{i}" for i in range(30)]
    states = tuple(replace(fake_model.states[0], name=f"s{i}") for i in range(70))
    outputs = tuple(replace(fake_model.outputs[0], name=f"o{i}") for i in range(30))
    model = replace(fake_model, states=states, outputs=outputs)
    values = np.arange(6000, dtype=np.int16).reshape(60, 100)
    h, y = values[:, :70], values[:, 70:]
    golden = replace(fake_model.vectors[slice(200, 260)], h=h, h_next=h, y=y)
    changed = values.copy()
    changed[vector, column] += 5
    around = surroundings(model, golden, Results(changed[:, 70:], changed[:, :70]))
    assert around is not None
    assert around.difference.name == names[column]
    assert around.difference.expected + 5 == around.difference.got == changed[vector, column]
    steps = range(max(vector - 16, 0), min(vector + 17, 60))
    assert around.over_steps.json() == {
        "labels": [str(i) for i in steps],
        "expected": values[steps, column].tolist(),
        "got": changed[steps, column].tolist(),
        "at": vector - steps[0],
    }
    channels = range(max(column - 32, 0), min(column + 33, 100))
    assert around.over_channels.json() == {
        "labels": [names[i] for i in channels],
        "expected": values[vector, channels].tolist(),
        "got": changed[vector, channels].tolist(),
        "at": column - channels[0],
    }
    assert (around.json()["channels"], around.json()["wrong"]) == (100, 1)


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
