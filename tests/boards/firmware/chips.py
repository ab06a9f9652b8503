"""Models of chips, as far as `board_init` notices: registers read back what was written, and a
rule computes those bits that hardware sets by itself."""

from __future__ import annotations

from collections.abc import Callable

Rule = Callable[["Chip"], int]


class Chip:
    """The registers of a chip.

    ``reset`` are the values of those that are not zero after a reset, by address; ``rules``
    compute the value that a register reads as. ``order`` lists the addresses that were written.
    """

    def __init__(self, reset: dict[int, int], rules: dict[int, Rule]) -> None:
        self._bytes: dict[int, int] = {}
        self.rules = rules
        self.order: list[int] = []
        for address, value in reset.items():
            self.write(address, 4 if value > 0xFF else 1, value)
        self.order.clear()

    def write(self, address: int, size: int, value: int) -> None:
        """Store a register of ``size`` bytes."""
        self.order.append(address)
        for i in range(size):
            self._bytes[address + i] = value >> 8 * i & 0xFF

    def read(self, address: int, size: int) -> int:
        """What the register reads as, by its rule if it has one."""
        if address in self.rules:
            return self.rules[address](self)
        return self.stored(address, size)

    def stored(self, address: int, size: int = 4) -> int:
        """What was written to a register."""
        return sum(self._bytes.get(address + i, 0) << 8 * i for i in range(size))

    def field(self, address: int, low: int, width: int, size: int = 4) -> int:
        """What was written to a field of ``width`` bits, of which ``low`` is the lowest."""
        return self.stored(address, size) >> low & (1 << width) - 1


def _follow(address: int, pairs: dict[int, int]) -> Rule:
    """A register in which ready bits equal their enable bits: ``{enable: ready}``."""

    def rule(chip: Chip) -> int:
        value = chip.stored(address)
        return value | sum(1 << ready for on, ready in pairs.items() if value >> on & 1)

    return rule


def _status(address: int, low: int, width: int, at: int) -> Rule:
    """A register in which the status field at bit ``at`` equals the field that requests it."""
    return lambda chip: chip.stored(address) | chip.field(address, low, width) << at


def _always(address: int, bits: int) -> Rule:
    return lambda chip: chip.stored(address) | bits


def _rp(clocks: int, resets: int, xosc: int, pll: int) -> dict[int, Rule]:
    def locked(chip: Chip) -> int:
        powered = chip.stored(pll + 4) & 0x21 == 0
        return chip.stored(pll) | (powered << 31)

    def stable(chip: Chip) -> int:
        return (chip.field(xosc, 12, 12) == 0xFAB) << 31

    return {
        clocks + 0x38: lambda chip: 1 << chip.field(clocks + 0x30, 0, 2),
        clocks + 0x44: lambda chip: 1 << chip.field(clocks + 0x3C, 0, 1),
        resets + 0x8: lambda chip: ~chip.stored(resets) & 0xFFFF_FFFF,
        xosc + 0x4: stable,
        pll: locked,
    }


def _k64_status(chip: Chip) -> int:
    c1, c6 = chip.stored(0x40064000, 1), chip.stored(0x40064005, 1)
    clks, irefs, plls = c1 >> 6, c1 >> 2 & 1, c6 >> 6 & 1
    clkst = 3 if clks == 0 and plls else clks
    return irefs << 4 | plls << 5 | plls << 6 | clkst << 2


_NRF: dict[int, Rule] = {0x40000100: lambda chip: chip.stored(0x40000000)}
_RP2040 = (0x40008000, 0x4000C000, 0x40024000, 0x40028000)
_RP2350 = (0x40010000, 0x40020000, 0x40048000, 0x40050000)

_PICO2 = {0x40020000: 0x1FFFFFFF, 0x40050004: 0x2D, 0x40038004: 0x116, 0x40038008: 0x116}


def chip(board: str) -> Chip:
    """The chip of a board, as it comes out of reset."""
    reset, rules = {
        "nucleo-l432kc": (
            {0x48000000: 0xABFFFFFF},
            {
                0x40021000: _follow(0x40021000, {8: 10, 24: 25}),
                0x40021008: _status(0x40021008, 0, 2, 2),
            },
        ),
        "nucleo-h743zi2": (
            {0x58020C00: 0xFFFFFFFF},
            {
                0x58024804: _always(0x58024804, 1 << 13),
                0x58024818: _always(0x58024818, 1 << 13),
                0x58024400: _follow(0x58024400, {24: 25}),
                0x58024410: _status(0x58024410, 0, 3, 3),
            },
        ),
        "stm32f429i-disc1": (
            {0x40020000: 0xA8000000},
            {
                0x40023800: _follow(0x40023800, {16: 17, 24: 25}),
                0x40023808: _status(0x40023808, 0, 2, 2),
            },
        ),
        "nrf52840-dk": ({}, _NRF),
        "microbit-v2": ({}, _NRF),
        "raspberry-pi-pico": ({0x4000C000: 0x01FFFFFF, 0x40028004: 0x2D}, _rp(*_RP2040)),
        "raspberry-pi-pico2": (_PICO2, _rp(*_RP2350)),
        "raspberry-pi-pico2-riscv": (_PICO2, _rp(*_RP2350)),
        "frdm-k64f": ({0x40064000: 0x04}, {0x40064006: _k64_status}),
    }[board]
    return Chip(reset, rules)
