"""The clocks of every real board, computed from the registers that its firmware has written.

A function for each family of chips returns the frequencies of core and UART in Hz, and checks the
limits of the clock tree and the wait states of the flash (one more for each 16 or 30 MHz).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from elegans.tests.boards.firmware.chips import Chip
from elegans.tests.boards.firmware.real_boards import REAL


def _l4(c: Chip) -> tuple[int, int]:
    assert c.field(0x40021008, 0, 2) == 3  # SW: PLL
    assert c.field(0x4002100C, 0, 2) == 2  # PLLSRC: HSI16
    m, n = c.field(0x4002100C, 4, 3) + 1, c.field(0x4002100C, 8, 7)
    r = 2 * (c.field(0x4002100C, 25, 2) + 1)
    assert 4e6 <= 16e6 / m <= 16e6
    assert 64e6 <= 16e6 / m * n <= 344e6
    assert c.field(0x40021008, 4, 10) == 0  # HPRE, PPRE1, PPRE2: all 1
    core = 16_000_000 // m * n // r
    assert c.field(0x40022000, 0, 3) >= core // 16_000_001  # RM0394, table 11: one per 16 MHz
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
    assert c.field(0x40023C00, 0, 4) >= core // 30_000_001  # RM0090, table 11: one per 30 MHz
    return core, core // _apb(c.field(0x40023808, 13, 3))


def _ahb(field: int) -> int:
    """The divider that an AHB prescaler's field of 4 bits selects, on STM32."""
    return 1 if field < 8 else (2, 4, 8, 16, 64, 128, 256, 512)[field - 8]


def _apb(field: int) -> int:
    """The divider that an APB prescaler's field of 3 bits selects, on STM32."""
    return 1 if field < 4 else 2 << field - 4


def _nrf(c: Chip) -> tuple[int, int]:
    assert c.stored(0x40000000) == 1  # HFCLKSTART: the crystal
    assert c.stored(0x40000558) == 0x5A  # the debug port stays enabled
    return 64_000_000, 16_000_000


def _rp(clocks: int, pll: int) -> Callable[[Chip], tuple[int, int]]:
    def clocks_of(c: Chip) -> tuple[int, int]:
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

    return clocks_of


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
    "raspberry-pi-pico2-riscv": _rp(0x40010000, 0x40050000),
    "frdm-k64f": _k64,
}


@pytest.mark.parametrize("name", REAL)
def test_the_clocks_are_those_of_the_descriptor(real_board, name):
    board = real_board(name)
    assert _TREES[name](board.chip) == (board.descriptor.counter.hz, board.descriptor.uart.clock_hz)


def test_the_k64_s_watchdog_is_off_before_anything_else(real_board):
    chip = real_board("frdm-k64f").chip
    assert chip.order[:3] == [0x4005200E, 0x4005200E, 0x40052000]
    assert chip.stored(0x40052000, 2) & 1 == 0
