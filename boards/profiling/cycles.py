"""Estimates clock cycles on the cores that execute instructions in order.

An estimate is a least and a most number of cycles, for memory without wait states. None has been
compared with a real board.

M0, M0+, M3 and M4 are by Arm's technical reference manuals (DDI 0432, DDI 0484, DDI 0337, DDI
0439), which leave open whether a branch was taken, how much of its target has been fetched, which
loads overlap and how long a division takes.

For M7, M33 and M55 Arm's manuals state no cycles. These are models by what LLVM's scheduler
assumes (llvm/lib/Target/ARM: ARMScheduleM7.td, ARMScheduleM55.td; for M33 it takes M4's):
M7   issues two instructions a cycle, but loads and stores of several registers and divisions
     alone; a load and a multiplication take two cycles, a branch that was not predicted six
M33  as M4, whose branches may cost nothing, for it issues them with a 16-bit instruction
M55  as M4; additions and moves of 16 bits may go with another instruction; a vector instruction
     takes two cycles, of which one overlaps with a neighbour's in another pipeline
The least is that everything goes together that may, the most that nothing does and that each
result is waited for.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from elegans.boards.machine_code.thumb import CONDITIONS, instruction_size
from elegans.boards.profiling.thumb_decoder import load_capstone

Span = tuple[float, float]  # the least cycles and the most

_BRANCH = re.compile(rf"b(l?x?)({'|'.join(CONDITIONS)})?$|cbn?z$")


@dataclass(frozen=True)
class CycleCosts:
    """Cycles of a core's instructions.

    memory  a load or store of one register
    branch  a branch that is taken
    refill  what a load of PC adds to a load of several registers
    other   instructions that do not take one cycle, by name
    simple  an instruction that is none of these
    paired  the names of instructions that take no cycle, if they have 16 bits, beside another one
    vector  an instruction of the vector extension
    width   the instructions that begin in a cycle at most
    """

    memory: Span
    branch: Span
    refill: Span
    other: dict[str, Span]
    simple: Span = (1, 1)
    paired: frozenset[str] = field(default_factory=frozenset)
    vector: Span = (1, 1)
    width: int = 1


_THUMB_2: dict[str, Span] = {"it": (0, 1), "tbb": (3, 5), "tbh": (3, 5)}
_DIVISIONS: dict[str, Span] = {"sdiv": (2, 12), "udiv": (2, 12)}
_M3: dict[str, Span] = {"mla": (2, 2), "mls": (2, 2), "smull": (3, 5), "umull": (3, 5)}
_MULTIPLIES = (
    *("mul", "muls", "mla", "mls", "smull", "umull"),
    *("smlal", "umlal", "smlad", "smuad", "smlald"),
)
_PAIRED = frozenset({"adds", "subs", "add", "sub", "movs", "mov", "uxtb", "uxth", "sxtb", "sxth"})
COSTS = {
    "cortex-m0": CycleCosts((2, 2), (3, 3), (3, 3), {"bl": (4, 4)}),
    "cortex-m0plus": CycleCosts((2, 2), (2, 2), (2, 2), {"bl": (3, 3)}),
    "cortex-m3": CycleCosts((1, 2), (2, 4), (1, 3), _THUMB_2 | _DIVISIONS | _M3),
    "cortex-m4f": CycleCosts((1, 2), (2, 4), (1, 3), _THUMB_2 | _DIVISIONS),
    "cortex-m7f": CycleCosts(
        memory=(0.5, 2),
        branch=(0.5, 7),
        refill=(0, 6),
        other=_THUMB_2 | _DIVISIONS | dict.fromkeys(_MULTIPLIES, (0.5, 2)),
        simple=(0.5, 1),
        width=2,
    ),
    "cortex-m33f": CycleCosts((1, 2), (0, 4), (0, 3), _THUMB_2 | _DIVISIONS),
    "cortex-m55": CycleCosts(
        memory=(1, 2),
        branch=(0, 4),
        refill=(0, 3),
        other=_THUMB_2 | _DIVISIONS | dict.fromkeys(_MULTIPLIES, (1, 2)),
        paired=_PAIRED,
        vector=(1, 2),
        width=2,
    ),
}
"""By the name of the core."""

MODELLED = frozenset({"cortex-m7f", "cortex-m33f", "cortex-m55"})
"""The cores whose cycles no manual states: a model's most is no bound."""


def estimate_cycles(blocks: tuple[tuple[bytes, int], ...], core: str) -> dict[str, int] | None:
    """The cycles ``{"min": ..., "max": ...}`` of pieces of code, each executed so many times.

    None for a core of which nothing is published. Raises `ElegansError` if capstone is not
    installed.
    """
    if core not in COSTS:
        return None
    capstone, costs = load_capstone(), COSTS[core]
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    least = most = 0.0
    executed = 0
    for code, times in blocks:
        for one in _instructions(code):
            low, high = _span_of(one, decoder, costs)
            least, most, executed = least + times * low, most + times * high, executed + times
    return {"min": math.ceil(max(least, executed / costs.width)), "max": math.ceil(most)}


def _instructions(code: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(code):
        size = instruction_size(code[at : at + 2])
        found.append(code[at : at + size])
        at += size
    return found


def _span_of(code: bytes, decoder: Any, costs: CycleCosts) -> Span:
    """Of one instruction. Its first byte says whether it is one of a coprocessor, which in integer
    code are those of the vector extension; capstone does not know all of them."""
    if len(code) == 4 and code[1] & 0xEC == 0xEC and costs.vector != (1, 1):
        return costs.vector
    one = next(decoder.disasm(code, 0), None)
    if one is None:  # of Armv8.1-M: the end of a loop, a shift of 64 bits, a conditional select
        return costs.simple[0], costs.branch[1]
    name = one.mnemonic.split(".")[0]
    if len(code) == 2 and name in costs.paired:
        return 0, costs.simple[1]
    return _span(name, one.op_str, costs)


def _span(name: str, operands: str, costs: CycleCosts) -> Span:
    other = costs.other.get("it" if re.fullmatch("it[te]*", name) else name)
    if other:
        return other
    branch = _BRANCH.match(name)
    if branch:
        conditional = branch[2] or name.startswith("cb")
        return (min(1, costs.branch[0]), costs.branch[1]) if conditional else costs.branch
    low, high = costs.memory
    if name.startswith(("ldm", "stm", "push", "pop", "vldm", "vstm", "vpush", "vpop")):
        cycles = 1 + operands.split("{")[-1].count(",") + 1  # 1 + the number of registers
        refill = costs.refill if "pc" in operands else (0, 0)
        return cycles * costs.simple[0] + refill[0], cycles + refill[1]
    if name.startswith(("ldrd", "strd")):
        return 1 + low, 1 + high
    return costs.memory if name.startswith(("ldr", "str")) else costs.simple
