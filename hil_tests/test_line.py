"""Invalid requests and damaged data: the board refuses them and continues to work."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.stream import run
from elegans.hil_tests.wire.errors import RefusedError
from elegans.hil_tests.wire.frames import ErrorCode, Frame, Kind, encode
from elegans.hil_tests.wire.messages import StepRequest


def _step(link: Link, model: BuildModel, count: int) -> bytes:
    """A STEP request that contains one step, but whose count byte is ``count``."""
    one = model.vectors[slice(0, 1)]
    request = StepRequest(one.h[0], link.peer.shape.rows(one.x, one.dt)).encode()
    return struct.pack("<BB", 0, count) + request[2:]


@contextmanager
def _same_answers(link: Link, model: BuildModel) -> Iterator[None]:
    """After the ``with`` block the board computes what it did before, right or wrong."""
    golden = model.vectors[slice(0, 4)]
    y, h = run(link, golden.x, golden.dt)
    yield
    y_after, h_after = run(link, golden.x, golden.dt)
    np.testing.assert_array_equal(y_after, y)
    np.testing.assert_array_equal(h_after, h)


@pytest.mark.parametrize("count", [0, 2, 255])
def test_a_count_unlike_the_payload_is_refused(link: Link, model: BuildModel, count: int) -> None:
    with pytest.raises(RefusedError) as refusal:
        link.request(Kind.STEP, _step(link, model, count))
    assert refusal.value.code in (ErrorCode.COUNT, ErrorCode.MALFORMED)


def test_more_steps_than_the_reply_can_hold_are_refused(link: Link) -> None:
    peer = link.peer
    shape = peer.shape
    count = (peer.max_frame - 18) // shape.result_bytes + 1
    inputs = shape.rows(np.zeros((count, shape.inputs)), np.zeros(count))
    steps = StepRequest(np.zeros(shape.states, shape.state_type), inputs)
    if count > 255 or len(steps.encode()) + 8 > peer.max_frame:
        pytest.skip("for this model a request reaches the limit of a frame before its reply does")
    with pytest.raises(RefusedError) as refusal:
        link.request(Kind.STEP, steps.encode())
    assert refusal.value.code == ErrorCode.COUNT


@pytest.mark.parametrize("payload", [b"", b"\0", b"\0\1", b"\0\1\0"])
def test_a_payload_cut_short_is_refused(link: Link, payload: bytes) -> None:
    with pytest.raises(RefusedError) as refusal:
        link.request(Kind.STEP, payload)
    assert refusal.value.code == ErrorCode.MALFORMED


def test_an_unknown_request_is_refused(link: Link) -> None:
    with pytest.raises(RefusedError) as refusal:
        link.request(0x33, b"?")
    assert refusal.value.code == ErrorCode.UNKNOWN_TYPE


def test_the_board_continues_after_a_refusal(link: Link, model: BuildModel) -> None:
    with _same_answers(link, model), pytest.raises(RefusedError):
        link.request(0x33)


@pytest.mark.parametrize("size", [1, 7, 254, 255, 5000])
def test_garbage_before_a_frame_does_not_lose_it(link: Link, model: BuildModel, size: int) -> None:
    with _same_answers(link, model):
        link.inject(random.Random(size).randbytes(size))


def test_frames_cut_off_or_damaged_do_no_harm(link: Link, model: BuildModel) -> None:
    whole = encode(Frame(Kind.STEP, 0, _step(link, model, 1)))
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 0x40
    with _same_answers(link, model):
        for cut in range(1, len(whole) - 1):
            link.inject(whole[:cut])
        link.inject(bytes(damaged))


def test_a_frame_of_another_version_does_no_harm(link: Link, model: BuildModel) -> None:
    with _same_answers(link, model):
        link.inject(encode(Frame(Kind.HELLO, 0, b"\0" * 4, version=99)))
        link.hello()  # also receives the refusal


def test_a_reset_in_mid_run_loses_nothing(link: Link, model: BuildModel, right_bits: None) -> None:
    golden = model.vectors[slice(0, 60)]
    y, h = run(link, golden.x, golden.dt)
    run(link, golden.x[:30], golden.dt[:30])
    assert link.reset().reset == "software"
    rest_y, rest_h = run(link, golden.x[30:], golden.dt[30:], h[29])
    np.testing.assert_array_equal(rest_y, y[30:])
    np.testing.assert_array_equal(rest_h, h[30:])
