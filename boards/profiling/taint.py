"""Taint tracking: which registers, flags and bytes of memory depend on the data during one call.

Taint starts at the inputs and spreads through every instruction that is executed, independently
of the values. If no branch is tainted, and no store has a tainted address, then every other
input takes the same path: the first branch that it could take differently would be a tainted
one. So tracking a single call is a proof for all inputs.
"""

from __future__ import annotations

from collections.abc import Iterable

from elegans.boards.profiling.thumb_decoder import PC, VECTORS, Instruction


class TaintTracker:
    """The tainted registers and bytes of memory, updated instruction by instruction.

    Begins with the tainted ``registers`` and the tainted parts of ``memory``. ``found`` maps the
    address of an instruction to what it does with tainted data: it branches, or it stores to an
    address, or under a condition, that is tainted.
    """

    def __init__(self, registers: Iterable[int], memory: Iterable[range]) -> None:
        self._registers = set(registers)
        self._memory = {address for part in memory for address in part}
        self._nz = self._cv = False  # whether these flags are tainted
        self.found: dict[int, str] = {}

    def execute(self, one: Instruction, accesses: list[range], done: bool = True) -> None:
        """Track one instruction.

        ``accesses`` are the bytes of memory of each register that it transfers; ``done`` says
        whether the instruction was executed, or skipped because of its condition. A tainted
        branch, or store to a tainted address, is recorded in `found`.
        """
        condition = self._nz if one.condition == "nz" else one.condition != "" and self._any_flag
        if not (done or condition):
            return
        address = self._any(one.address_registers)
        operands = self._any(one.reads) or (one.uses_carry and self._cv)
        if one.branches and (condition or operands or address):
            self._record(one, "branches")
        if one.stores and (condition or address):
            self._record(one, "stores")
        if condition:  # whether it changed its destinations depends on the data
            self._registers.update(one.transfers if one.loads else ())
            self._registers.update(one.address_registers[: one.writeback])
        for register, part in zip(one.transfers, accesses, strict=False):
            if one.loads:
                self._set((register,), condition or address or not self._memory.isdisjoint(part))
            elif register in self._registers:
                self._memory.update(part)
            else:
                self._memory.difference_update(part)
        self._set(one.writes, condition or operands)
        if PC in self._registers:
            self._record(one, "branches")
            self._registers.discard(PC)
        self._set_flags(one.sets_flags, condition or operands)

    @property
    def _any_flag(self) -> bool:
        return self._nz or self._cv

    def _any(self, registers: tuple[int, ...]) -> bool:
        return not self._registers.isdisjoint(registers)

    def _set(self, registers: tuple[int, ...], tainted: bool) -> None:
        if tainted:
            self._registers.update(registers)
        else:  # VECTORS stands for many registers, of which the others may be tainted
            self._registers.difference_update(set(registers) - {VECTORS})

    def _set_flags(self, which: str, tainted: bool) -> None:
        if which:
            self._nz = tainted
            self._cv = tainted if which == "all" else self._cv or tainted

    def _record(self, one: Instruction, what: str) -> None:
        self.found.setdefault(one.address, f"{one.text}: {what} depending on the data")
