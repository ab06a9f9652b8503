"""Calls of a firmware's step on QEMU, whose log tells every instruction and the registers.

For the cores that unicorn lacks. QEMU boots the firmware as far as main(), and each call
returns to there.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from elegans.boards.emulation import qemu
from elegans.boards.emulation.gdb_remote import Gdb, GdbError
from elegans.boards.firmware.build import Firmware
from elegans.boards.profiling.branch_operands import Decision, Decisions
from elegans.boards.profiling.step_call import Block, Called, Row
from elegans.exporter.errors import ElegansError

_SP, _LR, _PC = 13, 14, 15
_CALL_S = 60.0
_OTHERS = 16  # inputs that one is compared with
_STATE = re.compile(rb"(?:R\d\d|XPSR)=([0-9a-f]{8})")
_NUMBERS = 17


@contextmanager
def qemu_caller(firmware: Firmware, called: Called) -> Iterator[QemuCaller]:
    """The board, standing at main()."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elegans-")))
        log = folder / "log"
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        command = qemu.traced(firmware.elf, firmware.board, log, listening.fileno())
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "elegans.boards.emulation.child_process", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
        )
        stack.callback(_power_off, process)
        try:
            gdb = Gdb("127.0.0.1", listening.getsockname()[1])
            stack.callback(gdb.close)
            yield QemuCaller(firmware.board.name, gdb, called, log)
        except GdbError as error:
            remedy = "see with 'elegans hil' whether the firmware works"
            raise ElegansError(firmware.board.name, f"QEMU: {error}", remedy) from None


class QemuCaller:
    """A `Caller` of which every block is one instruction."""

    def __init__(self, place: str, gdb: Gdb, called: Called, log: Path) -> None:
        self._place, self._gdb, self._called, self._log = place, gdb, called, log
        self._lowest, self._read_to = called.top, 0
        self._registers = np.zeros((0, _NUMBERS), np.uint32)
        self._decisions: list[list[Decision]] = []
        self._known = Decisions(called.code)
        gdb.break_at(called.main)
        self._run()

    def step(self, x: Row, dt: int, h: Row) -> list[Block]:
        called = self._called
        self._gdb.write(called.x, np.asarray(x, np.int16).tobytes())
        self._gdb.write(called.h, np.asarray(h, np.int16).tobytes())
        self._call(called.set_h, called.state, called.h)
        self._call(called.step, called.state, called.y, called.x, dt & 0xFFFF_FFFF)
        self._lowest = min(self._lowest, int(self._registers[:, _SP].min()))
        if len(self._decisions) < _OTHERS:
            self._decisions.append(self._known.of(self._registers))
        return [(at, self._known.size(at)) for at in self._registers[:, _PC].tolist()]

    def results(self) -> Row:
        self._call(self._called.get_h, self._called.state)
        y = self._gdb.read(self._called.y, 2 * self._called.outputs)
        h = self._gdb.read(self._gdb.register(0), 2 * self._called.neurons)
        return np.frombuffer(y + h, np.int16)

    def stack(self) -> int:
        return self._called.top - self._lowest

    def uneven(self, x: Row, dt: int, h: Row) -> dict[int, str]:
        """By what each branch is decided from: these registers must be the same numbers for
        this input as for those before."""
        self.step(x, dt, h)
        last = self._known.of(self._registers)
        found = {}
        for other in self._decisions:
            # Behind the first difference the two may be on different ways.
            pairs = zip(last, other, strict=False)
            for one in next(([one] for one, same in pairs if one != same), []):
                found[one.address] = f"{one.text}: branches by the data"
        return found

    def _call(self, function: int, *arguments: int) -> None:
        registers = dict(enumerate(arguments))
        registers |= {_SP: self._called.top, _LR: self._called.main | 1, _PC: function}
        for number, value in registers.items():
            self._gdb.set_register(number, value)
        self._forget()
        self._run()
        self._registers = self._logged()

    def _run(self) -> None:
        self._gdb.go()
        end = time.monotonic() + _CALL_S
        while not self._gdb.stopped(within=1.0):
            if time.monotonic() > end:
                fact = f"a call did not return within {_CALL_S:.0f} s"
                raise ElegansError(self._place, fact, "see with 'elegans hil' where it hangs")

    def _logged(self) -> np.ndarray[tuple[int, int], np.dtype[np.uint32]]:
        """R0 to R15 and xPSR before each instruction of the last call."""
        with self._log.open("rb") as file:
            file.seek(self._read_to)
            text = file.read()
        values = b"".join(_STATE.findall(text))
        words = np.frombuffer(bytes.fromhex(values.decode()), ">u4")
        return words.astype(np.uint32).reshape(-1, _NUMBERS)

    def _forget(self) -> None:
        """Give the log's room back: QEMU goes on writing where it was."""
        self._read_to = self._log.stat().st_size
        os.truncate(self._log, 0)


def _power_off(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    process.wait()
