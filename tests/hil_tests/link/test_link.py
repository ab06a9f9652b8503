"""The link to a board that has faults, over a real pseudo-terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from elegans.exporter.errors import ElegansError
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.link.send_window import size_on_the_wire
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.compare import compare
from elegans.hil_tests.session.stream import run
from elegans.hil_tests.wire.errors import HilError, Phase, RefusedError, during
from elegans.hil_tests.wire.frames import Kind, encoded_size
from elegans.hil_tests.wire.messages import Hello
from elegans.tests.hil_tests.fake_device import (
    BOARD,
    DIGEST,
    SHAPE,
    Behaviour,
    FakeDevice,
    LineFaults,
)

LINES = {
    "clean": LineFaults(),
    "drops 5 %": LineFaults(drop=0.05, seed=1),
    "flips 1e-3": LineFaults(flip=1e-3, seed=2),
    "repeats 10 %": LineFaults(duplicate=0.1, seed=3),
    "delays 10 %": LineFaults(delay=0.1, seed=4),
    "flips 2e-3": LineFaults(flip=2e-3, seed=7),
    "all together": LineFaults(flip=5e-4, drop=0.03, duplicate=0.03, delay=0.03, seed=5),
}


class _Loopback:
    """A port whose two ends are connected."""

    name, baud = "loop", 115200

    def exchange(self, out: bytearray, timeout: float) -> bytes:
        sent = bytes(out)
        out.clear()
        return sent


def test_a_line_that_echoes_is_told_from_a_board_that_answers_wrongly() -> None:
    with pytest.raises(HilError, match="what is sent comes back") as caught:
        Link(_Loopback()).hello(within=1.0)
    assert caught.value.phase is Phase.SYNC


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_bad_line_neither_loses_a_vector_nor_passes_a_wrong_bit(
    fake_model: BuildModel, line: LineFaults
) -> None:
    with FakeDevice(Behaviour(line=line)) as device, Link.open(device.port) as link:
        verdict = compare(link, fake_model)
        x, dt = fake_model.vectors.x[:100], fake_model.vectors.dt[:100]
        y, h = run(link, x, dt)
    with FakeDevice() as device, Link.open(device.port) as link:
        clean_y, clean_h = run(link, x, dt)
    assert verdict.vectors == len(fake_model.vectors)
    assert verdict.mismatches == 0
    assert (y == clean_y).all()
    assert (h == clean_h).all()
    if line.drop or line.flip:
        assert verdict.resent > 0
    if line.flip:
        assert verdict.damaged_frames > 0


def test_on_a_bad_line_wrong_bits_are_neither_hidden_nor_counted_twice(
    fake_model: BuildModel,
) -> None:
    behaviour = Behaviour(line=LineFaults(drop=0.05, duplicate=0.05, seed=6), wrong_always=True)
    single = fake_model.vectors.of("random")
    with FakeDevice(behaviour) as device, Link.open(device.port) as link:
        assert compare(link, fake_model, single).mismatches == len(single)


def test_hello_returns_the_name_and_the_model_of_the_board() -> None:
    with FakeDevice() as device, Link.open(device.port) as link:
        hello = link.hello()
    assert (hello.board, hello.shape, hello.reset) == (BOARD, SHAPE, "power")
    assert hello.model_digest.hex() == DIGEST[:32]


def test_hello_succeeds_although_the_board_sends_other_bytes() -> None:
    with (
        FakeDevice(Behaviour(other_bytes=b"boot: \x00\x07 ok\r\n")) as device,
        Link.open(device.port) as link,
    ):
        assert link.hello().board == BOARD
        assert link.decoder.dropped.total() > 0


def test_the_window_fills_the_credit_and_no_more() -> None:
    behaviour = Behaviour(credit=700)
    payload = b"\0\1" + b"\x11" * 18
    with FakeDevice(behaviour) as device, Link.open(device.port) as link:
        answers = list(link.exchange(Kind.STEP, [payload] * 300))
    assert len(answers) == 300
    # On a busy machine a timeout may expire before the answer comes: each request that is sent
    # again then adds a frame to those of the window.
    again = link.resent * size_on_the_wire(payload)
    assert 0 < device.most_in_flight <= 700 + again


def test_a_request_beyond_the_credit_is_not_sent() -> None:
    with (
        FakeDevice(Behaviour(credit=100)) as device,
        Link.open(device.port) as link,
        pytest.raises(HilError, match="exceeds the board's credit of 100"),
    ):
        link.request(Kind.STEP, b"x" * encoded_size(100))
    assert device.requests == 0


def test_answers_come_in_the_order_of_the_requests() -> None:
    """Each nonce comes back at its own position, though answers overtake one another."""
    with (
        FakeDevice(Behaviour(line=LineFaults(delay=0.2, seed=9))) as device,
        Link.open(device.port) as link,
    ):
        answers = link.exchange(Kind.HELLO, map(Hello.request, range(200)))
        assert [Hello.parse(answer).nonce for answer in answers] == list(range(200))


def test_log_frames_are_collected_and_do_not_disturb(fake_model: BuildModel) -> None:
    with FakeDevice(Behaviour(log_every=10)) as device, Link.open(device.port) as link:
        assert compare(link, fake_model).mismatches == 0
        assert "request 10" in link.log


REFUSALS = [(Kind.STEP, 3, "calls the request malformed"), (0x44, 2, "does not know this request")]


@pytest.mark.parametrize(("kind", "code", "reason"), REFUSALS)
def test_a_refused_request_names_its_reason(kind: int, code: int, reason: str) -> None:
    with (
        FakeDevice() as device,
        Link.open(device.port) as link,
        pytest.raises(RefusedError, match=reason) as refusal,
    ):
        link.request(kind)
    assert (refusal.value.code, refusal.value.phase) == (code, Phase.FAULT)


def test_a_link_goes_on_after_an_exchange_that_was_abandoned(fake_model: BuildModel) -> None:
    with FakeDevice() as device, Link.open(device.port) as link:
        answers = link.exchange(Kind.HELLO, map(Hello.request, range(50)))
        assert Hello.parse(next(answers)).nonce == 0
        assert compare(link, fake_model).mismatches == 0


def test_the_link_synchronises_again_after_a_reset() -> None:
    with FakeDevice() as device, Link.open(device.port) as link:
        assert link.hello().reset == "power"
        assert link.reset().reset == "software"


def test_a_silent_port_is_a_sync_error_that_says_so() -> None:
    with (
        FakeDevice(Behaviour(silent=True)) as device,
        Link.open(device.port) as link,
        pytest.raises(HilError, match="not a byte") as failure,
    ):
        link.hello(within=0.2)
    assert failure.value.phase is Phase.SYNC


def test_noise_instead_of_an_answer_points_at_the_baud_rate() -> None:
    behaviour = Behaviour(silent=True, other_bytes=b"\xf8\x80\x00\xfe")
    with (
        FakeDevice(behaviour) as device,
        Link.open(device.port) as link,
        pytest.raises(HilError, match="baud rate") as failure,
    ):
        link.hello(within=0.2)
    assert failure.value.phase is Phase.SYNC


VERSIONS = [
    (2, "the board's firmware is older", "flash the board again with this elegans"),
    (3, "the board's firmware is older", "flash the board again with this elegans"),
    (4, "the board's firmware is older", "flash the board again with this elegans"),
    (6, "this elegans is older", "upgrade elegans, or flash the board again with this one"),
]


@pytest.mark.parametrize(("version", "older", "remedy"), VERSIONS)
def test_a_board_of_another_version_is_told_at_once_and_which_side_is_older(
    version: int, older: str, remedy: str
) -> None:
    """Version 2 answers HELLO with ERROR 1, every later one with its own HELLO reply."""
    with (
        FakeDevice(Behaviour(version=version)) as device,
        Link.open(device.port) as link,
        pytest.raises(HilError) as failure,
    ):
        link.hello()
    speaks = f"the board speaks version {version} of the protocol, this elegans version 5"
    assert (failure.value.fact, failure.value.remedy) == (f"{speaks}: {older}", remedy)
    assert failure.value.phase is Phase.SYNC


def test_a_hello_of_impossible_widths_is_a_fault_of_the_board() -> None:
    with (
        FakeDevice(Behaviour(shape=replace(SHAPE, state_bytes=3))) as device,
        Link.open(device.port) as link,
        pytest.raises(HilError, match="HELLO reply of states of 3 bytes and a dt of 2") as failure,
    ):
        link.hello()
    assert failure.value.phase is Phase.FAULT


def test_a_board_that_falls_silent_ends_the_run_with_timeout(fake_model: BuildModel) -> None:
    with (
        FakeDevice(Behaviour(silent_after=20)) as device,
        Link.open(device.port) as link,
        pytest.raises(HilError, match="stays unanswered however often, though") as failure,
    ):
        compare(link, fake_model)
    assert failure.value.phase is Phase.TIMEOUT


def test_a_board_that_faults_ends_the_run_with_its_address(fake_model: BuildModel) -> None:
    with (
        FakeDevice(Behaviour(fault_after=20)) as device,
        Link.open(device.port) as link,
        pytest.raises(HilError, match="faulted at 0x00001234") as failure,
    ):
        compare(link, fake_model)
    assert failure.value.phase is Phase.FAULT


def test_an_answer_of_the_wrong_type_is_a_fault(fake_model: BuildModel) -> None:
    with (
        FakeDevice(Behaviour(wrong_kind=0x99)) as device,
        Link.open(device.port) as link,
        pytest.raises(HilError, match="type 0x99 in answer to 0x02") as failure,
    ):
        compare(link, fake_model)
    assert failure.value.phase is Phase.FAULT


def test_a_dead_emulator_is_reported_at_once() -> None:
    def dead() -> None:
        with during(Phase.FAULT):
            raise ElegansError("emulator", "it stopped with status 1", "see its log")

    with (
        FakeDevice(Behaviour(silent=True)) as device,
        Link.open(device.port, alive=dead) as link,
        pytest.raises(HilError, match="stopped with status 1") as failure,
    ):
        link.hello()
    assert failure.value.phase is Phase.FAULT
