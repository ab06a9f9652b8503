"""Raw counts of a sensor as an input: `uint12:985:1041`, as it is written in files and options."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from elegans.exporter.errors import ElegansError
from elegans.exporter.numbers.fixed import LARGEST_REAL

_KIND = re.compile(r"(u?)int([1-9][0-9]?)")
_FINEST_STEP = 2.0**-40  # of the greatest magnitude: so that float64 tells neighbours apart
_REMEDY = "give TYPE or TYPE:LO:HI, as uint12:985:1041, with a TYPE of int2..int16, uint1..uint15"


@dataclass(frozen=True)
class RawFormat:
    """Counts that stand for real values, linearly.

    kind   the type of the counts: uint1..uint15, int2..int16
    range  (lo, hi): for uintN the values of the counts 0 and 2^N - 1. For intN, lo is the value
           of the least count and the middle is that of 0, as data sheets have it: with
           int16:-2:2 the count 16384 is 1.0. None stands for the declared range of the input.

    Raises ElegansError for another type, and for ends that are not finite, not in ascending order
    or too close together.
    """

    kind: str
    range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        place = f"input format {str(self)!r:.60}"
        found = _KIND.fullmatch(self.kind)
        if self.kind == "uint16":
            fact = "does not fit int16_t, which the C takes"
            remedy = "declare int16:LO:HI and pass (int16_t)(count - 32768)"
            raise ElegansError(place, fact, remedy)
        if not found or not 2 <= int(found[2]) + bool(found[1]) <= 16:
            raise ElegansError(place, "has no type of counts that int16_t holds", _REMEDY)
        if self.range is None:
            return
        lo, hi = self.range
        reach = max(abs(lo), abs(hi))
        if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi and reach <= LARGEST_REAL):
            raise ElegansError(place, "has a range that is empty or not finite", _REMEDY)
        if self.scale < _FINEST_STEP * reach:
            raise ElegansError(place, "has steps too small beside its ends", "take another unit")

    def __str__(self) -> str:
        return self.kind if self.range is None else f"{self.kind}:{self.range[0]}:{self.range[1]}"

    @property
    def counts(self) -> tuple[int, int]:
        """The least and the greatest count."""
        bits = int(self.kind.removeprefix("u").removeprefix("int"))
        most = 1 << bits if self.kind.startswith("u") else 1 << (bits - 1)
        return (0 if self.kind.startswith("u") else -most), most - 1

    @property
    def scale(self) -> float:
        """What one count is, in the unit of the input."""
        lo, hi = self._ends
        least, greatest = self.counts
        return (hi - lo) / (greatest if least == 0 else -2 * least)

    @property
    def offset(self) -> float:
        """The real value of the count 0."""
        lo, hi = self._ends
        return lo if self.counts[0] == 0 else 0.5 * (lo + hi)

    @property
    def _ends(self) -> tuple[float, float]:
        if self.range is None:
            raise ValueError(f"{self.kind} has no range yet")
        return self.range


def raw_format(text: str) -> RawFormat:
    """`TYPE` or `TYPE:LO:HI` as a format. Raises ElegansError for anything else."""
    kind, *ends = text.split(":")
    try:
        lo, hi = (float(end) for end in ends) if ends else (0.0, 0.0)
    except ValueError:
        raise ElegansError(f"input format {text!r:.60}", "is not valid", _REMEDY) from None
    return RawFormat(kind, (lo, hi) if ends else None)


def named_format(text: str) -> tuple[str | None, RawFormat]:
    """`[NAME=]TYPE[:LO:HI]` as (the input's name or None, its format). Raises ElegansError."""
    name, given, rest = text.rpartition("=")
    return (name if given else None), raw_format(rest)
