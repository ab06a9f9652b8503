"""Payloads: every field is where the document says, and what no board can mean is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elegans.hil_tests.wire.frames import OVERHEAD, ErrorCode, Kind, encoded_size
from elegans.hil_tests.wire.messages import (
    RESET_CAUSES,
    BadMessageError,
    Hello,
    Ints,
    Refusal,
    Shape,
    StepReply,
    StepRequest,
    as_integers,
    baud_request,
)

shapes = st.builds(
    Shape,
    st.integers(0, 9),
    st.integers(1, 4),
    st.integers(1, 30),
    st.sampled_from([2, 4]),
    st.sampled_from([0, 2, 4]),
)


@given(shapes, st.integers(1, 12), st.booleans(), st.integers(0, 2**32))
def test_steps_and_their_replies_survive_encoding_and_parsing(
    shape: Shape, count: int, timed: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)

    def ints(size: int, *counts: int) -> Ints:
        end = 1 << 8 * size - 1
        return rng.integers(-end, end, counts).astype(f"i{size}")

    x, dt = ints(2, count, shape.inputs), ints(shape.dt_bytes or 2, count)
    step = StepRequest(ints(shape.state_bytes, shape.states), shape.rows(x, dt), timed)
    assert len(step.encode()) == 2 + shape.state_bytes * shape.states + count * shape.step_bytes
    again = StepRequest.parse(step.encode(), shape)
    assert again.timed == timed
    np.testing.assert_array_equal(again.h, step.h)
    np.testing.assert_array_equal(again.inputs["x"], x)
    np.testing.assert_array_equal(again.inputs["dt"], dt[:, None][:, : int(shape.dt_bytes > 0)])
    y, h = ints(2, count, shape.outputs), ints(shape.state_bytes, count, shape.states)
    reply = StepReply(y, h, 5, 2**32 - 1, timed)
    assert len(reply.encode()) == 10 + count * shape.result_bytes
    back = StepReply.parse(reply.encode(), shape)
    assert (back.ticks_min, back.ticks_max, back.timed) == (5, 2**32 - 1, timed)
    assert (back.y.dtype, back.h.dtype) == (np.int16, shape.state_type)
    np.testing.assert_array_equal(back.y, y)
    np.testing.assert_array_equal(back.h, h)


@given(shapes.filter(lambda s: s.step_bytes > 0), st.integers(0, 2048), st.integers(0, 4096))
@example(Shape(1, 0, 0, 2, 0), 1000, 4096)
@example(Shape(2, 1, 1, 2, 0), 40, 0)
@example(Shape(2, 1, 1, 2, 0), 1000, 20)
def test_the_largest_count_fits_the_frame_and_the_credit(
    shape: Shape, max_frame: int, credit: int
) -> None:
    count = shape.steps_in_a_frame(max_frame, credit)

    def sizes(count: int) -> tuple[int, int]:
        request = OVERHEAD + 2 + shape.state_bytes * shape.states + count * shape.step_bytes
        return request, OVERHEAD + 10 + count * shape.result_bytes

    def fits(count: int) -> bool:
        request, reply = sizes(count)
        return max(request, reply) <= max_frame and encoded_size(request) <= credit

    assert 0 <= count <= 255
    assert count == 0 or fits(count)
    assert count == 255 or not fits(count + 1)


_HELLO = Hello(
    nonce=0xA1B2C3D4,
    reset_cause=3,
    max_frame=1024,
    credit=2048,
    shape=Shape(inputs=8, outputs=1, states=19, state_bytes=4, dt_bytes=2),
    counter_hz=25_000_000,
    fault_pc=0x10203,
    fault_lr=0x40506,
    fault_status=0x70809,
    stack_reserved=1536,
    stack_used=620,
    model_digest=b"m" * 16,
    firmware_digest=b"f" * 16,
    board="lane",
)


def test_a_hello_is_laid_out_as_the_document_says() -> None:
    hello = _HELLO
    assert hello.encode().hex() == (
        "d4c3b2a1" "03" "04" "02" "00040000" "00080000" "0800" "0100" "1300" "40787d01"
        "03020100" "06050400" "09080700" "00060000" "6c020000"
        + "6d" * 16 + "66" * 16 + b"lane".hex()
    )  # fmt: skip
    assert Hello.parse(hello.encode()) == hello
    assert hello.reset == "software"


def test_the_cause_of_a_reset_is_a_word_or_its_number() -> None:
    for cause in range(8):
        known = RESET_CAUSES[cause] if cause < 6 else f"cause {cause}"
        assert replace(_HELLO, reset_cause=cause).reset == known
    assert RESET_CAUSES == ("unknown", "power", "pin", "software", "watchdog", "fault")


def test_a_hello_may_have_no_name_but_no_byte_less() -> None:
    whole = replace(_HELLO, board="").encode()
    assert Hello.parse(whole).board == ""
    with pytest.raises(BadMessageError, match=f"{len(whole) - 1} bytes instead of at least 77"):
        Hello.parse(whole[:-1])


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (Shape(3, 2, 5, 4, 2), "5 states of 32 bits, elapsed time of 16 bits"),
        (Shape(3, 2, 5, 2, 4), "5 states of 16 bits, elapsed time of 32 bits"),
        (Shape(3, 2, 5, 2, 0), "5 states of 16 bits, no elapsed time"),
    ],
)
def test_a_shape_says_its_sizes(shape: Shape, text: str) -> None:
    assert str(shape) == f"3 inputs, 2 outputs, {text}"
    assert shape.step_bytes == 6 + shape.dt_bytes
    assert shape.result_bytes == 4 + 5 * shape.state_bytes
    assert shape.state_type == np.dtype(f"i{shape.state_bytes}")


@pytest.mark.parametrize("state_bytes", [2, 4])
@pytest.mark.parametrize("dt_bytes", [0, 2, 4])
def test_a_hello_tells_any_width_that_there_is(state_bytes: int, dt_bytes: int) -> None:
    shape = Shape(8, 1, 19, state_bytes, dt_bytes)
    assert Hello.parse(replace(_HELLO, shape=shape).encode()).shape == shape


@pytest.mark.parametrize(("state_bytes", "dt_bytes"), [(1, 2), (3, 2), (0, 0), (2, 1), (4, 8)])
def test_a_hello_of_impossible_widths_is_refused(state_bytes: int, dt_bytes: int) -> None:
    shape = Shape(8, 1, 19, state_bytes, dt_bytes)
    hello = Hello(1, 1, 1024, 2048, shape, 0, 0, 0, 0, 0, 0, bytes(16), bytes(16), "lane")
    with pytest.raises(BadMessageError, match=f"states of {state_bytes} bytes"):
        Hello.parse(hello.encode())


@pytest.mark.parametrize(
    ("state_bytes", "dt_bytes", "text"),
    [
        (2, 2, "0102" "feff0300" "0100" "0200" "0300" "0400"),
        (4, 2, "0102" "feffffff03000000" "0100" "0200" "0300" "0400"),
        (2, 4, "0102" "feff0300" "0100" "02000000" "0300" "04000000"),
        (2, 0, "0102" "feff0300" "0100" "0300"),
    ],
)  # fmt: skip
def test_a_step_is_laid_out_as_the_document_says(
    state_bytes: int, dt_bytes: int, text: str
) -> None:
    shape = Shape(1, 1, 2, state_bytes, dt_bytes)
    states = np.array([-2, 3], shape.state_type)
    step = StepRequest(states, shape.rows([[1], [3]], [2, 4]), timed=True)
    assert step.encode().hex() == text
    assert replace(step, timed=False).encode().hex() == "00" + text[2:]
    for flags in range(4):  # other flags mean nothing yet
        payload = bytes([flags]) + bytes.fromhex(text)[1:]
        assert StepRequest.parse(payload, shape).timed == bool(flags & 1)


def test_a_reply_is_laid_out_as_the_document_says() -> None:
    reply = StepReply(np.array([[-2]], np.int16), np.array([[3, -4]], np.int32), 5, 6, timed=True)
    assert reply.encode().hex() == "01010500000006000000" "feff" "03000000fcffffff"  # fmt: skip
    untimed = StepReply(reply.y, reply.h)
    assert untimed.encode()[:10].hex() == "01000000000000000000"
    assert not untimed.timed
    for flags in range(4):
        payload = bytes([1, flags]) + reply.encode()[2:]
        assert StepReply.parse(payload, Shape(1, 1, 2, 4, 0)).timed == bool(flags & 1)


def test_an_error_and_a_rate_are_laid_out_as_the_document_says() -> None:
    assert Refusal(ErrorCode.COUNT, Kind.STEP).encode() == b"\4\2"
    assert Refusal.parse(b"\5\4") == Refusal(5, 4)
    assert baud_request(460_800) == b"\0\x08\7\0"
    with pytest.raises(BadMessageError, match="3 bytes instead of 2"):
        Refusal.parse(b"\5\4\0")


def test_integers_stay_what_they_are_or_are_refused() -> None:
    assert as_integers([-32768, 32767], np.int16).tolist() == [-32768, 32767]
    with pytest.raises(ValueError, match="not all values fit int16"):
        as_integers([0, -32769], np.int16)


BAD_ROWS = {
    "x too large": ([[32768]], [0], "not all values fit int16"),
    "dt too large": ([[0]], [32768], "not all values fit int16"),
    "x not whole": ([[0.5]], [0], "not all values fit int16"),
    "too many inputs": ([[1, 2]], [0], r"instead of \[T, 1\]"),
    "no row": ([1], [0], r"instead of \[T, 1\]"),
    "dt too short": ([[1], [2]], [0], r"dt has the shape \(1,\) instead of \(2,\)"),
}


@pytest.mark.parametrize(("x", "dt", "fact"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_inputs_that_no_request_can_carry_are_refused(x: Any, dt: Any, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        Shape(1, 1, 2, 4, 2).rows(x, dt)


@pytest.mark.parametrize("payload", [b"", b"\0", b"\0\1\2", b"\0\1" + b"\0" * 15])
def test_a_payload_of_the_wrong_size_is_refused(payload: bytes) -> None:
    for size in (2, 4):
        with pytest.raises(BadMessageError):
            StepRequest.parse(payload, Shape(2, 1, 3, size, size))
        with pytest.raises(BadMessageError, match="2 bytes instead of "):
            StepRequest.parse(b"\0\1", Shape(2, 1, 3, size, size))
        with pytest.raises(BadMessageError, match="10 bytes instead of "):
            StepReply.parse(b"\1" + bytes(9), Shape(2, 1, 3, size, size))
        with pytest.raises(BadMessageError):
            StepReply.parse(payload, Shape(2, 1, 3, size, size))
    with pytest.raises(BadMessageError):
        Hello.parse(payload)
    with pytest.raises(BadMessageError):
        Refusal.parse(payload[:1] + payload[3:])
