"""The device's end of the link, compiled for this machine: valid, damaged and hostile frames.

Every test runs with the tiny model, with the wide one, whose states and elapsed time have 32
bits instead of 16, and with the wide one with an elapsed time of 16 bits.
"""

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

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.source import device_files, read_model
from elegans.hil_tests.wire.frames import (
    VERSION,
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
from elegans.tests.boards.wide_build.twin import with_short_dt
from elegans.tests.places import LIBC, RUNTIME, TINY_BUILD, WIDE_BUILD

_HERE = Path(__file__).resolve().parent
_LINK = RUNTIME / "link"
_MAX_FRAME = 256
_SHAPES = {
    "tiny": Shape(2, 1, 3, 2, 2),
    "wide": Shape(2, 1, 3, 4, 4),
    "wide, short dt": Shape(2, 1, 3, 4, 2),
}


class LinkOnHost:
    """The compiled link, newly started; ``disturbed`` lets an interrupt disturb each step, and
    ``late`` the call that no step is."""

    def __init__(
        self,
        library: ctypes.CDLL,
        max_frame: int = _MAX_FRAME,
        disturbed: bool = False,
        late: bool = False,
    ):
        self._library = library
        self._out = ctypes.create_string_buffer(1 << 16)
        library.start(max_frame, int(disturbed), int(late))

    def feed(self, data: bytes) -> list[Frame]:
        """Pass it bytes from the host; the frames that it sends."""
        return Decoder().feed(self.raw(data))

    def raw(self, data: bytes) -> bytes:
        """Pass it bytes from the host; the bytes that it sends."""
        count = self._library.feed(data, len(data), self._out)
        return self._out.raw[:count]

    def ask(
        self, kind: int, payload: bytes = b"", sequence: int = 7, version: int = VERSION
    ) -> Frame:
        """The single reply to a request."""
        (frame,) = self.feed(encode(Frame(kind, sequence, payload, version)))
        assert (frame.version, frame.sequence) == (VERSION, sequence)
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


@pytest.fixture(scope="module", params=_SHAPES)
def name(request):
    return request.param


@pytest.fixture
def shape(name):
    return _SHAPES[name]


@pytest.fixture(scope="module")
def build(name, tmp_path_factory):
    if name == "wide, short dt":
        return with_short_dt(tmp_path_factory.mktemp("short") / "BUILD")
    return TINY_BUILD if name == "tiny" else WIDE_BUILD


@pytest.fixture(scope="module")
def vectors(build):
    with np.load(build / "vectors.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def library(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("link")
    files = device_files(read_model(build), find_board("mps2-an386"))
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    sources = [str(_HERE / "link_on_host.c"), *(path for path in files if path.endswith(".c"))]
    line = ["-shared", "-fPIC", "-O1", "-std=c99", *toolchain.WARNINGS]
    line += ["-I.", "-Imodel/runtime/include", *sources, "-o", "link.so"]
    toolchain.run(toolchain.host_compiler(), line, folder, "the link")
    return ctypes.CDLL(str(folder / "link.so"))


@pytest.fixture
def device(library):
    return LinkOnHost(library)


@pytest.mark.parametrize("compiler", ["gcc", "clang", "arm-none-eabi-gcc", "zig"])
def test_the_link_compiles_without_a_warning(compiler, tmp_path):
    zig = [sys.executable, "-m", "ziglang", "cc"]
    if compiler != "zig" and not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    strict = ["-std=c99", "-O2", "-Wshadow", "-Wpedantic", *toolchain.WARNINGS]
    for source in sorted(_LINK.glob("*.c")):
        # With the <string.h> of the firmware: a cross compiler may have none.
        line = [*strict, "-isystem", str(LIBC), "-c", str(source)]
        command = [*(zig if compiler == "zig" else [compiler]), *line, "-o", str(tmp_path / "x.o")]
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


def test_hello_reports_the_device_s_identity_and_last_fault(device, build, shape):
    hello = Hello.parse(device.ask(Kind.HELLO, struct.pack("<I", 0xDEADBEEF)).payload)
    assert hello == Hello(
        nonce=0xDEADBEEF,
        reset_cause=5,
        max_frame=_MAX_FRAME,
        credit=512,
        shape=shape,
        counter_hz=1000,
        fault_pc=0x1234,
        fault_lr=0x5678,
        fault_status=0x8200,
        stack_reserved=4096,
        stack_used=700,
        model_digest=bytes.fromhex(read_model(build).digest)[:16],
        firmware_digest=bytes(16),
        board="host",
    )


def _request(shape, vectors, rows, timed=False):
    inputs = shape.rows(vectors["x"][rows], vectors["dt"][rows])
    return StepRequest(vectors["h"][rows][0], inputs, timed).encode()


def test_steps_run_from_the_states_in_the_request(device, shape, vectors):
    for rows in (slice(200, 216), *(slice(n, n + 1) for n in range(200))):
        request = _request(shape, vectors, rows)
        reply = StepReply.parse(device.ask(Kind.STEP, request).payload, shape)
        assert (reply.y == vectors["y"][rows]).all()
        assert (reply.h == vectors["h_next"][rows]).all()
        assert reply.ticks_min == reply.ticks_max == 0


def test_ticks_count_the_model_s_step_only(device, library, shape, vectors):
    """Of the shortest and of the longest step, also where the counter begins again at zero."""
    for steps, ticks in ((10, (700, 790)), (1, (800, 800)), (4, (810, 840))):
        request = _request(shape, vectors, slice(200, 200 + steps), timed=True)
        reply = StepReply.parse(device.ask(Kind.STEP, request).payload, shape)
        assert (reply.ticks_min, reply.ticks_max, reply.timed) == (*ticks, True)
        assert not library.counts()


def test_a_step_that_takes_less_than_none_takes_no_ticks(library, shape, vectors):
    device = LinkOnHost(library, late=True)
    request = _request(shape, vectors, slice(200, 203), timed=True)
    reply = StepReply.parse(device.ask(Kind.STEP, request).payload, shape)
    assert reply.ticks_min == reply.ticks_max == 0


def test_a_step_that_an_interrupt_disturbed_is_not_measured(library, shape, vectors):
    device = LinkOnHost(library, disturbed=True)
    payload = device.ask(Kind.STEP, _request(shape, vectors, slice(200, 210), timed=True)).payload
    reply = StepReply.parse(payload, shape)
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


def test_the_old_rate_is_restored_after_so_much_noise_and_no_earlier(device, library):
    """After two of the longest frames, where a broken one counts as an eighth of it."""
    for one, count in ((b"\x55", 2 * _MAX_FRAME + 1), (b"\x02\0", 16)):
        device.ask(Kind.BAUD, baud_request(460_800))
        assert device.feed(one * (count - 1)) == []
        assert library.baud() == 460_800
        device.feed(one)
        assert library.baud() == 115_200
        assert device.feed(b"\0") == []


@pytest.mark.parametrize("version", [0, VERSION - 1, VERSION + 1, 255])
def test_a_host_of_another_version_gets_a_hello_that_tells_the_board_s(device, version):
    """A host of version 2 knows from it that it cannot talk to this board, and why."""
    reply = device.ask(Kind.HELLO, b"abcd", version=version)
    assert (reply.kind, reply.version, reply.payload[:4]) == (Kind.HELLO_REPLY, VERSION, b"abcd")


@pytest.mark.parametrize("kind", [Kind.STEP, Kind.RESET, Kind.BAUD, 0x55])
def test_another_request_of_another_version_is_refused(device, library, kind):
    assert device.refusal(kind, b"", version=VERSION - 1) == ErrorCode.VERSION
    assert library.reset_count() == 0


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
    ],
)
def test_a_payload_of_the_wrong_length_is_refused(device, kind, payload):
    assert device.refusal(kind, payload) == ErrorCode.MALFORMED
    assert device.answers()


def test_a_step_is_accepted_at_its_exact_length_only(device, shape):
    states = shape.states * shape.state_bytes
    for length in range(states + 3 * shape.step_bytes):
        frame = device.ask(Kind.STEP, b"\0\1" + bytes(length))
        right = length == states + shape.step_bytes
        assert frame.kind == (Kind.STEP_REPLY if right else Kind.ERROR), length
        if not right:
            assert Refusal.parse(frame.payload).code == ErrorCode.MALFORMED
    assert device.answers()


@pytest.mark.parametrize("excess", [0, 1, 1000])
def test_a_count_that_does_not_fit_in_the_reply_is_refused(device, shape, excess):
    first = (_MAX_FRAME - 18) // shape.result_bytes + 1
    count = min(first + excess, 255)
    states = shape.states * shape.state_bytes
    payload = bytes([0, count]) + bytes(states + shape.step_bytes * count)
    assert device.refusal(Kind.STEP, payload[: _MAX_FRAME - 8]) == ErrorCode.COUNT
    assert device.refusal(Kind.STEP, bytes(2 + states)) == ErrorCode.COUNT


def test_the_largest_count_fills_the_reply(device, shape, vectors):
    rows = slice(200, 200 + shape.steps_in_a_frame(_MAX_FRAME, 512))
    frame = device.ask(Kind.STEP, _request(shape, vectors, rows))
    free = _MAX_FRAME - len(frame.payload) - 8
    assert 0 <= free < shape.result_bytes


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
