"""The emulated UART as compiled C, which unicorn calls without Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from elegans.boards.descriptors.uarts import UARTS
from elegans.boards.emulation.uart_model import UartModel
from elegans.exporter.native.library import library

_SOURCE = Path(__file__).with_name("uart_model.c")
_PAGE = 4096
_NONE = _PAGE  # the offset of a register that a UART does not have
_Full = ctypes.CFUNCTYPE(None)


class _State(ctypes.Structure):
    """`uart_model` of the C."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("base", "rx", "tx", "status", "empty", "full")),
        *((name, ctypes.c_uint32) for name in ("ready", "hidden", "hidden_bit")),
        *((name, ctypes.c_uint32) for name in ("received_count", "taken", "sent_count")),
        ("on_full", _Full),
        ("received", ctypes.c_char_p),
        ("sent", ctypes.c_uint8 * 4096),
        ("values", ctypes.c_uint32 * _PAGE),
    )


class CompiledUart(UartModel):
    """A `UartModel` whose registers are in C.

    ``base`` is its place in its page. ``full`` is called when 4,096 bytes have been sent, and takes
    them.
    """

    def __init__(self, code: ctypes.CDLL, driver: str, base: int, full: Callable[[], None]) -> None:
        uart = UARTS[driver]
        hidden, bit = uart.hidden or (_NONE, 0)
        ready = _NONE if uart.sent is None else uart.sent
        registers = (base, uart.rx, uart.tx, uart.status, uart.empty, uart.full, ready, hidden, bit)
        self._code = code
        self._state = _State(*registers, 0, 0, 0, _Full(full))
        super().__init__(driver)

    @staticmethod
    def find(driver: str, base: int, full: Callable[[], None]) -> CompiledUart | None:
        """The UART; None where it cannot be compiled."""
        code = uart_library()
        return None if code is None else CompiledUart(code, driver, base, full)

    def accesses(self) -> tuple[Any, ...]:
        """The functions for loads and stores, and their argument, as `uc_mmio_map` takes them."""
        given = ctypes.addressof(self._state)
        read, write = (
            ctypes.cast(f, ctypes.c_void_p) for f in (self._code.uart_read, self._code.uart_write)
        )
        return read, given, write, given

    def reset(self) -> None:
        """See `UartModel`."""
        ctypes.memset(self._state.values, 0, ctypes.sizeof(self._state.values))
        self.feed(b"")
        self._state.sent_count = 0

    def feed(self, data: bytes) -> None:
        """See `UartModel`."""
        self._state.received = self._data = data
        self._state.received_count, self._state.taken = len(data), 0

    def take(self) -> bytes:
        """See `UartModel`."""
        data = ctypes.string_at(self._state.sent, self._state.sent_count)
        self._state.sent_count = 0
        return data

    def value(self, register: int) -> int:
        """See `UartModel`."""
        return int(self._state.values[register])

    def read(self, offset: int) -> int:
        """See `UartModel`."""
        return int(
            self._code.uart_read(
                None, ctypes.c_uint64(self._state.base + offset), 4, ctypes.byref(self._state)
            )
        )

    def write(self, offset: int, value: int) -> None:
        """See `UartModel`."""
        at = ctypes.c_uint64(self._state.base + offset)
        self._code.uart_write(None, at, 4, ctypes.c_uint64(value), ctypes.byref(self._state))


@cache
def uart_library() -> ctypes.CDLL | None:
    """The library of the C, compiled if that was not done yet; None where it cannot be."""
    code = library("uart", {_SOURCE.name: _SOURCE.read_bytes()}, "-O2").library
    if code is not None:
        code.uart_read.restype = ctypes.c_uint64
    return code
