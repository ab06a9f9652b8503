"""What depends on the data, followed through every instruction of one call.

From the inputs on, dependence goes along registers, flags and bytes of memory, whatever the
values are. If no branch depends on the data, and nothing is stored where the data says, every
other input takes the same path: the first branch that it could take otherwise would be one
that depends on it. So one call proves it for all.
"""

from __future__ import annotations

from collections.abc import Iterable

from elegans.boards.profiling.thumb_decoder import PC, VECTORS, Instruction


class DataFlow:
    """The registers and the bytes of memory that depend on the data, as a call goes on."""

    def __init__(self, registers: Iterable[int], memory: Iterable[range]) -> None:
        self._registers = set(registers)
        self._memory = {address for part in memory for address in part}
        self._nz = self._cv = False
        self.found: dict[int, str] = {}

    def execute(self, one: Instruction, accesses: list[range], done: bool = True) -> None:
        """Follow one instruction, and where in memory each register that it moves was loaded
        from or stored to; `done` says whether it was executed, or left out by its condition.
        What it may not do with what depends on the data goes to `found`, by its address."""
        unsure = self._nz if one.condition == "nz" else one.condition != "" and self._any_flag
        if not (done or unsure):
            return
        placed = self._any(one.base)
        data = self._any(one.reads) or (one.carry and self._cv)
        if one.branches and (unsure or data or placed):
            self._report(one, "branches")
        if one.stores and (unsure or placed):
            self._report(one, "stores")
        if unsure:  # what it may have left alone depends on whether it did
            self._registers.update(one.moves if one.loads else (), one.base[: one.writeback])
        for register, part in zip(one.moves, accesses, strict=False):
            if one.loads:
                self._set((register,), unsure or placed or not self._memory.isdisjoint(part))
            elif register in self._registers:
                self._memory.update(part)
            else:
                self._memory.difference_update(part)
        self._set(one.writes, unsure or data)
        if PC in self._registers:
            self._report(one, "branches")
            self._registers.discard(PC)
        self._flags(one.sets, unsure or data)

    @property
    def _any_flag(self) -> bool:
        return self._nz or self._cv

    def _any(self, registers: tuple[int, ...]) -> bool:
        return not self._registers.isdisjoint(registers)

    def _set(self, registers: tuple[int, ...], depends: bool) -> None:
        if depends:
            self._registers.update(registers)
        else:
            self._registers.difference_update(set(registers) - {VECTORS})

    def _flags(self, sets: str, data: bool) -> None:
        if sets:
            self._nz = data
            self._cv = data if sets == "all" else self._cv or data

    def _report(self, one: Instruction, what: str) -> None:
        self.found.setdefault(one.address, f"{one.text}: {what} by the data")
