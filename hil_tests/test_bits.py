"""What the board computes: every output and every state, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.plugin import ProgressListener
from elegans.hil_tests.session.build_files import SECTIONS, BuildModel
from elegans.hil_tests.session.compare import mismatch
from elegans.hil_tests.session.differences import first_difference
from elegans.hil_tests.session.session import Device
from elegans.hil_tests.session.stream import Controller, run
from elegans.hil_tests.wire.frames import Kind
from elegans.hil_tests.wire.messages import StepRequest


def test_every_golden_vector_is_repeated_bit_for_bit(
    device: Device, progress_listener: ProgressListener
) -> None:
    verdict = device.compare(progress=progress_listener.vectors)
    progress_listener.verdict(verdict)
    verdict.require()


def test_a_free_running_recording_gives_the_reference(
    link: Link, model: BuildModel, right_bits: None
) -> None:
    golden = model.vectors
    recorded = [
        (start, stop)
        for start, stop in pairwise(golden.breaks())
        if SECTIONS[golden.section[start]] == "recorded"
    ]
    if not recorded:
        pytest.skip("this BUILD has no recorded vectors: export it with a recording")
    for start, stop in recorded:
        part = golden[slice(start, stop)]
        y, h = run(link, part.x, part.dt, part.h[0])
        first = first_difference(model, golden, start, y, h)
        if first is not None:
            raise mismatch(link.peer.board, f"it runs free; first: {first}")


def test_single_steps_give_the_same_as_a_run(
    link: Link, model: BuildModel, right_bits: None
) -> None:
    golden = model.vectors[slice(0, 40)]
    y, h = run(link, golden.x, golden.dt)
    controller = Controller(link)
    for i in range(len(golden)):
        out, state = controller.step(golden.x[i], int(golden.dt[i]))
        np.testing.assert_array_equal(out, y[i])
        np.testing.assert_array_equal(state, h[i])


def test_a_repeated_request_gets_the_same_answer(link: Link, model: BuildModel) -> None:
    one = model.vectors[slice(0, 1)]
    request = StepRequest(one.h[0], link.peer.shape.rows(one.x, one.dt)).encode()
    assert len(set(link.exchange(Kind.STEP, [request] * 50))) == 1


def test_one_wrong_bit_is_found_and_named(
    device: Device, model: BuildModel, right_bits: None
) -> None:
    """A test of the comparison itself: the expected value is changed, not the board."""
    golden = model.vectors[slice(0, 30)]
    h_next = golden.h_next.copy()
    h_next[17, -1] ^= 1
    verdict = device.compare(replace(golden, h_next=h_next))
    assert verdict.mismatches == 1
    first = verdict.first_difference
    assert first is not None
    assert (first.vector, first.name) == (17, f"state {model.states[-1].name}")
    assert (first.expected, first.got) == (h_next[17, -1], golden.h_next[17, -1])
