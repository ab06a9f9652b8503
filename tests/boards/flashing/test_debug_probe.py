"""Flashing without a board: pyOCD runs its nRF51 flash algorithm on QEMU's flash controller."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.flashing import debug_probe as flashing
from elegans.boards.flashing.debug_probe import FlashError, flash
from elegans.hil_tests.session.session import BoardOptions, session

pytestmark = [
    pytest.mark.skipif(
        not shutil.which("qemu-system-arm"), reason="qemu-system-arm is not installed"
    ),
    pytest.mark.skipif(
        not importlib.util.find_spec("pyocd"), reason="pyocd is not installed: elegans[flash]"
    ),
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def empty_microbit():
    """An emulated micro:bit with empty flash: the id of its probe, its serial port, its process."""
    port = _free_port()
    quiet = ["-display", "none", "-monitor", "none", "-nodefaults", "-icount", "shift=8"]
    line = ["qemu-system-arm", "-M", "microbit", *quiet, "-serial", "pty", "-S"]
    line += ["-gdb", f"tcp:127.0.0.1:{port}"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            tty = re.search(r"/dev/\S+", process.stdout.readline())
            assert tty
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                with socket.socket() as knock:
                    if knock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.01)
            yield f"gdb:{port}", tty[0], process
        finally:
            process.kill()


@pytest.fixture(scope="session")
def firmware(worm):
    return build_firmware(worm, find_board("microbit"), "zig")


def test_an_empty_board_is_flashed_read_back_booted_and_compared(worm, firmware):
    shares = []
    with empty_microbit() as (probe, tty, _):
        done = flash(firmware, probe, shares.append)
        assert (done.board, done.skipped) == ("microbit", False)
        assert done.bytes == sum(len(data) for _, data in read_image(firmware.elf).segments)
        assert shares == sorted(shares)
        assert (shares[0] < 0.5, shares[-1]) == (True, 1.0)
        with session(worm, "microbit", BoardOptions(port=tty)) as device:
            assert firmware.firmware_digest.startswith(device.hello.firmware_digest.hex())
            device.compare(device.model.vectors[slice(0, 200)]).require()


def test_flash_that_holds_the_firmware_already_is_not_written(firmware):
    with empty_microbit() as (probe, _, _):
        assert not flash(firmware, probe).skipped
        assert flash(firmware, probe).skipped


def test_other_firmware_is_replaced(worm, firmware, tiny):
    other = build_firmware(tiny, find_board("microbit"), "zig")
    with empty_microbit() as (probe, tty, _):
        flash(other, probe)
        assert not flash(firmware, probe).skipped
        with session(worm, "microbit", BoardOptions(port=tty)) as device:
            device.compare(device.model.vectors[slice(0, 50)]).require()


def test_a_byte_that_reads_back_wrong_is_reported_by_its_address(firmware, monkeypatch):
    program = flashing._program

    def worn(target_session, segments, progress):
        *rest, (address, data) = sorted(segments, key=lambda part: len(part[1]))
        bad = data[:300] + bytes([data[300] ^ 1]) + data[301:]
        program(target_session, (*rest, (address, bad)), progress)

    monkeypatch.setattr(flashing, "_program", worn)
    address, _ = max(read_image(firmware.elf).segments, key=lambda part: len(part[1]))
    where = f"first at {address + 300:#010x}"
    with empty_microbit() as (probe, _, _), pytest.raises(FlashError, match=where):
        flash(firmware, probe)


def test_a_probe_that_disappears_is_an_error_of_the_flash_phase(firmware):
    with empty_microbit() as (probe, _, process), pytest.raises(FlashError) as failure:
        flash(firmware, probe, lambda _: process.kill())
    assert failure.value.phase == "FLASH"
    assert failure.value.place == probe


def test_a_chip_that_does_not_answer_is_tried_again_under_reset(firmware, monkeypatch):
    from pyocd.core.exceptions import TransferError
    from pyocd.core.session import Session

    open_session, modes = Session.open, []

    def asleep(self, *more):
        modes.append(self.options.get("connect_mode"))
        if modes[-1] != "under-reset":
            raise TransferError("no ACK")
        open_session(self, *more)

    monkeypatch.setattr(Session, "open", asleep)
    with empty_microbit() as (probe, _, _):
        assert not flash(firmware, probe).skipped
    assert modes == ["halt", "under-reset"]


def test_no_probe_and_too_many_are_different_errors(firmware, monkeypatch):
    with pytest.raises(FlashError, match="gdb stub answers"):
        flash(firmware, f"gdb:{_free_port()}")
    monkeypatch.setattr(flashing, "probes", lambda unique_id=None: [])
    with pytest.raises(FlashError, match="no debug probe is connected; plug it in"):
        flash(firmware)
    some = [type("P", (), {"unique_id": name})() for name in ("E660", "0669")]
    monkeypatch.setattr(flashing, "probes", lambda unique_id=None: some)
    with pytest.raises(FlashError, match="there are 2 debug probes: E660, 0669; name one"):
        flash(firmware)


def test_a_target_that_pyocd_does_not_know_is_reported(firmware):
    board = replace(firmware.board, flash=replace(firmware.board.flash, target="z80"))
    with empty_microbit() as (probe, _, _), pytest.raises(FlashError, match="z80"):
        flash(replace(firmware, board=board), probe)


def test_a_board_whose_descriptor_has_no_flash_table_is_refused(firmware):
    board = replace(firmware.board, flash=None)
    with pytest.raises(FlashError, match="does not say how it is flashed"):
        flash(replace(firmware, board=board))


def test_pyocd_knows_the_chip_of_every_board():
    from pyocd.target.builtin import BUILTIN_TARGETS

    chips = {board.name: board.flash.target for board in boards().values() if board.flash}
    named = {
        name: target for name, target in chips.items() if target
    }  # others take UF2 files alone
    assert len(named) >= 9
    assert {name: target for name, target in named.items() if target not in BUILTIN_TARGETS} == {}
    assert os.sep not in "".join(named)


@pytest.mark.parametrize(
    "error", [KeyError(1), IndexError(), AssertionError("core"), MemoryError()]
)
def test_whatever_pyocd_raises_ends_in_one_line(error):
    """Another chip behind the probe makes it look up a core that is not there: KeyError(1)."""
    pytest.importorskip("pyocd")
    match = r"probe: pyOCD fails with .*; check --board"
    with pytest.raises(FlashError, match=match) as caught, flashing._as_flash_errors("probe"):
        raise error
    assert len(str(caught.value).splitlines()) == 1
