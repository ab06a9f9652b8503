"""Augmentation: recordings as they could have been with more noise, lost samples, another clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from elegans.exporter.data.recordings.missing import Values
from elegans.exporter.errors import WrongUseError

_RARE = 1e-3
"""Runs of lost samples that are less likely than this are not expected on the device."""


@dataclass(frozen=True)
class Augmentation:
    """How much of each; 0 changes nothing.

    noise    of each value: standard deviations of its channel (0 to 10)
    dropout  the share of samples that are lost, so that the next step is longer (0 to 0.9)
    jitter   of each time stamp: the share of the step beside it by which it may move (0 to 0.9)
    dt       of the clock of a whole stretch: the share by which it may be wrong (0 to 0.9)
    """

    noise: float = 0.0
    dropout: float = 0.0
    jitter: float = 0.0
    dt: float = 0.0

    @property
    def lost_in_a_row(self) -> int:
        """The longest run of lost samples that is to be expected."""
        return math.ceil(math.log(_RARE) / math.log(self.dropout)) if self.dropout else 0


def parse_augmentation(text: str, option: str = "--augment") -> Augmentation:
    """`noise=0.1,dropout=0.2` -> an `Augmentation`. Raises `WrongUseError` that names `option`."""
    most = {field.name: 10.0 if field.name == "noise" else 0.9 for field in fields(Augmentation)}
    found: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = item.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if name not in most or not 0 <= value <= most[name]:
            limits = ", ".join(f"{n} (0 to {m:g})" for n, m in most.items())
            raise WrongUseError(option, f"{item!r:.40} is not one of {limits}", "correct it")
        found[name] = value
    return Augmentation(**found)


def augmented(
    t: Values, x: Values, spread: Values, how: Augmentation, random: np.random.Generator
) -> tuple[Values, Values]:
    """t [T] and x [T, I] with noise of `spread` [I], jittered stamps and another clock.

    Lost samples are left out by whoever chooses the rows (`windows`).
    """
    if how.noise:
        x = x + how.noise * spread * random.standard_normal(x.shape)
    if how.jitter and len(t) > 2:
        steps = np.diff(t)
        room = np.minimum(np.append(steps, steps[-1]), np.insert(steps, 0, steps[0]))
        t = t + how.jitter * room * (random.random(len(t)) - 0.5)
    if how.dt:
        t = t * (1.0 + how.dt * (2.0 * random.random() - 1.0))
    return t, x
