"""Calls a firmware's step on QEMU, whose log says what it executed.

For the cores that unicorn does not have. QEMU boots the firmware as far as main(). Each call
executes one step by a few instructions in RAM, which set the states, call the step, and get the
states: halting QEMU takes it longer than all of these.

The log has the registers before each instruction for the first steps, and for every step that takes
another way than those before it. For all others it has only the address of each block that QEMU
executes: a block is left at its end only, so two steps with equal addresses have executed the same
instructions.
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
from numpy.typing import NDArray

from elegans.boards.descriptors.board import Board
from elegans.boards.emulation import qemu
from elegans.boards.emulation.gdb_remote import GdbClient, GdbError
from elegans.boards.firmware.build import Firmware
from elegans.boards.processes import child_process
from elegans.boards.profiling.branch_operands import BranchOperands, BranchRecorder
from elegans.boards.profiling.step_call import Block, Row, StepFunction
from elegans.boards.profiling.thumb_decoder import PC, SP
from elegans.exporter.errors import ElegansError

_CALL_S = 60.0
_COMPARED = 16  # steps whose branches are kept, to compare another step with
_REGISTER = re.compile(rb"(?:R\d\d|XPSR)=([0-9a-f]{8})")  # in QEMU's log
_REGISTERS = 17  # R0 to R15 and xPSR
_BLOCK = re.compile(rb"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/", re.MULTILINE)
_LONG_LOG = 1 << 24  # bytes


Registers = NDArray[np.uint32]

# R4 to R10 keep their values in every function that is called (AAPCS), and so does R11, which has
# the elapsed time. At the end QEMU halts.
_DATA, _FUNCTIONS = ("state", "h", "y", "x"), ("set_h", "step", "get_h")
_CALLS = (
    *(0x4620, 0x4629, 0x47C0),  # mov r0, r4; mov r1, r5; blx r8
    *(0x4620, 0x4631, 0x463A, 0x465B, 0x47C8),  # mov r0, r4 .. mov r2, r7; mov r3, r11; blx r9
    *(0x4620, 0x4629, 0x47D0),  # mov r0, r4; mov r1, r5; blx r10
    0xBF00,  # nop
)
_BEHIND_STEP, _END = 2 * 8, 2 * 11  # bytes from the first of them
_DT = 11


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
            yield QemuCaller(firmware.board, gdb, function, log)
        except GdbError as error:
            remedy = "check with 'elegans hil' that the firmware works"
            raise ElegansError(firmware.board.name, f"QEMU: {error}", remedy) from None


class QemuCaller:
    """A `StepCaller`. ``log`` is the file that QEMU writes."""

    def __init__(self, board: Board, gdb: GdbClient, function: StepFunction, log: Path) -> None:
        self._board, self._gdb, self._function, self._log = board, gdb, function, log
        self._lowest, self._log_start, self._freed = function.top, 0, 0
        self._logged: list[str] = []  # what the monitor was told last
        self._recorder = BranchRecorder(function.code)
        self._branches: list[list[BranchOperands]] = []  # of each of the first steps
        self._returned: int | None = None  # by get_h
        self._known: dict[bytes, list[Block]] = {}  # by the addresses of QEMU's blocks
        self._calls = function.floor  # where the instructions of `_CALLS` lie
        self._step, self._behind_step = function.step, self._calls + _BEHIND_STEP
        gdb.set_breakpoint(function.main)
        gdb.set_breakpoint(self._calls + _END)
        gdb.resume()
        self._finish()
        code = b"".join(one.to_bytes(2, "little") for one in _CALLS)
        gdb.write(self._calls, code)
        kept = [getattr(function, name) for name in _DATA]
        kept += [getattr(function, name) | 1 for name in _FUNCTIONS]  # the bit says Thumb to BLX
        for number, value in enumerate(kept, 4):
            gdb.set_register(number, value)
        gdb.set_register(SP, function.top)

    def step(self, x: Row, dt: int, h: Row) -> list[Block]:
        """Execute one step: see `StepCaller`."""
        if len(self._branches) < _COMPARED:
            registers = self._recorded(x, dt, h)
            self._branches.append(self._recorder.operands(registers))
            return self._blocks(registers)
        self._execute(x, dt, h, qemu.log_blocks(self._board))
        blocks = b" ".join(_BLOCK.findall(self._read_log()))
        way = blocks[blocks.find(b"%08x" % self._step) : blocks.find(b"%08x" % self._behind_step)]
        if way not in self._known:
            self._known[way] = self._blocks(self._recorded(x, dt, h))
        return self._known[way]

    def results(self) -> Row:
        """y and h after the last step."""
        function = self._function
        data = self._gdb.read(function.y, function.floor - function.y)  # y, h and the states
        if self._returned is None:
            self._returned = self._gdb.register(0)
        return function.results(
            lambda at, size: data[at - function.y : at - function.y + size], self._returned
        )

    def stack(self) -> int:
        """The most bytes of stack that a step so far has used."""
        return self._function.top - self._lowest

    def data_dependent(self, x: Row, dt: int, h: Row) -> dict[int, str]:
        """By comparison: the branches that are decided from other values for this x, dt and h
        than for those before. Stores are not checked."""
        last = self._recorder.operands(self._recorded(x, dt, h))
        found = {}
        for other in self._branches:
            # After the first difference the two paths may differ, so only that one is reported.
            pairs = zip(last, other, strict=False)
            for one in next(([one] for one, same in pairs if one != same), []):
                found[one.address] = f"{one.text}: branches depending on the data"
        return found

    def _recorded(self, x: Row, dt: int, h: Row) -> Registers:
        """The registers before each of the N instructions of a step."""
        self._execute(x, dt, h, qemu.log_registers(self._board))
        registers = self._logged_registers()
        at = registers[:, PC].tolist()
        registers = registers[at.index(self._step) : at.index(self._behind_step)]
        self._lowest = min(self._lowest, int(registers[:, SP].min()))
        return registers

    def _logged_registers(self) -> Registers:
        """R0 to R15 and xPSR before each of N instructions: ``[N, 17]``."""
        values = b"".join(_REGISTER.findall(self._read_log()))
        words = np.frombuffer(bytes.fromhex(values.decode()), ">u4")
        return words.astype(np.uint32).reshape(-1, _REGISTERS)

    def _blocks(self, registers: Registers) -> list[Block]:
        """The stretches of code that were executed from their start to their end."""
        found: list[Block] = []
        start = end = -1
        for at in registers[:, PC].tolist():
            if at != end:
                found += [(start, end - start)] * (end > start)
                start = at
            end = at + self._recorder.size(at)
        return [*found, (start, end - start)]

    def _execute(self, x: Row, dt: int, h: Row, logged: list[str]) -> None:
        """Execute one step; the log, from `_log_start` on, has what was asked for."""
        if logged != self._logged:
            for command in logged:
                self._gdb.monitor(command)
            self._logged = logged
        self._clear_log()
        registers = {_DT: dt & 0xFFFF_FFFF, PC: self._calls}
        self._gdb.call(self._function.arguments(x, h), registers)
        self._finish()

    def _finish(self) -> None:
        """Wait until a breakpoint is reached."""
        end = time.monotonic() + _CALL_S
        while not self._gdb.stopped(within=1.0):
            if time.monotonic() > end:
                fact = f"a call did not return within {_CALL_S:.0f} s"
                remedy = "find with 'elegans hil' where it hangs"
                raise ElegansError(self._board.name, fact, remedy)

    def _read_log(self) -> bytes:
        with self._log.open("rb") as file:
            file.seek(self._log_start)
            return file.read()

    def _clear_log(self) -> None:
        """Begin a new part of the log. The disk space of a long one is freed; QEMU continues to
        write at its offset: the file becomes sparse."""
        size = self._log.stat().st_size
        if size - self._freed > _LONG_LOG:
            os.truncate(self._log, 0)
            self._freed = size
        self._log_start = size
