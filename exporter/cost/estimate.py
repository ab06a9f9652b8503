"""Instructions and flash of a step on a core: the work of its plan, times what each kind costs.

What each kind of work costs was measured once, on networks of many sizes, and is in `costs.json`
(`python -m benchmarks.step_cost --fit`). The arrays of the model are counted, not estimated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from elegans.exporter.codegen.plan import Plan
from elegans.exporter.cost.cores import CORES
from elegans.exporter.cost.work import Work, array_bytes, code, work

FILE = Path(__file__).with_name("costs.json")
HALVES = {"m4", "m55"}
"""The kernels that multiply 16-bit halves: two int16 weights are a word of their tables."""


@dataclass(frozen=True)
class Cost:
    """What a step is estimated to cost.

    instructions  of a step, compiled with gcc -O2
    flash         bytes of the model's code, its arrays, and the runtime that it needs
    """

    instructions: int
    flash: int


def estimate(plan: Plan, core: str) -> Cost:
    """The cost of a plan for speed on a core, one of `CORES`."""
    kernels, costs = CORES[core], costs_of(core)
    code_work = sum(code(plan).values(), Work())
    flash = array_bytes(plan, kernels in HALVES) + _total(code_work, costs["bytes"])
    return Cost(round(_total(work(plan), costs["instructions"])), round(flash))


def costs_of(core: str) -> dict[str, dict[str, float]]:
    """What each kind of work costs on a core, one of `CORES`, in instructions and in bytes."""
    return _costs()[CORES[core]]


def _total(amounts: Work, costs: dict[str, float]) -> float:
    """The sum of all work. Work of a kind that was never measured costs nothing."""
    return sum(n * costs.get(kind, 0.0) for kind, n in amounts.items())


@cache
def _costs() -> dict[str, dict[str, dict[str, float]]]:
    data: dict[str, dict[str, dict[str, float]]] = json.loads(FILE.read_text())
    return data
