"""Flashing an STM32 through the loader in its ROM, which is simulated here (AN3155)."""

from __future__ import annotations

import importlib.util
import os
import select
import threading
import tty
from functools import reduce
from operator import xor

import pytest
from click.testing import CliRunner

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.flashing.debug_probe import FlashError
from elegans.boards.flashing.rom_loader import flash_by_rom
from elegans.cli import main

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("stm32loader"), reason="stm32loader is not installed"
)

_ACK, _NACK = b"\x79", b"\x1f"
_FLASH = 0x0800_0000


class Rom:
    """The loader of an STM32L432 on a pseudo-terminal. ``worn`` flash loses a bit when it is
    written; a ``deaf`` loader does not answer."""

    def __init__(self, worn: bool = False, deaf: bool = False) -> None:
        self.flash = bytearray(b"\0" * 0x40000)  # not erased
        self.started_at: int | None = None
        self._worn, self._deaf = worn, deaf
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port, self._slave = os.ttyname(slave), slave
        self._running = True
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Rom:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()
        os.close(self._slave)
        os.close(self._master)

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not self._running:
                raise EOFError
            if select.select([self._master], [], [], 0.05)[0]:
                data += os.read(self._master, count - len(data))
        return data

    def _say(self, data: bytes) -> None:
        os.write(self._master, data)

    def _serve(self) -> None:
        try:
            while self._deaf or self._take(1) != b"\x7f":
                self._take(1)
            self._say(_ACK)
            while True:
                command, complement = self._take(2)
                handler = self._HANDLERS.get(command)
                if command ^ complement != 0xFF or handler is None:
                    self._say(_NACK)
                    continue
                self._say(_ACK)
                handler(self)
        except EOFError:
            pass

    def _address(self) -> int:
        data = self._take(5)
        assert reduce(xor, data) == 0
        self._say(_ACK)
        return int.from_bytes(data[:4], "big")

    def _get(self) -> None:
        self._say(bytes([len(self._HANDLERS), 0x31, *self._HANDLERS]) + _ACK)

    def _get_id(self) -> None:
        self._say(b"\x01\x04\x35" + _ACK)

    def _read(self) -> None:
        address = self._address()
        count, complement = self._take(2)
        assert count ^ complement == 0xFF
        at = address - _FLASH
        data = self.flash[at : at + count + 1] if 0 <= at < len(self.flash) else bytes(count + 1)
        self._say(_ACK + bytes(data))

    def _write(self) -> None:
        at = self._address() - _FLASH
        (count,) = self._take(1)
        data = self._take(count + 1)
        assert self._take(1)[0] == reduce(xor, data, count)
        for i, byte in enumerate(data):
            self.flash[at + i] &= byte  # programming can only clear bits
        if self._worn:
            self.flash[at] &= 0xFE
        self._say(_ACK)

    def _erase(self) -> None:
        assert self._take(3) == b"\xff\xff\x00"
        self.flash[:] = b"\xff" * len(self.flash)
        self._say(_ACK)

    def _go(self) -> None:
        self.started_at = self._address()

    _HANDLERS = {0x00: _get, 0x02: _get_id, 0x11: _read, 0x21: _go, 0x31: _write, 0x44: _erase}  # noqa: RUF012


@pytest.fixture(autouse=True)
def _no_modem_lines(tmp_path, monkeypatch):
    """stm32loader uses parity, and RTS and DTR for reset and BOOT0: a pseudo-terminal has none."""
    (tmp_path / "sitecustomize.py").write_text(
        "import serial\n"
        "serial.Serial.setRTS = serial.Serial.setDTR = lambda self, on=1: None\n"
        "begin = serial.Serial.__init__\n"
        "serial.Serial.__init__ = lambda self, **k: begin(self, **{**k, 'parity': 'N'})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.fixture(scope="session")
def firmware(tiny):
    return build_firmware(tiny, find_board("nucleo-l432kc"), "zig")


def test_an_stm32_is_erased_written_verified_and_started(firmware):
    with Rom() as rom:
        done = flash_by_rom(firmware, rom.port)
    assert (done.board, done.skipped) == ("nucleo-l432kc", False)
    for address, data in read_image(firmware.elf).segments:
        assert rom.flash[address - _FLASH : address - _FLASH + len(data)] == data
    assert rom.started_at == _FLASH


def test_flash_that_does_not_verify_is_an_error(firmware):
    with Rom(worn=True) as rom, pytest.raises(FlashError) as failure:
        flash_by_rom(firmware, rom.port)
    assert failure.value.phase == "FLASH"
    assert rom.started_at is None


def test_a_board_that_was_not_started_in_its_loader_is_an_error(firmware):
    with Rom(deaf=True) as rom, pytest.raises(FlashError, match="hold BOOT0 high"):
        flash_by_rom(firmware, rom.port)


def test_a_port_that_does_not_exist_is_reported(firmware, tmp_path):
    with pytest.raises(FlashError, match="No such file or directory"):
        flash_by_rom(firmware, str(tmp_path / "none"))


def test_the_command_line_refuses_a_board_without_a_rom_loader(tiny):
    with Rom() as rom:
        words = ["flash", str(tiny), "--board", "nucleo-l432kc", "--rom", rom.port]
        done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "flashed and read back" in done.output
    words = ["flash", str(tiny), "--board", "frdm-k64f", "--rom", "/dev/ttyNone"]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, "has no serial loader" in done.output) == (2, True)


def test_the_command_line_writes_a_uf2_and_refuses_two_ways_at_once(tiny, tmp_path):
    pico = ["flash", str(tiny), "--board", "raspberry-pi-pico", "--drive"]
    done = CliRunner().invoke(main, [*pico, str(tmp_path / "fw.uf2")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "fw.uf2").stat().st_size % 512 == 0
    done = CliRunner().invoke(main, [*pico, "x.uf2", "--probe", "1"])
    assert done.exit_code == 2
    done = CliRunner().invoke(
        main, ["flash", str(tiny), "--board", "frdm-k64f", "--drive", "x.uf2"]
    )
    assert (done.exit_code, "has no boot drive" in done.output) == (2, True)
