"""Counts the steps after which states or outputs are at the end of where they saturate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.ir.fixed_model import WIDE_BITS, Channel
from elegans.exporter.numbers.fixed import Integers

REMEDY = "declare a wider range and export again"
STATE_RANGE, OUTPUT_RANGE = "--state-range", "--output-range"


@dataclass(frozen=True)
class Saturation:
    """A layer whose states nothing but the ends of their range bounds, or an output.

    layer   as `report.txt` names it; of an output, its name
    ends    the least and the greatest value of its states
    steps   after which a state of it is at an end
    of      steps that were looked at
    option  of `elegans export` that declares the range
    """

    layer: str
    ends: tuple[float, float]
    steps: int
    of: int
    option: str = STATE_RANGE

    def __str__(self) -> str:
        lo, hi = self.ends
        return f"{self.layer} at an end of {lo:.4g}:{hi:.4g} in {self.steps:,} of {self.of:,} steps"

    @property
    def remedy(self) -> str:
        """What helps where there are such steps."""
        return f"{REMEDY}: {self.option} {self.layer}=LO:HI"


def at_ends(channels: Sequence[Channel], values: Integers) -> NDArray[np.bool_]:
    """Whether each state or output [..., n] saturates and is at one of its ends.

    Of a state of 32 bits the upper half is: the lower one may then be anything.
    """
    unit = np.array([(1 << 16) if c.bits == WIDE_BITS else 1 for c in channels])
    lo, hi = np.array([c.lo for c in channels]), np.array([c.hi for c in channels])
    flags = np.array([c.saturates for c in channels], np.bool_)
    wide = np.asarray(values, np.int64)
    result: NDArray[np.bool_] = flags & ((wide - lo < unit) | (hi - wide < unit))
    return result


def saturations(
    channels: Sequence[Channel], values: Integers, option: str = STATE_RANGE
) -> tuple[Saturation, ...]:
    """A row for each layer of states that can saturate, or for each such output.

    values  [..., n] the states after the steps, or the outputs
    option  `OUTPUT_RANGE` for outputs
    """
    found = at_ends(channels, values).reshape(-1, len(channels))
    layers: dict[str, list[int]] = {}
    for i, channel in enumerate(channels):
        if channel.saturates:
            layers.setdefault(channel.name.split("[")[0], []).append(i)
    return tuple(
        Saturation(
            layer,
            (min(channels[i].range[0] for i in own), max(channels[i].range[1] for i in own)),
            int(found[:, own].any(axis=1).sum()),
            len(found),
            option,
        )
        for layer, own in layers.items()
    )
