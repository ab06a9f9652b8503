"""The verdict, and its description of the first wrong integer."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.compare import BoardFacts, Verdict, compare
from elegans.hil_tests.session.stream import Controller, run, stream
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.tests.hil_tests.fake_device import (
    BOARD,
    SHAPE,
    WIDE,
    Behaviour,
    FakeDevice,
    LineFaults,
    model_run,
)


def verdict_of(behaviour: Behaviour, model: BuildModel) -> Verdict:
    with FakeDevice(behaviour) as device, Link.open(device.port) as link:
        facts = BoardFacts(instructions=lambda ticks: 2 * ticks, flash_bytes=4096)
        return compare(link, model, facts=facts)


def test_every_integer_of_every_vector_is_compared(fake_model: BuildModel) -> None:
    verdict = verdict_of(Behaviour(), fake_model)
    assert verdict.passed
    assert verdict.require() is verdict
    assert verdict.vectors == len(fake_model.vectors)
    assert verdict.integers == verdict.vectors * (SHAPE.outputs + SHAPE.states)


def test_a_board_that_has_overrun_its_stack_gets_no_verdict(fake_model: BuildModel) -> None:
    with pytest.raises(HilError, match="the stack of 1,536 bytes was overrun") as failure:
        verdict_of(Behaviour(stack_used=1540), fake_model)
    assert failure.value.phase is Phase.FAULT
    assert "larger memory.stack" in failure.value.remedy


def test_the_used_stack_is_part_of_the_verdict(fake_model: BuildModel) -> None:
    verdict = verdict_of(Behaviour(stack_used=1536), fake_model)
    assert "; stack 1,536 of 1,536 bytes used; " in verdict.summary()
    assert (verdict.json()["stack_reserved"], verdict.json()["stack_used"]) == (1536, 1536)


def test_a_board_that_does_not_measure_its_stack_is_no_error(fake_model: BuildModel) -> None:
    verdict = verdict_of(Behaviour(stack_bytes=0, stack_used=0), fake_model)
    assert verdict.stack_used is None
    assert "stack" not in verdict.summary()


@pytest.mark.parametrize(
    ("emulator", "few", "text"),
    [
        ("unicorn", 6, "7 requests were sent again, of 600, on a line that loses nothing"),
        (None, 60, "61 requests were sent again, of 600: the line is bad"),
    ],
)
def test_a_line_that_sends_much_again_is_doubted_in_words(
    fake_model: BuildModel, emulator: str | None, few: int, text: str
) -> None:
    verdict = replace(verdict_of(Behaviour(), fake_model), emulator=emulator, requests=600)
    assert replace(verdict, resent=few).doubt is None
    assert "sent again" not in replace(verdict, resent=few).summary()
    doubted = replace(verdict, resent=few + 1)
    assert doubted.passed
    assert text in doubted.summary()


def test_requests_are_counted_once_however_often_they_are_sent(fake_model: BuildModel) -> None:
    clean = verdict_of(Behaviour(), fake_model)
    assert 64 < clean.requests < 2 * len(fake_model.vectors)
    noisy = verdict_of(Behaviour(line=LineFaults(drop=0.2)), fake_model)
    assert noisy.resent > 5
    assert noisy.doubt is not None
    assert str(noisy.json()["doubt"]) in noisy.summary()


def test_a_state_of_32_bits_is_one_integer_and_differs_in_any_of_its_bits(
    wide_model: BuildModel,
) -> None:
    golden = wide_model.vectors
    assert (golden.h.dtype, golden.h_next.dtype, golden.dt.dtype) == (np.int32,) * 3
    with FakeDevice(Behaviour(shape=WIDE)) as device, Link.open(device.port) as link:
        verdict = compare(link, wide_model)
        assert verdict.passed
        assert verdict.integers == verdict.vectors * (WIDE.outputs + WIDE.states)
        for bit in (0, 15, 16, 31):
            h_next = golden.h_next.copy()
            h_next[150, 1] ^= np.int32(1 << bit) if bit < 31 else np.iinfo(np.int32).min
            changed = compare(link, wide_model, replace(golden, h_next=h_next))
            first = changed.first_difference
            assert changed.mismatches == 1
            assert first is not None
            assert (first.name, first.got) == ("state ring[1]", int(golden.h_next[150, 1]))
            assert first.expected == int(h_next[150, 1])


def test_the_first_wrong_bit_is_named(fake_model: BuildModel) -> None:
    """Without a counter nothing is timed first, so that the board's step 250 is vector 250."""
    verdict = verdict_of(Behaviour(wrong_step=250, counter_hz=0), fake_model)
    golden = fake_model.vectors.h_next[250, 2]
    assert verdict.mismatches == 1
    assert str(verdict.first_difference) == (
        f"vector 250 (recorded), step 114, state ring[2]: expected {golden}, got {golden ^ 1}"
    )
    with pytest.raises(HilError, match="1 of 2352 integers differ; first: vector 250") as failure:
        verdict.require()
    assert failure.value.phase is Phase.MISMATCH


def test_a_lone_vector_that_differs_is_at_its_own_step_zero(fake_model: BuildModel) -> None:
    first = verdict_of(Behaviour(wrong_step=40, counter_hz=0), fake_model).first_difference
    assert first is not None
    assert (first.vector, first.section, first.step) == (40, "random", 0)


def test_the_counter_is_read_for_a_sample_of_each_section(fake_model: BuildModel) -> None:
    verdict = verdict_of(Behaviour(), fake_model)
    assert (verdict.ticks, verdict.instructions) == ((321, 321), (642, 642))
    untold = verdict_of(Behaviour(counter_hz=0), fake_model)
    assert (untold.ticks, untold.instructions) == (None, None)


def test_the_time_of_a_step_is_unknown_if_the_counter_does_not_count(
    fake_model: BuildModel,
) -> None:
    verdict = verdict_of(Behaviour(counts=False), fake_model)
    assert (verdict.passed, verdict.ticks, verdict.instructions) == (True, None, None)


def test_progress_reaches_the_last_vector_and_never_goes_back(fake_model: BuildModel) -> None:
    calls: list[tuple[int, int]] = []
    with FakeDevice() as device, Link.open(device.port) as link:
        compare(link, fake_model, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (len(fake_model.vectors), len(fake_model.vectors))
    assert calls == sorted(calls)


def test_the_json_object_has_what_scripts_ask_for(fake_model: BuildModel) -> None:
    text = json.loads(json.dumps(verdict_of(Behaviour(), fake_model).json()))
    assert text["board"] == BOARD
    assert text["vectors"] == len(fake_model.vectors)
    assert text["mismatches"] == 0
    assert text["instructions_per_step"] == {"min": 642, "max": 642}
    assert (text["flash_bytes"], text["ram_bytes"]) == (4096, None)
    assert text["vectors_per_second"] > 0


def test_recorded_vectors_share_requests_and_lone_ones_do_not(fake_model: BuildModel) -> None:
    with FakeDevice() as device, Link.open(device.port) as link:
        chunks = list(stream(link, fake_model.vectors))
    assert [chunk.start for chunk in chunks[:136]] == list(range(136))
    assert max(chunk.stop - chunk.start for chunk in chunks[136:]) > 10
    assert [chunk.start for chunk in chunks[1:]] == [chunk.stop for chunk in chunks[:-1]]
    assert chunks[-1].stop == len(fake_model.vectors)


@pytest.mark.parametrize("width", ["fake_model", "wide_model"])
def test_free_running_and_single_steps_carry_the_boards_own_state(
    width: str, request: pytest.FixtureRequest
) -> None:
    model: BuildModel = request.getfixturevalue(width)
    x, dt, h0 = model.vectors.x[:90], model.vectors.dt[:90], model.vectors.h[3]
    y, h = model_run(h0, model.shape.rows(x, dt))
    with FakeDevice(Behaviour(shape=model.shape)) as device, Link.open(device.port) as link:
        got_y, got_h = run(link, x, dt, h0)
        controller = Controller(link, h0)
        singly = [controller.step(x[i], int(dt[i]))[0] for i in range(90)]
    np.testing.assert_array_equal(got_y, y)
    np.testing.assert_array_equal(got_h, h)
    assert got_h.dtype == h0.dtype
    np.testing.assert_array_equal(singly, y)
    np.testing.assert_array_equal(controller.h, h[-1])


def test_times_and_states_that_the_board_cannot_take_are_an_error(fake_model: BuildModel) -> None:
    x, dt = fake_model.vectors.x[:3], fake_model.vectors.dt[:3].astype(np.int32)
    with FakeDevice() as device, Link.open(device.port) as link:
        with pytest.raises(ValueError, match="not all values fit int16"):
            run(link, x, dt + (1 << 16))
        with pytest.raises(ValueError, match="not all values fit int16"):
            run(link, x, dt, np.full(5, 1 << 15))
        assert device.requests == 0


def test_a_run_of_no_steps_is_empty(fake_model: BuildModel) -> None:
    with FakeDevice() as device, Link.open(device.port) as link:
        y, h = run(link, fake_model.vectors.x[:0], fake_model.vectors.dt[:0])
    assert (y.shape, h.shape) == ((0, SHAPE.outputs), (0, SHAPE.states))
