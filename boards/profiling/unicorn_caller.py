"""Calls of a firmware's step on a unicorn core with its flash and RAM, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from elegans.boards.firmware.build import Firmware
from elegans.boards.profiling.step_call import Block, Called, Row
from elegans.boards.profiling.taint import DataFlow
from elegans.boards.profiling.thumb_decoder import decode
from elegans.exporter.errors import ElegansError

_PAGE = 0x1000
_RETURN = 0x1FFF_F000
_PAINT = b"\xa5"
_DT = 3  # the register of dt
_STACK = 0x8000


class UnicornCaller:
    """A `Caller`; its blocks are unicorn's."""

    def __init__(self, firmware: Firmware, called: Called) -> None:
        try:
            import unicorn as untyped
            from unicorn import arm_const
        except ImportError:
            remedy = "pip install 'elegans[sim]'"
            raise ElegansError("unicorn", "is not installed", remedy) from None
        self._unicorn: Any = untyped  # it says that it is typed, but its annotations do not hold
        self._arm: Any = arm_const
        self._core = [getattr(arm_const, f"UC_ARM_REG_R{i}") for i in range(13)]
        self._called, self._place, memory = called, firmware.board.name, firmware.board.memory
        unicorn, cpu = self._unicorn, str(firmware.board.core.unicorn)
        self._cpu: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self._cpu.ctl_set_cpu_model(getattr(self._arm, cpu))
        for region in (memory.flash, memory.ram):
            first = region.origin & -_PAGE
            last = -(-(region.origin + region.bytes) // _PAGE) * _PAGE
            self._cpu.mem_map(first, last - first)
        self._cpu.mem_map(_RETURN, _PAGE)
        for address, data in called.image.segments:
            self._cpu.mem_write(address, data)
        self._floor = max(called.floor, called.top - _STACK)
        self._lowest = called.top
        self._trace: list[Block] = []
        self._cpu.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)

    def step(self, x: Row, dt: int, h: Row) -> list[Block]:
        self._prepare(x, h)
        room = self._called.top - self._floor
        self._cpu.mem_write(self._floor, _PAINT * room)
        self._trace = []
        self._step(dt)
        painted = bytes(self._cpu.mem_read(self._floor, room))
        self._lowest = min(self._lowest, self._called.top - len(painted.lstrip(_PAINT)))
        return self._trace

    def results(self) -> Row:
        self._call(self._called.get_h, self._called.state)
        at = self._cpu.reg_read(self._arm.UC_ARM_REG_R0)
        y = self._cpu.mem_read(self._called.y, 2 * self._called.outputs)
        h = self._cpu.mem_read(at, 2 * self._called.neurons)
        return np.frombuffer(bytes(y + h), np.int16)

    def stack(self) -> int:
        return self._called.top - self._lowest

    def uneven(self, x: Row, dt: int, h: Row) -> dict[int, str]:
        """By the flow of the data through one step: what is not found here cannot happen with
        any other x, dt and h either."""
        trace = list(self.step(x, dt, h))
        runs = set(_joined(trace))
        known = {i.address: i for b in runs for i in decode(self._called.code(*b), b[0])}
        executed: list[tuple[int, list[range]]] = []
        registers = [*self._core, self._arm.UC_ARM_REG_SP, self._arm.UC_ARM_REG_LR]

        def on_code(cpu: Any, address: int, size: int, _: Any) -> None:
            accesses = known[address].accesses(lambda r: int(cpu.reg_read(registers[r])))
            executed.append((address, accesses))

        self._prepare(x, h)
        self._cpu.ctl_flush_tb()  # what has been translated already calls no hooks
        # No hook on reads: with one, unicorn 2.1.4 leaves out loads, and computes other results.
        hook = self._cpu.hook_add(self._unicorn.UC_HOOK_CODE, on_code)
        self._step(dt)
        self._cpu.hook_del(hook)
        flow, at = DataFlow([_DT], self._called.data()), 0
        for address in (i for block in trace for i in self._called.instructions(block)):
            one = known[address]
            if at < len(executed) and executed[at][0] == address:
                flow.execute(one, executed[at][1])
                at += 1
            elif one.condition:  # unicorn does not show what an IT block leaves out
                flow.execute(one, [], done=False)
            else:
                raise ElegansError(self._place, f"unicorn left out {one.text}", "report it")
        return flow.found

    def _prepare(self, x: Row, h: Row) -> None:
        self._cpu.mem_write(self._called.x, np.asarray(x, np.int16).tobytes())
        self._cpu.mem_write(self._called.h, np.asarray(h, np.int16).tobytes())
        self._call(self._called.set_h, self._called.state, self._called.h)

    def _step(self, dt: int) -> None:
        called = self._called
        self._call(called.step, called.state, called.y, called.x, dt & 0xFFFF_FFFF)

    def _call(self, function: int, *arguments: int) -> None:
        for register, value in zip(self._core, arguments, strict=False):
            self._cpu.reg_write(register, value)
        self._cpu.reg_write(self._arm.UC_ARM_REG_SP, self._called.top)
        self._cpu.reg_write(self._arm.UC_ARM_REG_LR, _RETURN | 1)
        self._cpu.emu_start(function | 1, _RETURN)

    def _on_block(self, cpu: Any, address: int, size: int, _: Any) -> None:
        if address != _RETURN:
            self._trace.append((address, size))


def _joined(trace: list[Block]) -> Iterator[Block]:
    """Stretches of code as they were executed: unicorn ends a block at the end of a page, too,
    even within an IT block."""
    start, size = trace[0]
    for address, more in trace[1:]:
        if address == start + size:
            size += more
        else:
            yield start, size
            start, size = address, more
    yield start, size
