"""Real boards without the hardware: their firmware runs on an emulated core, and what it
writes into the chip's registers is held against clock tree, pins and line."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.boards.emulation.unicorn_machine import UnicornMachine
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.hil_tests.wire.frames import Decoder, Frame, Kind, encode
from elegans.hil_tests.wire.messages import Hello, Shape, Step, StepReply
from elegans.tests.boards.firmware.chips import Chip, chip
from elegans.tests.boards.tiny_build import twin

_REAL = [board.name for board in boards().values() if not board.emulators]
_GCC = pytest.mark.skipif(
    not shutil.which("arm-none-eabi-gcc"), reason="arm-none-eabi-gcc is not installed"
)
_COMPILERS = ["zig", pytest.param("gcc", marks=_GCC)]


def test_every_real_board_of_the_docs_is_there():
    assert set(_REAL) >= {
        *("nucleo-l432kc", "nucleo-h743zi2", "stm32f429i-disc1", "nrf52840-dk", "microbit-v2"),
        *("raspberry-pi-pico", "raspberry-pi-pico2", "frdm-k64f"),
    }


class Bench:
    """A board's firmware on an emulated core, with the board's chip around it."""

    def __init__(self, firmware) -> None:
        self.board, self.chip = firmware.board, chip(firmware.board.name)
        self._out = bytearray()
        image = read_image(firmware.elf)
        self.machine = UnicornMachine(self.board, image, self._out.extend, print, self.chip)
        self.machine.boot()

    def ask(self, kind: int, payload: bytes) -> bytes:
        self.machine.receive(encode(Frame(kind, 7, payload)))
        (frame,) = Decoder().feed(bytes(self._out))
        self._out.clear()
        assert frame.kind == kind | 0x80
        return frame.payload


@pytest.fixture(scope="session")
def benches(tiny):
    made: dict[str, Bench] = {}

    def bench(name: str) -> Bench:
        if name not in made:
            made[name] = Bench(build_firmware(tiny, find_board(name), "zig"))
        return made[name]

    return bench


@pytest.mark.parametrize("level", ["2", "s"])
@pytest.mark.parametrize("compiler", _COMPILERS)
@pytest.mark.parametrize("name", _REAL)
def test_the_firmware_of_a_real_board_answers_bit_for_bit(tiny, vectors, name, compiler, level):
    bench = Bench(build_firmware(tiny, find_board(name), compiler, level))
    hello = Hello.parse(bench.ask(Kind.HELLO, b"abcd"))
    assert (hello.board, hello.model_digest.hex()) == (name, twin.digest(tiny)[:32])
    assert hello.counter_hz == bench.board.counter.hz
    for timed in (False, True):
        inputs = np.column_stack([vectors["x"][200:240], vectors["dt"][200:240]])
        step = Step(vectors["h"][200], inputs, timed)
        reply = StepReply.parse(bench.ask(Kind.STEP, step.encode()), Shape(2, 1, 3, True))
        assert (reply.y == vectors["y"][200:240]).all()
        assert (reply.h == vectors["h_next"][200:240]).all()
        assert (reply.ticks_min > 0) == timed


# The clock tree, from the registers alone: (core, the UART's clock), in Hz.


def _l4(c: Chip) -> tuple[int, int]:
    assert c.field(0x40021008, 0, 2) == 3  # SW: PLL
    assert c.field(0x4002100C, 0, 2) == 2  # PLLSRC: HSI16
    m, n = c.field(0x4002100C, 4, 3) + 1, c.field(0x4002100C, 8, 7)
    r = 2 * (c.field(0x4002100C, 25, 2) + 1)
    assert 4e6 <= 16e6 / m <= 16e6
    assert 64e6 <= 16e6 / m * n <= 344e6
    assert c.field(0x40021008, 4, 10) == 0  # HPRE, PPRE1, PPRE2: all 1
    core = 16_000_000 // m * n // r
    assert c.field(0x40022000, 0, 3) >= core // 16_000_001  # RM0394, table 11: one each 16 MHz
    return core, core


def _h7(c: Chip) -> tuple[int, int]:
    assert c.field(0x58024410, 0, 3) == 3  # SW: PLL1
    assert c.field(0x58024428, 0, 2) == 0  # PLLSRC: HSI
    m = c.field(0x58024428, 4, 6)
    n, p = c.field(0x58024430, 0, 9) + 1, c.field(0x58024430, 9, 7) + 1
    low, high = [(1e6, 2e6), (2e6, 4e6), (4e6, 8e6), (8e6, 16e6)][c.field(0x5802442C, 2, 2)]
    assert low <= 64e6 / m <= high
    assert 192e6 <= 64e6 / m * n <= 836e6
    assert c.field(0x5802442C, 16, 1) == 1  # DIVP1EN
    assert c.field(0x58024818, 14, 2) == 3  # VOS: scale 1, up to 400 MHz
    core = 64_000_000 // m * n // p // _ahb(c.field(0x58024418, 8, 4))
    axi = core // _ahb(c.field(0x58024418, 0, 4))
    for address, low_bit in ((0x58024418, 4), (0x5802441C, 8), (0x58024420, 4)):
        assert axi // _apb(c.field(address, low_bit, 3)) <= 100e6
    assert core <= 400e6
    assert axi <= 210e6
    assert c.field(0x52002000, 0, 4) >= 2
    assert c.field(0x52002000, 4, 2) >= 2
    return core, axi // _apb(c.field(0x5802441C, 4, 3))


def _f4(c: Chip) -> tuple[int, int]:
    assert c.field(0x40023808, 0, 2) == 2  # SW: PLL
    assert c.field(0x40023804, 22, 1) == 1  # PLLSRC: HSE, the board's 8 MHz
    m, n = c.field(0x40023804, 0, 6), c.field(0x40023804, 6, 9)
    p = 2 * (c.field(0x40023804, 16, 2) + 1)
    assert 1e6 <= 8e6 / m <= 2e6
    assert 100e6 <= 8e6 / m * n <= 432e6
    core = 8_000_000 // m * n // p // _ahb(c.field(0x40023808, 4, 4))
    assert core // _apb(c.field(0x40023808, 10, 3)) <= 45e6
    assert c.field(0x40023C00, 0, 4) >= core // 30_000_001  # RM0090, table 11: one each 30 MHz
    return core, core // _apb(c.field(0x40023808, 13, 3))


def _ahb(field: int) -> int:
    return 1 if field < 8 else (2, 4, 8, 16, 64, 128, 256, 512)[field - 8]


def _apb(field: int) -> int:
    return 1 if field < 4 else 2 << field - 4


def _nrf(c: Chip) -> tuple[int, int]:
    assert c.stored(0x40000000) == 1  # HFCLKSTART: the crystal
    assert c.stored(0x40000558) == 0x5A  # the debug port stays open
    return 64_000_000, 16_000_000


def _rp(clocks: int, pll: int) -> Callable[[Chip], tuple[int, int]]:
    def tree(c: Chip) -> tuple[int, int]:
        assert c.stored(clocks + 0x30) == 2  # clk_ref: the crystal
        assert c.field(clocks + 0x3C, 0, 1) == 1  # clk_sys: aux,
        assert c.field(clocks + 0x3C, 5, 3) == 0  # which is the PLL
        assert c.field(clocks + 0x48, 11, 1) == 1
        assert c.field(clocks + 0x48, 5, 3) == 0
        assert c.stored(pll + 4) & 0x29 == 0  # nothing is powered down
        vco = 12_000_000 // c.field(pll, 0, 6) * c.stored(pll + 8)
        assert 750e6 <= vco <= 1600e6
        one, two = c.field(pll + 0xC, 16, 3), c.field(pll + 0xC, 12, 3)
        assert one >= two
        return vco // one // two, vco // one // two

    return tree


def _k64(c: Chip) -> tuple[int, int]:
    assert c.field(0x40064000, 6, 2, 1) == 0  # CLKS: the PLL's output,
    assert c.field(0x40064005, 6, 1, 1) == 1  # which PLLS makes it
    assert c.field(0x40064001, 2, 1, 1) == 0  # EREFS0: the PHY's 50 MHz, no crystal
    reference = 50e6 / (c.field(0x40064004, 0, 5, 1) + 1)
    assert 2e6 <= reference <= 4e6
    out = int(reference * (c.field(0x40064005, 0, 5, 1) + 24))
    core, bus, flexbus, flash = (out // (c.field(0x40048044, at, 4) + 1) for at in (28, 24, 20, 16))
    assert (bus <= 60e6, flexbus <= 50e6, flash <= 25e6) == (True, True, True)
    assert c.order.index(0x40048044) < c.order.index(0x40064005), "dividers before the PLL"
    return core, core


_TREES = {
    "nucleo-l432kc": _l4,
    "nucleo-h743zi2": _h7,
    "stm32f429i-disc1": _f4,
    "nrf52840-dk": _nrf,
    "microbit-v2": _nrf,
    "raspberry-pi-pico": _rp(0x40008000, 0x40028000),
    "raspberry-pi-pico2": _rp(0x40010000, 0x40050000),
    "frdm-k64f": _k64,
}


@pytest.mark.parametrize("name", _REAL)
def test_the_clocks_are_those_of_the_descriptor(benches, name):
    bench = benches(name)
    assert _TREES[name](bench.chip) == (bench.board.counter.hz, bench.board.uart.clock_hz)


# What each driver wrote, as a rate: from its UART's registers alone.
_RATES = {
    "stm32l": lambda r, clock: clock / r(0xC),
    "stm32f": lambda r, clock: clock / r(0x8),
    "nrf": lambda r, clock: r(0x524) * 16e6 / 2**32,
    "pl011": lambda r, clock: clock / 16 / (r(0x24) + r(0x28) / 64),
    "kinetis": lambda r, clock: clock / 16 / ((r(0) << 8 | r(1)) + r(0xA) / 32),
}


@pytest.mark.parametrize("baud", [115_200, 230_400, 460_800, 921_600, 1_000_000])
@pytest.mark.parametrize("name", _REAL)
def test_the_line_s_rate_is_what_was_asked_for(benches, name, baud):
    bench = benches(name)
    bench.ask(Kind.BAUD, struct.pack("<I", baud))
    uart = bench.board.uart
    made = _RATES[uart.driver](bench.machine._uart.read, uart.clock_hz)
    assert abs(made / baud - 1) < 0.02


# (address, lowest bit, width, value): function, mode and pull of the UART's pins.
_PINS = {
    "nucleo-l432kc": [
        *((0x48000020, 8, 4, 7), (0x48000024, 28, 4, 3), (0x48000000, 4, 2, 2)),
        *((0x48000000, 30, 2, 2), (0x4800000C, 30, 2, 1), (0x48000000, 26, 4, 0b1010)),
        *((0x4002104C, 0, 1, 1), (0x40021058, 17, 1, 1)),
    ],
    "nucleo-h743zi2": [
        *((0x58020C24, 0, 8, 0x77), (0x58020C00, 16, 4, 0b1010), (0x58020C0C, 18, 2, 1)),
        *((0x580244E0, 3, 1, 1), (0x580244E8, 18, 1, 1)),
    ],
    "stm32f429i-disc1": [
        *((0x40020024, 4, 8, 0x77), (0x40020000, 18, 4, 0b1010), (0x4002000C, 20, 2, 1)),
        *((0x40020000, 26, 6, 0b101010), (0x40023830, 0, 1, 1), (0x40023844, 4, 1, 1)),
    ],
    "nrf52840-dk": [(0x50000718, 0, 4, 3), (0x50000720, 0, 4, 12), (0x50000508, 6, 1, 1)],
    "microbit-v2": [(0x50000718, 0, 4, 3), (0x50000A20, 0, 4, 12), (0x50000508, 6, 1, 1)],
    "raspberry-pi-pico": [(0x40014004, 0, 5, 2), (0x4001400C, 0, 5, 2), (0x4000C000, 22, 1, 0)],
    "raspberry-pi-pico2": [
        *((0x40028004, 0, 5, 2), (0x4002800C, 0, 5, 2), (0x40020000, 26, 1, 0)),
        *((0x40038004, 6, 3, 1), (0x40038008, 6, 3, 1)),  # input on, not off, not isolated
    ],
    "frdm-k64f": [
        *((0x4004A040, 8, 3, 3), (0x4004A044, 8, 3, 3), (0x4004A040, 0, 2, 3)),
        *((0x40048034, 10, 1, 1), (0x40048038, 10, 1, 1)),
    ],
}


@pytest.mark.parametrize("name", _REAL)
def test_the_pins_are_connected_to_the_uart(benches, name):
    for address, low, width, value in _PINS[name]:
        assert benches(name).chip.field(address, low, width) == value, hex(address)


@pytest.mark.parametrize(("name", "tx", "rx"), [("nrf52840-dk", 6, 8), ("microbit-v2", 6, 40)])
def test_nordic_s_uart_knows_its_pins(benches, name, tx, rx):
    uart = benches(name).machine._uart
    assert (uart.read(0x50C), uart.read(0x514)) == (tx, rx)


def test_the_k64_s_watchdog_is_off_before_anything_else(benches):
    chip = benches("frdm-k64f").chip
    assert chip.order[:3] == [0x4005200E, 0x4005200E, 0x40052000]
    assert chip.stored(0x40052000, 2) & 1 == 0


def _flash(firmware, offset: int, count: int) -> bytes:
    at = firmware.board.memory.flash.origin + offset
    for address, data in read_image(firmware.elf).segments:
        if address <= at < address + len(data):
            return data[at - address : at - address + count]
    raise AssertionError(f"nothing at {at:#x}")


@pytest.mark.parametrize("compiler", _COMPILERS)
@pytest.mark.parametrize("name", _REAL)
def test_the_vector_table_stands_where_the_chip_looks(tiny, name, compiler):
    firmware = build_firmware(tiny, find_board(name), compiler)
    memory = firmware.board.memory
    stack, start = struct.unpack("<2I", _flash(firmware, memory.vectors, 8))
    assert memory.ram.origin < stack <= memory.ram.origin + memory.ram.bytes
    assert stack % 8 == 0
    assert start & 1
    assert memory.flash.origin <= start < memory.flash.origin + memory.flash.bytes
    size = 4 * (16 + firmware.board.uart.irq + 1)
    aligned = 1 << (max(size, 128) - 1).bit_length()  # Armv7-M ARM, B3.2.5
    assert (memory.flash.origin + memory.vectors) % aligned == 0


def _boot_rom_crc(data: bytes) -> int:
    crc = 0xFFFF_FFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C1_1DB7 if crc >> 31 else 0)) & 0xFFFF_FFFF
    return crc


@pytest.mark.parametrize("compiler", _COMPILERS)
def test_the_pico_s_boot_rom_takes_the_first_stage(tiny, compiler):
    stage = _flash(build_firmware(tiny, find_board("raspberry-pi-pico"), compiler), 0, 256)
    assert int.from_bytes(stage[252:], "little") == _boot_rom_crc(stage[:252])


@_GCC
def test_the_pico_s_first_stage_is_what_its_comment_says(tiny, tmp_path):
    board = find_board("raspberry-pi-pico")
    text = (board.folder / str(board.source)).read_text()
    lines = re.findall(r"^ \*     (\w+ .*?)(?:   .*)?$", text, re.M)
    assert len(lines) == 20
    source = ".syntax unified\n.cpu cortex-m0plus\n.thumb\n" + "\n".join(lines) + "\n.ltorg\n"
    (tmp_path / "stage.s").write_text(source)
    for command in ("as stage.s -o stage.o", "objcopy -O binary stage.o stage.bin"):
        subprocess.run(["arm-none-eabi-" + command.split()[0], *command.split()[1:]],
                       cwd=tmp_path, check=True)  # fmt: skip
    code = (tmp_path / "stage.bin").read_bytes()
    stage = _flash(build_firmware(tiny, board), 0, 256)
    assert stage[:252] == code.ljust(252, b"\0")


@pytest.mark.parametrize("compiler", _COMPILERS)
def test_the_pico_2_s_boot_rom_finds_the_image(tiny, compiler):
    head = _flash(build_firmware(tiny, find_board("raspberry-pi-pico2"), compiler), 0, 4096)
    block = struct.pack("<5I", 0xFFFFDED3, 0x10210142, 0x1FF, 0, 0xAB123579)
    assert head.count(block) == 1
    assert head.index(block) % 4 == 0


@pytest.mark.parametrize("compiler", _COMPILERS)
def test_the_k64_is_left_unsecured(tiny, compiler):
    field = _flash(build_firmware(tiny, find_board("frdm-k64f"), compiler), 0x400, 16)
    assert field == b"\xff" * 12 + b"\xfe" + b"\xff" * 3


def test_a_source_that_is_missing_is_named(tiny, tmp_path):
    text = Path(find_board("frdm-k64f").path).read_text()
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(Exception, match=r"frdm-k64f\.c: cannot be read .*beside the descriptor"):
        build_firmware(tiny, find_board(str(tmp_path / "mine.toml")))
