"""The device's end of the link, compiled for this machine: valid, damaged and hostile frames."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.boards.firmware import toolchain
from elegans.hil_tests.wire.frames import (
    Decoder,
    ErrorCode,
    Frame,
    Kind,
    cobs_decode,
    encode,
    encoded_size,
)
from elegans.hil_tests.wire.messages import (
    Hello,
    Refusal,
    Shape,
    StepReply,
    StepRequest,
    baud_request,
)
from elegans.tests.places import LIBC, RUNTIME, TINY_BUILD

_HERE = Path(__file__).resolve().parent
_LINK = RUNTIME / "link"
_SHAPE = Shape(2, 1, 3, True)
_MAX_FRAME = 256


class LinkOnHost:
    """The compiled link, newly started; ``disturbed`` lets an interrupt disturb each step."""

    def __init__(self, library: ctypes.CDLL, max_frame: int = _MAX_FRAME, disturbed: bool = False):
        self._library = library
        self._out = ctypes.create_string_buffer(1 << 16)
        library.start(max_frame, int(disturbed))

    def feed(self, data: bytes) -> list[Frame]:
        """Pass it bytes from the host; the frames that it sends."""
        return Decoder().feed(self.raw(data))

    def raw(self, data: bytes) -> bytes:
        """Pass it bytes from the host; the bytes that it sends."""
        count = self._library.feed(data, len(data), self._out)
        return self._out.raw[:count]

    def ask(self, kind: int, payload: bytes = b"", sequence: int = 7, version: int = 2) -> Frame:
        """The single reply to a request."""
        (frame,) = self.feed(encode(Frame(kind, sequence, payload, version)))
        assert frame.sequence == sequence
        return frame

    def refusal(self, kind: int, payload: bytes, **more: int) -> ErrorCode:
        """The code of the error with which it replies to a request."""
        frame = self.ask(kind, payload, **more)
        assert frame.kind == Kind.ERROR
        refusal = Refusal.parse(frame.payload)
        assert refusal.request_type == kind
        return ErrorCode(refusal.code)

    def answers(self) -> bool:
        """Whether it replies to a HELLO."""
        return self.ask(Kind.HELLO, b"\1\2\3\4").payload[:4] == b"\1\2\3\4"

    @property
    def dropped(self) -> int:
        """The number of frames that it has dropped."""
        return int(self._library.dropped())


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    target = tmp_path_factory.mktemp("link") / "link.so"
    line = [
        "-shared",
        "-fPIC",
        "-O1",
        "-std=c99",
        *toolchain.WARNINGS,
        f"-I{_LINK}",
        f"-I{TINY_BUILD}",
    ]
    sources = [_HERE / "link_on_host.c", *_LINK.glob("*.c"), *TINY_BUILD.glob("*.c")]
    sources += TINY_BUILD.glob("src/*.c")
    line += [f"-I{TINY_BUILD}/include", *map(str, sources), "-o", str(target)]
    toolchain.run(toolchain.host_compiler(), line, target.parent, "the link")
    return ctypes.CDLL(str(target))


@pytest.fixture
def device(library):
    return LinkOnHost(library)


@pytest.mark.parametrize("name", ["gcc", "clang", "arm-none-eabi-gcc", "zig"])
def test_the_link_compiles_without_a_warning(name, tmp_path):
    zig = [sys.executable, "-m", "ziglang", "cc"]
    if name != "zig" and not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    strict = ["-std=c99", "-O2", "-Wshadow", "-Wpedantic", *toolchain.WARNINGS]
    for source in sorted(_LINK.glob("*.c")):
        # With the <string.h> of the firmware: a cross compiler may have none.
        line = [*strict, "-isystem", str(LIBC), "-c", str(source)]
        command = [*(zig if name == "zig" else [name]), *line, "-o", str(tmp_path / "x.o")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@given(st.binary(max_size=600))
def test_its_crc_equals_zlib_s(library, data):
    library.el_crc32.restype = ctypes.c_uint32
    assert library.el_crc32(data, len(data)) == zlib.crc32(data)


@given(st.lists(st.sampled_from([b"\0", b"\1", b"\xff", b"x" * 253, b"y" * 254]), max_size=12))
def test_python_decodes_what_it_encodes(library, parts):
    data = b"".join(parts)
    out = ctypes.create_string_buffer(1 << 16)
    count = library.cobs(data, len(data), out)
    wire = out.raw[:count]
    assert wire[:1] == wire[-1:] == b"\0"
    assert b"\0" not in wire[1:-1]
    assert cobs_decode(wire[1:-1]) == data
    assert len(wire) <= encoded_size(len(data))


@given(st.lists(st.sampled_from([b"\0", b"\1", b"x" * 253, b"y" * 254]), max_size=12))
def test_it_decodes_what_python_encodes(library, parts):
    # A request of an unknown type is answered, with an error, only if it was received intact.
    payload = b"".join(parts)
    device = LinkOnHost(library, 4096)
    assert device.refusal(0x55, payload) == ErrorCode.UNKNOWN_TYPE
    assert device.dropped == 0


def test_hello_reports_the_device_s_identity_and_last_fault(device):
    hello = Hello.parse(device.ask(Kind.HELLO, struct.pack("<I", 0xDEADBEEF)).payload)
    assert hello == Hello(
        nonce=0xDEADBEEF,
        reset_cause=5,
        max_frame=_MAX_FRAME,
        credit=512,
        shape=_SHAPE,
        counter_hz=1000,
        fault_pc=0x1234,
        fault_lr=0x5678,
        fault_status=0x8200,
        model_digest=b"model digest...\0",
        firmware_digest=b"firmware digest\0",
        board="host",
    )


def _request(vectors, rows, timed=False):
    inputs = np.column_stack([vectors["x"][rows], vectors["dt"][rows]])
    return StepRequest(vectors["h"][rows][0], inputs, timed).encode()


def test_steps_run_from_the_states_in_the_request(device, vectors):
    rows = slice(200, 225)
    reply = StepReply.parse(device.ask(Kind.STEP, _request(vectors, rows)).payload, _SHAPE)
    assert (reply.y == vectors["y"][rows]).all()
    assert (reply.h == vectors["h_next"][rows]).all()
    assert reply.ticks_min == reply.ticks_max == 0


def test_ticks_count_the_model_s_step_only(device, vectors):
    payload = device.ask(Kind.STEP, _request(vectors, slice(200, 210), timed=True)).payload
    reply = StepReply.parse(payload, _SHAPE)
    assert reply.ticks_min == reply.ticks_max == 700


def test_a_step_that_an_interrupt_disturbed_is_not_measured(library, vectors):
    device = LinkOnHost(library, disturbed=True)
    payload = device.ask(Kind.STEP, _request(vectors, slice(200, 210), timed=True)).payload
    reply = StepReply.parse(payload, _SHAPE)
    assert reply.ticks_min == reply.ticks_max == 0
    assert (reply.h == vectors["h_next"][200:210]).all()


def test_reset_is_answered_before_the_device_resets(device, library):
    assert device.ask(Kind.RESET).kind == Kind.RESET_REPLY
    assert library.reset_count() == 1


def test_the_baud_rate_changes_after_the_reply(device, library):
    reply = device.ask(Kind.BAUD, baud_request(460_800))
    assert (reply.kind, reply.payload) == (Kind.BAUD_REPLY, b"")
    assert library.baud() == 460_800


def test_a_baud_rate_that_the_clock_cannot_generate_is_refused(device, library):
    assert device.refusal(Kind.BAUD, baud_request(3_000_000)) == ErrorCode.BAUD
    assert library.baud() == 115_200


@pytest.mark.parametrize("noise", [b"\x55" * (2 * _MAX_FRAME + 1), b"\x02\0" * 17])
def test_noise_at_the_new_baud_rate_restores_the_old_one(device, library, noise):
    device.ask(Kind.BAUD, baud_request(460_800))
    assert device.feed(noise[: len(noise) // 2]) == []
    assert library.baud() == 460_800
    assert device.answers()
    assert device.feed(noise[: len(noise) // 2]) == []
    assert library.baud() == 460_800
    assert device.feed(noise) == []
    assert library.baud() == 115_200
    assert device.answers()


def test_another_version_is_refused(device):
    assert device.refusal(Kind.HELLO, b"abcd", version=1) == ErrorCode.VERSION


@pytest.mark.parametrize("kind", [0x00, 0x05, 0x81, 0x82, 0xC0, 0xFF])
def test_an_unknown_type_is_refused(device, kind):
    assert device.refusal(kind, b"") == ErrorCode.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.HELLO, b"abc"),
        (Kind.HELLO, b"abcde"),
        (Kind.RESET, b"a"),
        (Kind.BAUD, b"abc"),
        (Kind.STEP, b""),
        (Kind.STEP, b"\0\1"),
        (Kind.STEP, b"\0\1" + bytes(5)),
        (Kind.STEP, b"\0\1" + bytes(6)),
        (Kind.STEP, b"\0\1" + bytes(6 + 5)),
        (Kind.STEP, b"\0\1" + bytes(6 + 7)),
        (Kind.STEP, b"\0\2" + bytes(6 + 6)),
    ],
)
def test_a_payload_of_the_wrong_length_is_refused(device, kind, payload):
    assert device.refusal(kind, payload) == ErrorCode.MALFORMED
    assert device.answers()


@pytest.mark.parametrize("count", [0, 30, 255])
def test_a_count_that_does_not_fit_in_the_reply_is_refused(device, count):
    payload = bytes([0, count]) + bytes(6 + 6 * min(count, 30))
    assert device.refusal(Kind.STEP, payload) == ErrorCode.COUNT


def test_the_largest_count_fills_the_reply(device, vectors):
    rows = slice(200, 200 + _SHAPE.steps_in_a_frame(_MAX_FRAME, 512))
    frame = device.ask(Kind.STEP, _request(vectors, rows))
    assert len(frame.payload) + 8 + 2 * 4 > _MAX_FRAME >= len(frame.payload) + 8


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_frame_with_a_damaged_byte_is_dropped(library, at, flip):
    device = LinkOnHost(library)
    frame = bytearray(encode(Frame(Kind.STEP, 3, b"\0\1" + bytes(range(1, 13)))))
    at = 1 + at % (len(frame) - 2)
    frame[at] ^= flip
    assert device.feed(bytes(frame)) == []
    assert device.dropped >= 1
    assert device.answers()


@pytest.mark.parametrize("length", range(1, 24))
def test_a_truncated_frame_is_dropped(device, length):
    whole = encode(Frame(Kind.HELLO, 3, b"abcd"))
    assert device.feed(whole[: min(length, len(whole) - 2)] + b"\0") == []
    assert device.answers()


@pytest.mark.parametrize("size", [_MAX_FRAME - 8 + 1, 1000, 60_000])
def test_a_frame_that_is_too_long_is_dropped_as_a_whole(device, size):
    assert device.feed(encode(Frame(0x55, 3, b"z" * size))) == []
    assert device.dropped == 1
    assert device.refusal(0x55, b"z" * (_MAX_FRAME - 8)) == ErrorCode.UNKNOWN_TYPE


@given(st.binary(max_size=2000))
def test_noise_is_never_answered_and_never_loses_the_next_frame(library, noise):
    device = LinkOnHost(library)
    assert device.feed(noise) == []
    assert device.answers()


def test_empty_frames_are_ignored(device):
    assert device.raw(bytes(100)) == b""
    assert device.dropped == 0


def test_a_log_message_is_cut_to_fit_in_a_frame(device, library):
    library.say(b"ready" * 100)
    (frame,) = device.feed(b"")
    assert (frame.kind, frame.sequence) == (Kind.LOG, 0)
    assert frame.payload == (b"ready" * 100)[: _MAX_FRAME - 8]
