"""The UART of every real board: its baud rate and its pins, from the registers alone."""

from __future__ import annotations

import struct

import pytest

from elegans.hil_tests.wire.frames import Kind
from elegans.tests.boards.firmware.real_boards import REAL

# The baud rate by the registers of each UART: r(offset) is a register, clock its clock in Hz.
_RATES = {
    "stm32l": lambda r, clock: clock / r(0xC),
    "stm32f": lambda r, clock: clock / r(0x8),
    "nrf": lambda r, clock: r(0x524) * 16e6 / 2**32,
    "pl011": lambda r, clock: clock / 16 / (r(0x24) + r(0x28) / 64),
    "kinetis": lambda r, clock: clock / 16 / ((r(0) << 8 | r(1)) + r(0xA) / 32),
}


@pytest.mark.parametrize("baud", [115_200, 230_400, 460_800, 921_600, 1_000_000])
@pytest.mark.parametrize("name", REAL)
def test_the_baud_rate_is_within_2_percent_of_the_requested_one(real_board, name, baud):
    board = real_board(name)
    board.ask(Kind.BAUD, struct.pack("<I", baud))
    uart = board.descriptor.uart
    rate = _RATES[uart.driver](board.machine._uart.read, uart.clock_hz)
    assert abs(rate / baud - 1) < 0.02


# (address, lowest bit, width, value) of fields for function, mode and pull of the UART's pins.
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

_PINS["raspberry-pi-pico2-riscv"] = _PINS["raspberry-pi-pico2"]


@pytest.mark.parametrize("name", REAL)
def test_the_pins_are_connected_to_the_uart(real_board, name):
    for address, low, width, value in _PINS[name]:
        assert real_board(name).chip.field(address, low, width) == value, hex(address)


@pytest.mark.parametrize(("name", "tx", "rx"), [("nrf52840-dk", 6, 8), ("microbit-v2", 6, 40)])
def test_nordic_s_uart_is_connected_to_its_pins(real_board, name, tx, rx):
    uart = real_board(name).machine._uart
    assert (uart.read(0x50C), uart.read(0x514)) == (tx, rx)
