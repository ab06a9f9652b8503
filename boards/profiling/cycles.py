"""Clock cycles of a piece of code on the cores that execute in order, one instruction at a time.

From ARM's technical reference manuals (M0: DDI 0432, M0+: DDI 0484, M3: DDI 0337, M4: DDI
0439), for memory that never makes the core wait. What they leave open makes the estimate's
error, and it is two numbers therefore: whether a branch was taken, how much of its target has
been fetched, which loads overlap, how long a division takes. No board of ours has confirmed them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from elegans.exporter.errors import ElegansError

Span = tuple[int, int]  # the least cycles and the most

_CONDITIONS = "eq|ne|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_BRANCH = re.compile(rf"b(l?x?)({_CONDITIONS})?$|cbn?z$")


@dataclass(frozen=True)
class Costs:
    """A load or store; a branch that is taken; what PC in a list adds; and whatever else
    does not take one cycle."""

    memory: Span
    branch: Span
    refill: Span
    slow: dict[str, Span]


_THUMB_2: dict[str, Span] = {"it": (0, 1), "tbb": (3, 5), "tbh": (3, 5)}
_DIVISIONS: dict[str, Span] = {"sdiv": (2, 12), "udiv": (2, 12)}
_M3: dict[str, Span] = {"mla": (2, 2), "mls": (2, 2), "smull": (3, 5), "umull": (3, 5)}
COSTS = {
    "cortex-m0": Costs((2, 2), (3, 3), (3, 3), {"bl": (4, 4)}),
    "cortex-m0plus": Costs((2, 2), (2, 2), (2, 2), {"bl": (3, 3)}),
    "cortex-m3": Costs((1, 2), (2, 4), (1, 3), _THUMB_2 | _DIVISIONS | _M3),
    "cortex-m4f": Costs((1, 2), (2, 4), (1, 3), _THUMB_2 | _DIVISIONS),
}


def cycles(blocks: tuple[tuple[bytes, int], ...], core: str) -> dict[str, int] | None:
    """The least and the most of blocks of code, each executed so many times; None for a core
    whose manual tells none."""
    if core not in COSTS:
        return None
    try:
        import capstone
    except ImportError:
        remedy = "pip install 'elegans[sim]'"
        raise ElegansError("cycles", "capstone is not installed", remedy) from None
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    least = most = 0
    for code, times in blocks:
        for instruction in decoder.disasm(code, 0):
            name = instruction.mnemonic.split(".")[0]
            low, high = _span(name, instruction.op_str, COSTS[core])
            least, most = least + times * low, most + times * high
    return {"min": least, "max": most}


def _span(name: str, operands: str, costs: Costs) -> Span:
    slow = costs.slow.get("it" if re.fullmatch("it[te]*", name) else name)
    if slow:
        return slow
    branch = _BRANCH.match(name)
    if branch:
        may_go_on = branch[2] or name.startswith("cb")
        return (1, costs.branch[1]) if may_go_on else costs.branch
    low, high = costs.memory
    if name.startswith(("ldm", "stm", "push", "pop")):
        count = 1 + operands.split("{")[-1].count(",") + 1
        jump = costs.refill if "pc" in operands else (0, 0)
        return count + jump[0], count + jump[1]
    if name.startswith(("ldrd", "strd")):
        return 1 + low, 1 + high
    return costs.memory if name.startswith(("ldr", "str")) else (1, 1)
