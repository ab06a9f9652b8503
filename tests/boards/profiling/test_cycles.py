"""Cycles of single instructions, by the manuals and by the models."""

from __future__ import annotations

import pytest

from elegans.boards.profiling.cycles import COSTS, estimate_cycles
from elegans.commands.chip.cost_header import write_cost_header

_CODE = {
    "adds r0, r0, r1": "4018",
    "muls r0, r1": "4843",
    "ldr r0, [r1]": "0868",
    "b .": "fee7",
    "bl .": "fff7feff",
    "sdiv r0, r0, r1": "90fbf1f0",
    "ldmia r0!, {r1, r2, r3}": "0ec8",
    "smlad r0, r1, r2, r0": "21fb0200",
    "vadd.i32 q0, q0, q1": "20ef4208",
    "le lr, .": "0ff003c0",
}


@pytest.mark.parametrize(
    ("core", "text", "least", "most"),
    [
        ("cortex-m0", "ldr r0, [r1]", 2, 2),
        ("cortex-m0", "bl .", 4, 4),
        ("cortex-m0plus", "b .", 2, 2),
        ("cortex-m3", "sdiv r0, r0, r1", 2, 12),
        ("cortex-m4f", "smlad r0, r1, r2, r0", 1, 1),
        ("cortex-m4f", "ldmia r0!, {r1, r2, r3}", 4, 4),
        ("cortex-m7f", "adds r0, r0, r1", 0.5, 1),
        ("cortex-m7f", "smlad r0, r1, r2, r0", 0.5, 2),
        ("cortex-m7f", "b .", 0.5, 7),
        ("cortex-m7f", "ldmia r0!, {r1, r2, r3}", 2, 4),
        ("cortex-m33f", "b .", 1, 4),
        ("cortex-m33f", "ldr r0, [r1]", 1, 2),
        ("cortex-m55", "adds r0, r0, r1", 0.5, 1),
        ("cortex-m55", "muls r0, r1", 1, 2),
        ("cortex-m55", "vadd.i32 q0, q0, q1", 1, 2),
        ("cortex-m55", "le lr, .", 1, 4),
    ],
)
def test_an_instruction_takes_what_is_published(core, text, least, most):
    code = bytes.fromhex(_CODE[text])
    assert estimate_cycles(((code, 100),), core) == {"min": 100 * least, "max": 100 * most}


@pytest.mark.parametrize("core", sorted(COSTS))
def test_the_least_is_never_less_than_the_instructions_that_may_begin(core):
    code = b"".join(bytes.fromhex(one) for one in _CODE.values())
    found = estimate_cycles(((code, 3), (b"", 5)), core)
    assert found["min"] >= 3 * len(_CODE) / COSTS[core].width
    assert found["min"] < found["max"]


def test_of_a_core_without_publication_nothing_is_estimated():
    assert estimate_cycles(((b"\x40\x18", 1),), "cortex-m85") is None


@pytest.mark.parametrize(("core", "bound"), [("cortex-m4f", True), ("cortex-m33f", False)])
def test_only_cycles_of_a_manual_are_a_bound_for_a_watchdog(core, bound, worm, tmp_path):
    found = {"board": "b", "core": core, "compiler": "gcc", "optimise": "2", "different": 0}
    found |= {"instructions_per_step": {"min": 9, "max": 9}, "branches_by_data": ()}
    found |= dict.fromkeys(("stack_bytes", "flash_bytes", "ram_bytes"), 1)
    write_cost_header(worm, found | {"cycles": {"min": 9, "max": 12}}, tmp_path / "cost.h")
    assert ("STEP_CYCLES_MOST 12UL" in (tmp_path / "cost.h").read_text()) == bound
