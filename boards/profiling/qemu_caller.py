"""Calls a firmware's step on QEMU, whose log has every instruction and the registers before it.

For the cores that unicorn does not have. QEMU boots the firmware as far as main(), and each call
returns to that address.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from elegans.boards.emulation import qemu
from elegans.boards.emulation.gdb_remote import GdbClient, GdbError
from elegans.boards.firmware.build import Firmware
from elegans.boards.processes import child_process
from elegans.boards.profiling.branch_operands import BranchOperands, BranchRecorder
from elegans.boards.profiling.step_call import Block, Row, StepFunction
from elegans.boards.profiling.thumb_decoder import LR, PC, SP
from elegans.exporter.errors import ElegansError

_CALL_S = 60.0
_COMPARED = 16  # steps whose branches are kept, to compare another step with
_REGISTER = re.compile(rb"(?:R\d\d|XPSR)=([0-9a-f]{8})")  # in QEMU's log
_REGISTERS = 17  # R0 to R15 and xPSR


@contextmanager
def qemu_caller(firmware: Firmware, function: StepFunction) -> Iterator[QemuCaller]:
    """QEMU with the board, halted at main(). Raises `ElegansError` if QEMU is not installed, or
    does not answer."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elegans-")))
        log = folder / "log"
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        command = qemu.trace_command(firmware.elf, firmware.board, log, listening.fileno())
        process = subprocess.Popen(
            child_process.tied(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
        )
        stack.callback(child_process.stop, process)
        try:
            gdb = GdbClient("127.0.0.1", listening.getsockname()[1])
            stack.callback(gdb.close)
            yield QemuCaller(firmware.board.name, gdb, function, log)
        except GdbError as error:
            remedy = "check with 'elegans hil' that the firmware works"
            raise ElegansError(firmware.board.name, f"QEMU: {error}", remedy) from None


class QemuCaller:
    """A `StepCaller` whose blocks are single instructions. ``log`` is the file that QEMU writes."""

    def __init__(self, board: str, gdb: GdbClient, function: StepFunction, log: Path) -> None:
        self._board, self._gdb, self._function, self._log = board, gdb, function, log
        self._lowest, self._log_start = function.top, 0
        self._registers = np.zeros((0, _REGISTERS), np.uint32)
        self._recorder = BranchRecorder(function.code)
        self._branches: list[list[BranchOperands]] = []  # of each of the first steps
        gdb.set_breakpoint(function.main)
        self._run()

    def step(self, x: Row, dt: int, h: Row) -> list[Block]:
        """Execute one step: see `StepCaller`."""
        function = self._function
        for address, data in function.arguments(x, h).items():
            self._gdb.write(address, data)
        self._call(function.set_h, function.state, function.h)
        self._call(function.step, function.state, function.y, function.x, dt & 0xFFFF_FFFF)
        self._lowest = min(self._lowest, int(self._registers[:, SP].min()))
        if len(self._branches) < _COMPARED:
            self._branches.append(self._recorder.operands(self._registers))
        return [(at, self._recorder.size(at)) for at in self._registers[:, PC].tolist()]

    def results(self) -> Row:
        """y and h after the last step."""
        self._call(self._function.get_h, self._function.state, self._function.h)
        return self._function.results(self._gdb.read, self._gdb.register(0))

    def stack(self) -> int:
        """The most bytes of stack that a step so far has used."""
        return self._function.top - self._lowest

    def data_dependent(self, x: Row, dt: int, h: Row) -> dict[int, str]:
        """By comparison: the branches that are decided from other values for this x, dt and h
        than for those before. Stores are not checked."""
        self.step(x, dt, h)
        last = self._recorder.operands(self._registers)
        found = {}
        for other in self._branches:
            # After the first difference the two paths may differ, so only that one is reported.
            pairs = zip(last, other, strict=False)
            for one in next(([one] for one, same in pairs if one != same), []):
                found[one.address] = f"{one.text}: branches depending on the data"
        return found

    def _call(self, address: int, *arguments: int) -> None:
        registers = dict(enumerate(arguments))
        registers |= {SP: self._function.top, LR: self._function.main | 1, PC: address}
        for number, value in registers.items():
            self._gdb.set_register(number, value)
        self._clear_log()
        self._run()
        self._registers = self._read_log()

    def _run(self) -> None:
        """Run until main() is reached."""
        self._gdb.resume()
        end = time.monotonic() + _CALL_S
        while not self._gdb.stopped(within=1.0):
            if time.monotonic() > end:
                fact = f"a call did not return within {_CALL_S:.0f} s"
                raise ElegansError(self._board, fact, "find with 'elegans hil' where it hangs")

    def _read_log(self) -> np.ndarray[tuple[int, int], np.dtype[np.uint32]]:
        """R0 to R15 and xPSR before each of the N instructions of the last call: ``[N, 17]``."""
        with self._log.open("rb") as file:
            file.seek(self._log_start)
            text = file.read()
        values = b"".join(_REGISTER.findall(text))
        words = np.frombuffer(bytes.fromhex(values.decode()), ">u4")
        return words.astype(np.uint32).reshape(-1, _REGISTERS)

    def _clear_log(self) -> None:
        """Free the disk space of the log. QEMU continues to write at its offset: the file becomes
        sparse."""
        self._log_start = self._log.stat().st_size
        os.truncate(self._log, 0)
