"""Frames: whatever happens to the bytes, a frame arrives as it was sent or not at all."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.hil_tests.wire.frames import (
    OVERHEAD,
    BadFrameError,
    Decoder,
    Frame,
    Kind,
    cobs_decode,
    cobs_encode,
    decode,
    encode,
    encoded_size,
)
from elegans.hil_tests.wire.messages import (
    BadMessageError,
    Hello,
    Ints,
    Refusal,
    Shape,
    StepReply,
    StepRequest,
)

payloads = st.one_of(
    st.binary(max_size=600),
    st.lists(st.sampled_from([b"\0", b"\0\0", b"a" * 253, b"b" * 254, b"c" * 255])).map(b"".join),
)
frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 0xFFFF), payloads)

PAPER = [
    ("", "01"),
    ("00", "0101"),
    ("0000", "010101"),
    ("11220033", "0311220233"),
    ("11223344", "0511223344"),
    ("11000000", "0211010101"),
]


@pytest.mark.parametrize(("plain", "stuffed"), PAPER)
def test_cobs_gives_the_published_examples(plain: str, stuffed: str) -> None:
    assert cobs_encode(bytes.fromhex(plain)).hex() == stuffed


@pytest.mark.parametrize("count", [253, 254, 255, 508, 509])
def test_cobs_blocks_of_254_cost_one_byte_each(count: int) -> None:
    full = cobs_encode(b"x" * count)
    assert len(full) == count + -(-count // 254)
    followed = cobs_encode(b"x" * count + b"\0")
    assert cobs_decode(followed) == b"x" * count + b"\0"


@given(payloads)
def test_cobs_decodes_to_the_same_data_and_contains_no_zero(data: bytes) -> None:
    stuffed = cobs_encode(data)
    assert 0 not in stuffed
    assert cobs_decode(stuffed) == data
    assert len(stuffed) + 2 <= encoded_size(len(data))


def test_a_block_beyond_the_end_is_no_cobs() -> None:
    with pytest.raises(BadFrameError, match="cobs"):
        cobs_decode(b"\x05abc")


def test_a_frame_is_laid_out_as_the_document_says() -> None:
    body = bytes([4, 0x02, 0x34, 0x12]) + b"\0ab"
    expected = b"\0" + cobs_encode(body + crc32(body).to_bytes(4, "little")) + b"\0"
    assert encode(Frame(Kind.STEP, 0x1234, b"\0ab")) == expected


@given(st.lists(frames, max_size=6), st.data())
def test_any_split_of_the_stream_gives_the_same_frames(
    sent: list[Frame], data: st.DataObject
) -> None:
    stream = b"".join(encode(frame) for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder = Decoder()
    got = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += decoder.feed(stream[begin:end])
    assert got == sent
    assert not decoder.dropped


@given(frames, st.data())
def test_a_single_damaged_byte_is_never_taken_for_a_frame(sent: Frame, data: st.DataObject) -> None:
    stream = bytearray(encode(sent))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    decoder = Decoder()
    assert [frame for frame in decoder.feed(bytes(stream) + b"\0") if frame != sent] == []


@given(frames, frames, st.data())
def test_the_frame_behind_a_damaged_one_arrives(
    first: Frame, second: Frame, data: st.DataObject
) -> None:
    stream = bytearray(encode(first))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    assert Decoder().feed(bytes(stream) + encode(second))[-1] == second


@given(st.binary(max_size=900), frames)
def test_garbage_before_a_frame_does_not_lose_it(garbage: bytes, sent: Frame) -> None:
    assert Decoder().feed(garbage + encode(sent))[-1] == sent


@given(frames, st.data())
def test_a_truncated_frame_is_dropped(sent: Frame, data: st.DataObject) -> None:
    whole = encode(sent)
    cut = data.draw(st.integers(2, len(whole) - 2))
    decoder = Decoder()
    assert decoder.feed(whole[:cut] + b"\0") == []
    assert decoder.dropped.total() == 1


@given(st.integers(1, 40), st.integers(64, 200))
def test_the_decoder_holds_one_frame_at_most(pieces: int, max_frame: int) -> None:
    decoder = Decoder(max_frame)
    for _ in range(pieces):
        decoder.feed(b"\x01" * 97)
        assert len(decoder._rest) <= encoded_size(max_frame)
    fits = Frame(1, 2, b"x" * (max_frame - OVERHEAD))
    assert decoder.feed(encode(fits)) == [fits]


def test_a_frame_beyond_the_limit_is_dropped_and_counted_once() -> None:
    decoder = Decoder(max_frame=64)
    stream = encode(Frame(1, 2, b"x" * 500))
    assert decoder.feed(stream[:200]) + decoder.feed(stream[200:]) == []
    assert decoder.dropped == {"long": 1}
    assert decoder.feed(encode(Frame(1, 2))) == [Frame(1, 2)]


def test_damage_is_counted_by_its_reason() -> None:
    good = cobs_encode(b"\1\2\3\4abcd")
    decoder = Decoder()
    assert decoder.feed(b"\x09ab\0" + b"\x03ab\0" + good + b"\0" + b"\0\0\0") == []
    assert decoder.dropped == {"cobs": 1, "short": 1, "crc": 1}


def test_a_frame_of_another_version_is_decoded_as_such() -> None:
    assert decode(cobs_encode(_body(b"\x07\x01\x00\x00"))).version == 7


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


@given(shapes.filter(lambda s: s.step_bytes > 0), st.integers(40, 2048), st.integers(40, 4096))
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

    assert count == 0 or fits(count)
    assert count == 255 or not fits(count + 1)


def test_a_hello_is_laid_out_as_the_document_says() -> None:
    shape = Shape(inputs=8, outputs=1, states=19, state_bytes=4, dt_bytes=2)
    hello = Hello(
        0xA1B2C3D4,
        3,
        1024,
        2048,
        shape,
        25_000_000,
        0,
        0,
        0,
        1536,
        620,
        b"m" * 16,
        b"f" * 16,
        "lane",
    )
    assert hello.encode().hex() == (
        "d4c3b2a1" "03" "04" "02" "0004" "0008" "0800" "0100" "1300" "40787d01"
        "00000000" "00000000" "00000000" "00060000" "6c020000"
        + "6d" * 16 + "66" * 16 + b"lane".hex()
    )  # fmt: skip
    assert Hello.parse(hello.encode()) == hello
    assert hello.reset == "software"


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


def test_a_reply_is_laid_out_as_the_document_says() -> None:
    reply = StepReply(np.array([[-2]], np.int16), np.array([[3, -4]], np.int32), 5, 6, timed=True)
    assert reply.encode().hex() == "01010500000006000000" "feff" "03000000fcffffff"  # fmt: skip


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
        with pytest.raises(BadMessageError):
            StepReply.parse(payload, Shape(2, 1, 3, size, size))
    with pytest.raises(BadMessageError):
        Hello.parse(payload)
    with pytest.raises(BadMessageError):
        Refusal.parse(payload)


def _body(head: bytes) -> bytes:
    return head + crc32(head).to_bytes(4, "little")
