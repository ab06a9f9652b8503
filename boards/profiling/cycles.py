"""Estimates clock cycles on the cores that execute one instruction after the other, in order.

From ARM's technical reference manuals (M0: DDI 0432, M0+: DDI 0484, M3: DDI 0337, M4: DDI
0439), for memory without wait states. An estimate is a least and a most number of cycles, for
the manuals leave open whether a branch was taken, how much of its target has been fetched,
which loads overlap and how long a division takes. It has not been compared with a real board.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from elegans.boards.machine_code.thumb import CONDITIONS
from elegans.boards.profiling.thumb_decoder import load_capstone

Span = tuple[int, int]  # the least cycles and the most

_BRANCH = re.compile(rf"b(l?x?)({'|'.join(CONDITIONS)})?$|cbn?z$")


@dataclass(frozen=True)
class CycleCosts:
    """Cycles of a core's instructions.

    memory  a load or store of one register
    branch  a branch that is taken
    refill  what a load of PC adds to a load of several registers
    other   instructions that do not take one cycle, by name
    """

    memory: Span
    branch: Span
    refill: Span
    other: dict[str, Span]


_THUMB_2: dict[str, Span] = {"it": (0, 1), "tbb": (3, 5), "tbh": (3, 5)}
_DIVISIONS: dict[str, Span] = {"sdiv": (2, 12), "udiv": (2, 12)}
_M3: dict[str, Span] = {"mla": (2, 2), "mls": (2, 2), "smull": (3, 5), "umull": (3, 5)}
COSTS = {
    "cortex-m0": CycleCosts((2, 2), (3, 3), (3, 3), {"bl": (4, 4)}),
    "cortex-m0plus": CycleCosts((2, 2), (2, 2), (2, 2), {"bl": (3, 3)}),
    "cortex-m3": CycleCosts((1, 2), (2, 4), (1, 3), _THUMB_2 | _DIVISIONS | _M3),
    "cortex-m4f": CycleCosts((1, 2), (2, 4), (1, 3), _THUMB_2 | _DIVISIONS),
}
"""By the name of the core."""


def estimate_cycles(blocks: tuple[tuple[bytes, int], ...], core: str) -> dict[str, int] | None:
    """The cycles ``{"min": ..., "max": ...}`` of pieces of code, each executed so many times.

    None for a core whose manual gives no cycles. Raises `ElegansError` if capstone is not
    installed.
    """
    if core not in COSTS:
        return None
    capstone = load_capstone()
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    least = most = 0
    for code, times in blocks:
        for instruction in decoder.disasm(code, 0):
            name = instruction.mnemonic.split(".")[0]
            low, high = _span(name, instruction.op_str, COSTS[core])
            least, most = least + times * low, most + times * high
    return {"min": least, "max": most}


def _span(name: str, operands: str, costs: CycleCosts) -> Span:
    other = costs.other.get("it" if re.fullmatch("it[te]*", name) else name)
    if other:
        return other
    branch = _BRANCH.match(name)
    if branch:
        conditional = branch[2] or name.startswith("cb")
        return (1, costs.branch[1]) if conditional else costs.branch
    low, high = costs.memory
    if name.startswith(("ldm", "stm", "push", "pop")):
        cycles = 1 + operands.split("{")[-1].count(",") + 1  # 1 + the number of registers
        refill = costs.refill if "pc" in operands else (0, 0)
        return cycles + refill[0], cycles + refill[1]
    if name.startswith(("ldrd", "strd")):
        return 1 + low, 1 + high
    return costs.memory if name.startswith(("ldr", "str")) else (1, 1)
