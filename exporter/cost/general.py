"""What general arithmetic takes of a step: the kernels that no known cell needs."""

from __future__ import annotations

from elegans.exporter.codegen.plan import Plan
from elegans.exporter.cost.estimate import costs_of
from elegans.exporter.cost.work import work_by_function
from elegans.exporter.ir.real_network import Network, general_work

_KERNELS = frozenset(
    (
        *("advance", "any_function", "below_greatest", "choose", "extremum", "fraction", "keep"),
        *("normalise", "product", "quotient", "remember", "turn", "within", "wrap"),
        *("wide_advance", "wide_extremum", "wide_keep", "wide_product", "wide_quotient"),
        *("wide_sums", "wide_turn"),
    )
)


def told(network: Network, plan: Plan, core: str = "m4") -> list[str]:
    """A sentence about what of a network is no part of a known cell, with the instructions that it
    takes of a step; none if nothing is."""
    what = general_work(network)
    if not what:
        return []
    costs = costs_of(core)["instructions"]
    own = whole = 0.0
    for work in work_by_function(plan).values():
        for kind, n in work.items():
            instructions = n * costs.get(kind, 0.0)
            whole += instructions
            own += instructions * (kind.split(".")[0] in _KERNELS)
    return [
        f"general: {what}; no known cell has these, and they take about {own:,.0f} of the "
        f"{whole:,.0f} instructions of a step on an {core.upper()}"
    ]
