"""Calls a firmware's step on a core emulated by unicorn, with flash and RAM and nothing else."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.toolchain import INSTALL_SIM
from elegans.boards.profiling.calling_rules import RULES
from elegans.boards.profiling.step_call import Block, Row, StepFunction
from elegans.boards.profiling.taint import TaintTracker
from elegans.exporter.errors import ElegansError

_PAGE = 0x1000  # unicorn maps memory in pages of 4 KiB
_RETURN = 0x1FFF_F000  # where calls return to: an address that no board uses
_PAINT = b"\xa5"  # fills the stack before a call, to find how much of it was used
_STACK = 0x8000  # the most bytes of stack that are painted


class UnicornCaller:
    """A `StepCaller` whose blocks are unicorn's basic blocks.

    Raises `ElegansError` if unicorn is not installed.
    """

    def __init__(self, firmware: Firmware, function: StepFunction) -> None:
        try:
            import unicorn as untyped
        except ImportError:
            raise ElegansError("unicorn", "is not installed", INSTALL_SIM) from None
        self._unicorn: Any = untyped  # its type annotations are wrong
        self._rules = rules = RULES[firmware.board.core.architecture]
        constants = importlib.import_module(rules.constants)
        self._registers = rules.numbers(constants)
        self._function, self._board = function, firmware.board.name
        unicorn, memory = self._unicorn, firmware.board.memory
        self._cpu: Any = unicorn.Uc(getattr(unicorn, rules.arch), getattr(unicorn, rules.mode))
        self._cpu.ctl_set_cpu_model(getattr(constants, str(firmware.board.core.unicorn)))
        for region in (memory.flash, memory.ram):
            self._cpu.mem_map(*region.pages(_PAGE))
        self._cpu.mem_map(_RETURN, _PAGE)
        for address, data in function.image.segments:
            self._cpu.mem_write(address, data)
        self._floor = max(function.floor, function.top - _STACK)
        self._lowest = function.top
        self._trace: list[Block] = []
        self._cpu.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)

    def step(self, x: Row, dt: int, h: Row) -> list[Block]:
        """Execute one step: see `StepCaller`."""
        self._set_arguments(x, h)
        size = self._function.top - self._floor
        self._cpu.mem_write(self._floor, _PAINT * size)
        self._trace = []
        self._step(dt)
        painted = bytes(self._cpu.mem_read(self._floor, size))
        self._lowest = min(self._lowest, self._function.top - len(painted.lstrip(_PAINT)))
        return list(self._trace)  # what is called after the step goes on with this trace

    def results(self) -> Row:
        """y and h after the last step."""
        self._call(self._function.get_h, self._function.state, self._function.h)
        returned = self._cpu.reg_read(self._registers[self._rules.arguments[0]])
        return self._function.results(lambda at, n: bytes(self._cpu.mem_read(at, n)), returned)

    def stack(self) -> int:
        """The most bytes of stack that a step so far has used."""
        return self._function.top - self._lowest

    def data_dependent(self, x: Row, dt: int, h: Row) -> dict[int, str]:
        """By taint tracking through one step: what is not found for this x, dt and h cannot
        happen for any others. Raises `ElegansError` if an instruction is unknown."""
        trace = list(self.step(x, dt, h))
        code = set(_joined(trace))
        decode, registers = self._rules.decode, self._registers
        decoded = {i.address: i for b in code for i in decode(self._function.code(*b), b[0])}
        self._set_arguments(x, h)
        taint = TaintTracker([self._rules.arguments[3]], self._function.data())
        unknown: list[str] = []
        pending = (decoded[i] for block in trace for i in self._function.instructions(block))

        def skipped_before(address: int) -> None:
            """No hook is called for what an IT block skips."""
            for one in pending:
                if one.address == address:
                    return
                taint.execute(one, [], done=False)
                if not one.condition:
                    unknown.append(one.text)

        def on_code(cpu: Any, address: int, size: int, _: Any) -> None:
            skipped_before(address)
            one = decoded[address]
            taint.execute(one, one.accesses(lambda r: int(cpu.reg_read(registers[r]))))

        self._cpu.ctl_flush_tb()  # blocks that were translated before do not call the hook
        # Addresses are computed from registers, for with a hook on reads unicorn 2.1.4 skips loads
        # and computes other results.
        hook = self._cpu.hook_add(self._unicorn.UC_HOOK_CODE, on_code)
        self._step(dt)
        self._cpu.hook_del(hook)
        skipped_before(-1)
        if unknown:
            raise ElegansError(self._board, f"unicorn did not execute {unknown[0]}", "report it")
        return taint.found

    def _set_arguments(self, x: Row, h: Row) -> None:
        function = self._function
        for address, data in function.arguments(x, h).items():
            self._cpu.mem_write(address, data)
        self._call(function.set_h, function.state, function.h)

    def _step(self, dt: int) -> None:
        function = self._function
        self._call(function.step, function.state, function.y, function.x, dt & 0xFFFF_FFFF)

    def _call(self, address: int, *arguments: int) -> None:
        rules = self._rules
        values = dict(zip(rules.arguments, arguments, strict=False))
        values |= {rules.sp: self._function.top, rules.lr: _RETURN | rules.code_bit}
        for register, value in values.items():
            self._cpu.reg_write(self._registers[register], value)
        self._cpu.emu_start(address | rules.code_bit, _RETURN)

    def _on_block(self, cpu: Any, address: int, size: int, _: Any) -> None:
        if address != _RETURN:
            self._trace.append((address, size))


def _joined(trace: list[Block]) -> Iterator[Block]:
    """Adjacent blocks as one: unicorn also ends a block at the end of a page, even within an IT
    block, which must be decoded as a whole."""
    start, size = trace[0]
    for address, more in trace[1:]:
        if address == start + size:
            size += more
        else:
            yield start, size
            start, size = address, more
    yield start, size
