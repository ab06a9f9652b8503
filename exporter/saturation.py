"""Counts the steps after which states are at the end of the range in which they saturate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.ir.fixed_model import WIDE_BITS, Channel
from elegans.exporter.numbers.fixed import Integers

REMEDY = "declare a wider range and export again"


@dataclass(frozen=True)
class Saturation:
    """A layer whose states nothing but the ends of their range bounds.

    layer  as `report.txt` names it
    ends   the least and the greatest value of its states
    steps  after which a state of it is at an end
    of     steps that were looked at
    """

    layer: str
    ends: tuple[float, float]
    steps: int
    of: int

    def __str__(self) -> str:
        lo, hi = self.ends
        return f"{self.layer} at an end of {lo:.4g}:{hi:.4g} in {self.steps:,} of {self.of:,} steps"

    @property
    def remedy(self) -> str:
        """What helps where there are such steps."""
        return f"{REMEDY}: --state-range {self.layer}=LO:HI"


def at_ends(states: Sequence[Channel], h: Integers) -> NDArray[np.bool_]:
    """Whether each state [..., H] saturates and is at one of its ends.

    Of a state of 32 bits the upper half is: the lower one may then be anything.
    """
    unit = np.array([(1 << 16) if c.bits == WIDE_BITS else 1 for c in states])
    lo, hi = np.array([c.lo for c in states]), np.array([c.hi for c in states])
    flags = np.array([c.saturates for c in states], np.bool_)
    wide = np.asarray(h, np.int64)
    result: NDArray[np.bool_] = flags & ((wide - lo < unit) | (hi - wide < unit))
    return result


def saturations(states: Sequence[Channel], h: Integers) -> tuple[Saturation, ...]:
    """A row for each layer that can saturate; h [..., H] are the states after the steps."""
    found = at_ends(states, h).reshape(-1, len(states))
    layers: dict[str, list[int]] = {}
    for i, channel in enumerate(states):
        if channel.saturates:
            layers.setdefault(channel.name.split("[")[0], []).append(i)
    return tuple(
        Saturation(
            layer,
            (min(states[i].range[0] for i in own), max(states[i].range[1] for i in own)),
            int(found[:, own].any(axis=1).sum()),
            len(found),
        )
        for layer, own in layers.items()
    )
