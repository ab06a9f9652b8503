"""Frames: whatever happens to the bytes, a frame arrives as it was sent or not at all."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.hil_tests.wire.frames import (
    OVERHEAD,
    BadFrameError,
    Decoder,
    ErrorCode,
    Frame,
    Kind,
    cobs_decode,
    cobs_encode,
    decode,
    decoded_size,
    encode,
    encoded_size,
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
    body = bytes([5, 0x02, 0x34, 0x12]) + b"\0ab"
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


def test_the_most_that_a_frame_takes_is_what_one_without_zeros_does() -> None:
    """But for one byte where the last block is just full."""
    for count in range(1, 800):
        just_full = count % 254 == 0
        assert encoded_size(count) == len(cobs_encode(b"x" * count)) + 2 + just_full


def test_a_frame_may_have_as_many_bytes_as_fit_the_credit() -> None:
    for credit in range(3, 1600):
        most = decoded_size(credit)
        assert encoded_size(most) <= credit < encoded_size(most + 1)


@given(st.integers(1, 40), st.integers(64, 200))
def test_the_decoder_holds_one_frame_at_most(pieces: int, max_frame: int) -> None:
    decoder = Decoder(max_frame)
    for _ in range(pieces):
        decoder.feed(b"\x01" * 97)
        assert len(decoder._rest) <= encoded_size(max_frame)
    decoder.feed(b"\0")
    fits = Frame(0x55, 0x1111, b"x" * (max_frame - OVERHEAD), version=0x44)
    assert decoder.feed(encode(fits)[:-1]) + decoder.feed(b"\0") == [fits]
    decoder.dropped.clear()
    too_long = encode(replace(fits, payload=fits.payload + b"x"))
    if len(too_long) > encoded_size(max_frame):  # its CRC may have zeros
        assert decoder.feed(too_long) == []
        assert decoder.dropped == {"long": 1}


def test_bytes_and_frames_are_counted() -> None:
    decoder = Decoder()
    assert (decoder.received, decoder.frames) == (0, 0)
    one = encode(Frame(1, 2, b"abc"))
    decoder.feed(one + one[:4])
    decoder.feed(one[4:] + b"\x09abc\0")
    assert (decoder.received, decoder.frames) == (2 * len(one) + 5, 2)


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


def test_a_block_as_long_as_the_longest_frame_is_decoded_and_a_longer_one_is_not() -> None:
    for count, reason in ((66, "crc"), (67, "long")):
        for pieces in (1, 2):
            decoder = Decoder(max_frame=66)
            block = cobs_encode(b"x" * count) + b"\0"
            decoder.feed(block[: len(block) // pieces])
            decoder.feed(block[len(block) // pieces :])
            assert decoder.dropped == {reason: 1}
    decoder = Decoder(max_frame=66)
    decoder.feed(b"\x43" + b"x" * 66)  # all but the zero behind it
    decoder.feed(b"\0")
    assert decoder.dropped == {"crc": 1}


def test_types_and_errors_have_the_numbers_of_the_document() -> None:
    assert [(code.name, int(code)) for code in ErrorCode] == [
        ("VERSION", 1),
        ("UNKNOWN_TYPE", 2),
        ("MALFORMED", 3),
        ("COUNT", 4),
        ("BAUD", 5),
    ]
    assert [int(kind) for kind in Kind] == [1, 2, 3, 4, 0x81, 0x82, 0x83, 0x84, 0xC0, 0xFF]


def test_a_frame_of_another_version_is_decoded_as_such() -> None:
    assert decode(cobs_encode(_body(b"\x07\x01\x00\x00"))).version == 7


def _body(head: bytes) -> bytes:
    return head + crc32(head).to_bytes(4, "little")
