"""Which trials are not worth their time: too expensive before they begin, or too far behind.

Optuna's pruners compare one value, and a sweep has several: whoever is behind in error may be
ahead in cost. So a training is compared only with trials that cost no more than it does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from elegans.exporter.cost.estimate import Cost

_FIRST = 3
"""No training is judged before so many epochs, or before a third of them."""
_FEWEST = 4
"""Fewer finished trials than this are no majority."""
_BEHIND = 1.25
"""A loss of more than so many times the median of the others is far behind."""


@dataclass(frozen=True)
class Peer:
    """A finished trial: what it costs, and its losses on the validation part after each epoch."""

    cost: Cost
    losses: tuple[float, ...]


@dataclass(frozen=True)
class CostLimit:
    """The most that a step may cost; None for no limit."""

    instructions: int | None = None
    flash: int | None = None

    def excess(self, cost: Cost, core: str) -> str | None:
        """How a cost is beyond the budget, as a sentence; None if it is within."""
        for what in ("instructions", "flash"):
            most, found = getattr(self, what), getattr(cost, what)
            if most is not None and found > most:
                return f"{found:,} {what} on {core}, {most:,} are allowed"
        return None


class HopelessError(Exception):
    """A training is too far behind to reach the front."""


def far_behind(losses: Sequence[float], cost: Cost, peers: Sequence[Peer], epochs: int) -> bool:
    """Whether a training is hopeless after the epochs that `losses` has.

    It is if its lowest loss so far is above 1.25 times the median of what the finished trials had
    at the same epoch that take no more instructions and no more flash: those would be better in
    every objective. Never in the first third of the epochs, and never by fewer than four others.
    """
    done = len(losses)
    if done < max(_FIRST, math.ceil(epochs / 3)):
        return False
    others = [
        min(peer.losses[:done])
        for peer in peers
        if peer.losses
        and peer.cost.instructions <= cost.instructions
        and peer.cost.flash <= cost.flash
    ]
    return len(others) >= _FEWEST and min(losses) > _BEHIND * median(others)
