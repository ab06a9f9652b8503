"""Clock cycles of a piece of code on the cores that execute in order, one instruction at a time.

From ARM's technical reference manuals (M0: DDI 0432, M0+: DDI 0484, M3: DDI 0337, M4: DDI
0439), with memory that never makes the core wait. Every branch counts as taken, and loads do
not overlap with what follows, as some do on M3 and M4: an upper bound by these manuals, which
no board of ours has confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.errors import ElegansError


@dataclass(frozen=True)
class Costs:
    """Cycles: a load or store, a branch taken, and the multiplications that take more than 1."""

    memory: int
    branch: int
    slow: dict[str, int]


COSTS = {
    "cortex-m0": Costs(2, 3, {"bl": 4}),
    "cortex-m0plus": Costs(2, 2, {"bl": 3}),
    "cortex-m3": Costs(2, 3, {"mla": 2, "smull": 5, "sdiv": 12, "udiv": 12}),
    "cortex-m4f": Costs(2, 3, {"sdiv": 12, "udiv": 12}),
}


def cycles(blocks: tuple[tuple[bytes, int], ...], core: str) -> int | None:
    """Of blocks of code, each executed so many times; None for another core."""
    if core not in COSTS:
        return None
    try:
        import capstone
    except ImportError:
        remedy = "pip install 'elegans[sim]'"
        raise ElegansError("cycles", "capstone is not installed", remedy) from None
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    costs, total = COSTS[core], 0
    for code, times in blocks:
        for instruction in decoder.disasm(code, 0):
            name = instruction.mnemonic.split(".")[0]
            total += times * _cost(name, instruction.op_str, costs)
    return total


def _cost(name: str, operands: str, costs: Costs) -> int:
    if name in costs.slow:
        return costs.slow[name]
    if name.startswith(("ldm", "stm", "push", "pop")):
        count = _listed(operands.split("{")[-1])
        return 1 + count + costs.branch * ("pc" in operands)
    if name in ("ldrd", "strd"):
        return 1 + costs.memory
    if name.startswith(("ldr", "str")):
        return costs.memory
    if name in ("b", "bl", "bx", "blx") or (name.startswith("b") and name[1:] in _CONDITIONS):
        return costs.branch
    return 1


_CONDITIONS = ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"]


def _listed(registers: str) -> int:
    return registers.count(",") + 1
