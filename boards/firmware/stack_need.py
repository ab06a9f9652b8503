"""The stack that a firmware needs, computed from its machine code.

Every path through every function is followed, with the depth of the stack; a call adds what the
called function needs. A call through a pointer may be one of any function whose address is stored
or computed in the image, and counts as the one that needs most. So the result is too large by
little, and too small only where a function loads a constant into a register, changes it by
arithmetic, and then moves the stack pointer by it, which no compiler does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elegans.boards.descriptors.cores import RISCV, Core
from elegans.boards.firmware.elf_image import read_data_starts, read_image, read_symbols
from elegans.boards.machine_code import riscv, riscv_stack, thumb_stack
from elegans.boards.machine_code.thumb_stack import Effect

# What a Cortex-M pushes when an exception begins: r0-r3, r12, lr, pc and xpsr, with an FPU also
# s0-s15, fpscr and a reserved word; and a word more if the stack is not aligned to 8 bytes.
# (Armv7-M manual, B1.5.7.)
_FRAME, _FPU_FRAME = 32 + 4, 104 + 4
_MAIN, _EXCEPTIONS = "reset_handler", ("uart_interrupt", "fault_handler")
# On RISC-V the trap handler pushes by itself, and a fault begins with an empty stack.
_RISCV_ENTRIES = ("start_up", "trap_entry")
_VECTORS = "vectors"  # the table with the addresses of these three
_DEEPEST = 1 << 20  # bytes; a stack that grows in a loop gets there


class UnboundedStackError(Exception):
    """The stack cannot be bounded; the message says which function does what."""


@dataclass(frozen=True)
class StackNeed:
    """The most bytes of stack that a firmware needs; None if they cannot be computed, for the
    reason ``unknown``."""

    bytes: int | None
    unknown: str = ""

    @property
    def text(self) -> str:
        """The number in words."""
        return f"unknown ({self.unknown})" if self.bytes is None else f"{self.bytes:,}"


def stack_need(elf: Path, core: Core) -> StackNeed:
    """The stack of a firmware: its main program at the deepest point, then the receive interrupt,
    then a fault in that."""
    frame = _FPU_FRAME if core.fpu else _FRAME
    try:
        calls = CallGraph(elf)
        if core.architecture == RISCV:
            need = sum(map(calls.need, _RISCV_ENTRIES))
        else:
            need = calls.need(_MAIN) + sum(frame + calls.need(name) for name in _EXCEPTIONS)
    except UnboundedStackError as error:
        return StackNeed(None, str(error))
    return StackNeed(need + 7 & -8)


class CallGraph:
    """The functions of an image, and what each needs of the stack with all that it calls."""

    def __init__(self, elf: Path) -> None:
        image = read_image(elf)
        self._riscv = image.architecture == RISCV
        self._effect = riscv_stack.effect if self._riscv else thumb_stack.effect
        symbols = read_symbols(elf)
        self._code = [
            (address, np.frombuffer(data[: len(data) & -2], "<u2"))
            for address, data in image.segments
        ]
        self._lists: list[tuple[int, list[int]]] = [
            (address, code.tolist()) for address, code in self._code
        ]
        self._functions = {s.address: s.name for s in symbols if s.is_function}
        self._data = read_data_starts(elf)
        self._starts = {name: address for address, name in self._functions.items()}
        self._needs: dict[int, int] = {}
        self._active: list[int] = []
        self._endless: set[int] = set()  # functions that do not return: a reset, a loop for ever
        entries = {self._starts.get(name) for name in (_MAIN, *_EXCEPTIONS, *_RISCV_ENTRIES)}
        # Arrays of a model have no addresses, but numbers that may look like some.
        arrays = [s for s in symbols if s.name == _VECTORS or (s.is_data and s.in_model)]
        tables = [range(s.address, s.address + s.size) for s in arrays]
        pointers = {*self._stored(tables), *self._computed()}
        self._pointed = sorted((pointers & self._functions.keys()) - entries)

    def need(self, name: str) -> int:
        """The bytes of stack of the function ``name``. Raises `UnboundedStackError`."""
        if name not in self._starts:
            raise UnboundedStackError(f"the image has no function {name}")
        return self._need(self._starts[name])

    def _need(self, start: int) -> int:
        if start in self._active:
            raise UnboundedStackError(f"{self._name(start)} calls itself")
        if start not in self._needs:
            self._active.append(start)
            self._needs[start] = self._walk(start)
            self._active.pop()
        return self._needs[start]

    def _walk(self, start: int) -> int:
        """The deepest point of all paths from ``start`` on, calls included."""
        frame = riscv.FRAME_POINTER if self._riscv else thumb_stack.FRAME_POINTER
        path = _Paths(start, frame)
        while path.next():
            while True:
                one = self._effect(path.address, self._halfword)
                path.move(one, self._name(start))
                path.deepest = max(path.deepest, path.depth + self._called(start, one))
                if one.target is not None and self._stays(start, one):
                    path.fork(one.target)
                elif one.ends and one.target not in self._endless:
                    path.returns = True
                endless = one.calls and one.target in self._endless
                if endless or path.address + one.size in self._data or not path.go_on(one):
                    break
        if not path.returns:
            self._endless.add(start)
        return path.deepest

    def _called(self, start: int, one: Effect) -> int:
        """What a call, or a jump to another function, needs of the stack; else 0."""
        if one.indirect:
            return max(map(self._need, self._pointed), default=0)
        if one.target is None or self._stays(start, one):
            return 0
        return self._need(one.target)

    def _stays(self, start: int, one: Effect) -> bool:
        """Whether a branch leads to another place in the same function. Assembly for an M0 also
        uses BL for that, where B does not reach."""
        itself = one.target == start and not one.calls
        return itself or one.target not in self._functions

    def _halfword(self, address: int) -> int:
        for start, code in self._lists:
            if start <= address < start + 2 * len(code):
                return code[address - start >> 1]
        raise UnboundedStackError(f"there is no code at {address:#010x}")

    def _name(self, address: int) -> str:
        return self._functions.get(address, f"the code at {address:#010x}")

    def _stored(self, tables: list[range]) -> Iterator[int]:
        """The words of the image, outside ``tables``, that may be addresses of functions. In
        those of Thumb code bit 0 is set."""
        thumb = 0 if self._riscv else 1
        pointers = [address | thumb for address in self._functions]
        for start, code in self._code:
            words = code[: len(code) & -2].view("<u4")
            for index in np.flatnonzero(np.isin(words, pointers)):
                address = start + 4 * int(index)
                if not any(address in table for table in tables):
                    yield int(words[index]) - thumb

    def _computed(self) -> Iterator[int]:
        """The addresses that MOVW and MOVT, or their like on RISC-V, may put together."""
        if self._riscv:
            for start, code in self._code:
                data, end = code.tobytes(), start + 2 * len(code)
                starts = sorted(at for at in self._functions if start <= at < end)
                for at, after in itertools.pairwise([*starts, end]):
                    yield from riscv_stack.computed_addresses(data[at - start : after - start], at)
            return
        lower: dict[int, int] = {}
        for start, code in self._code:
            for index in np.flatnonzero(np.isin(code & 0xFBF0, (0xF240, 0xF2C0))):
                one = self._effect(start + 2 * int(index), self._halfword)
                if one.sets is None:
                    continue
                register, value = one.sets
                if not one.upper:
                    lower[register] = value
                elif lower.get(register, 0) & 1:
                    yield value << 16 | lower[register] - 1


class _Paths:
    """The paths through one function that are still to be followed, and where one of them is."""

    def __init__(self, start: int, frame_pointer: int) -> None:
        self.address, self.depth, self.deepest = start, 0, 0
        self.returns = False
        self._waiting = [(start, 0)]
        self._seen: dict[int, int] = {}  # the greatest depth at each address so far
        self._constants: dict[int, int] = {}  # of registers: the stack is often moved by one
        self._frames = {frame_pointer}  # registers that have it, perhaps less a constant
        self._conditional = 0  # instructions that an IT still makes conditional

    def next(self) -> bool:
        """Begin with the next path; False if there is none."""
        while self._waiting:
            self.address, self.depth = self._waiting.pop()
            self._conditional = 0
            self._constants.clear()  # another path may have had others
            if self._arrives():
                return True
        return False

    def fork(self, target: int) -> None:
        """A branch leads to ``target``, too."""
        self._waiting.append((target, self.depth))

    def go_on(self, one: Effect) -> bool:
        """Go to the next instruction; False if the path ends, or was followed before."""
        ends = one.ends and not self._conditional
        self._conditional = one.skips or max(self._conditional - 1, 0)
        self.address += one.size
        return not ends and self._arrives()

    def move(self, one: Effect, name: str) -> None:
        """Change the depth as the instruction does. Raises `UnboundedStackError`."""
        if one.unknown is not None:
            raise UnboundedStackError(f"{name} {one.unknown} at {self.address:#010x}")
        if one.calls or one.indirect:
            self._constants.clear()  # a function may change them
        if one.sets is not None:
            register, value = one.sets
            low = self._constants.get(register, 0) & 0xFFFF
            if not one.to:
                self._constants[register] = value << 16 | low if one.upper else value
            elif one.to in self._constants:
                self._constants[register] = self._constants[one.to] + value & 0xFFFF_FFFF
            else:
                self._constants.pop(register, None)
        if one.frame is not None:
            self._frames.add(one.frame)
        # A function that ends may restore the stack pointer from the frame pointer. Not counting
        # that can only make the result larger.
        if one.restores is not None and one.restores not in self._frames:
            raise UnboundedStackError(f"{name} moves the stack pointer at {self.address:#010x}")
        change = one.grows
        if one.adds is not None:
            register, sign = one.adds
            if register not in self._constants:
                fact = f"{name} moves the stack pointer by a computed amount"
                raise UnboundedStackError(f"{fact} at {self.address:#010x}")
            value = self._constants[register]
            change = -sign * (value - (value >> 31 << 32))
        # What an IT makes conditional may not happen: then the stack does not shrink.
        self.depth += max(change, 0) if self._conditional else change
        self.deepest = max(self.deepest, self.depth)
        if self.depth > _DEEPEST:
            raise UnboundedStackError(f"the stack of {name} grows in a loop")

    def _arrives(self) -> bool:
        """Whether the path is deeper here than all that came through before."""
        if self._seen.get(self.address, -1) >= self.depth:
            return False
        self._seen[self.address] = self.depth
        return True
