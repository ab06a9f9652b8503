"""The emulated UART: compiled C and Python behave alike, and the C stops for a full buffer."""

from __future__ import annotations

import random

import pytest

from elegans.boards.descriptors.uarts import UARTS
from elegans.boards.emulation.compiled_uart import CompiledUart
from elegans.boards.emulation.uart_model import UartModel

_BASE = 0x400  # of the UART in its page


@pytest.mark.parametrize("driver", sorted(UARTS))
def test_compiled_c_and_python_are_the_same_uart(driver: str) -> None:
    compiled = CompiledUart.find(driver, _BASE, lambda: pytest.fail("it is not full"))
    if compiled is None:
        pytest.skip("no C compiler is installed")
    python, rng = UartModel(driver), random.Random(driver)
    known = UARTS[driver]
    registers = {known.rx, known.tx, known.status, known.sent or 0, 0, 1}
    registers |= {r for r, _ in known.interrupt_enables} | {(known.hidden or (0, 0))[0]}
    places = [*sorted(registers), -4, 0x20]
    for _ in range(2000):
        place, value = rng.choice(places), rng.choice([0, 0x80, 0x2021, rng.randrange(1 << 32)])
        act = rng.choice(["read", "read", "write", "write", "feed", "take", "reset"])
        if act == "reset" and rng.random() < 0.9:
            continue
        given = {
            "read": (place,),
            "write": (place, value),
            "feed": (rng.randbytes(rng.randrange(5)),),
        }.get(act, ())
        assert getattr(compiled, act)(*given) == getattr(python, act)(*given), (act, given)
        assert compiled.interrupt_enabled == python.interrupt_enabled


def test_what_is_sent_is_taken_before_it_is_lost() -> None:
    taken: list[bytes] = []
    uart = CompiledUart.find("cmsdk", 0, lambda: taken.append(uart.take()))
    if uart is None:
        pytest.skip("no C compiler is installed")
    sent = bytes(i * i % 251 for i in range(10_000))
    for byte in sent:
        uart.write(UARTS["cmsdk"].tx, byte)
    assert list(map(len, taken)) == [4096, 4096]
    assert b"".join(taken) + uart.take() == sent
