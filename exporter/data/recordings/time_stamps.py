"""Time stamps as seconds that rise: units, dates, and what is wrong with them, told."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError

Seconds = npt.NDArray[np.float64]

UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
GAP_STEPS = 20.0
"""A step of more than so many typical ones is a gap, where nobody says how long one is."""


def seconds_of(column: npt.NDArray[Any], name: str, unit: str, notes: list[str]) -> Seconds:
    """A column of time stamps, numbers in `unit` or ISO 8601 dates, as seconds; NaN if missing.

    Dates without a time zone are taken as UTC. Raises ElegansError for an unknown unit, or text
    that is no date.
    """
    if column.dtype.kind == "U":
        return _dates(column, name)
    if unit and unit not in UNITS:
        known = ", ".join(UNITS)
        raise ElegansError(f"time {name}", f"its unit is {unit!r}", f"give one of {known}")
    if not unit:
        notes.append(
            f"time {name}: it has no unit and is taken as seconds; if it is not, name it "
            f"'{name} [ms]'"
        )
    return column.astype(np.float64) * UNITS.get(unit, 1.0)


def _dates(column: npt.NDArray[Any], name: str) -> Seconds:
    found = np.full(len(column), np.nan)
    for row, text in enumerate(column.tolist()):
        if not text:
            continue
        try:
            # Python 3.11 and later read every form of ISO 8601; nanoseconds are cut.
            date = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        except ValueError:
            raise ElegansError(
                f"time {name}, row {row + 1}",
                f"{text!r:.40} is neither a number nor a date",
                "give numbers, or dates as 2026-01-31 13:45:00.250",
            ) from None
        found[row] = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return found


class StampCounts:
    """What was wrong with the time stamps of all recordings, for one note each."""

    def __init__(self) -> None:
        self.missing = self.unsorted = self.repeated = self.gaps = 0
        self.longest = self.limit = 0.0

    def tell(self, name: str, notes: list[str]) -> None:
        """Append one note for each kind of fault that was found."""
        if self.missing:
            notes.append(
                f"time {name}: {self.missing} rows have no time stamp and are left out; give them "
                "one, or remove them"
            )
        if self.unsorted:
            notes.append(
                f"time {name}: {self.unsorted} rows come later than they should and are sorted in; "
                "if they belong to other recordings, tell these apart with --group"
            )
        if self.repeated:
            notes.append(
                f"time {name}: {self.repeated} rows repeat a time stamp and are merged, the last "
                "value of each column stays; if they belong to other recordings, give --group"
            )
        if self.gaps:
            notes.append(
                f"time {name}: {self.gaps} gaps of more than {self.limit:.4g} s, the longest "
                f"{self.longest:.4g} s; recordings are cut there and the network starts anew; "
                "--gap SECONDS moves the limit"
            )


def in_order(t: Seconds, counts: StampCounts) -> npt.NDArray[np.intp]:
    """The rows with a time stamp, in ascending order of time; equal ones keep their order."""
    rows = np.flatnonzero(np.isfinite(t))
    counts.missing += len(t) - len(rows)
    if len(rows) and (np.diff(t[rows]) < 0).any():
        before = np.maximum.accumulate(t[rows])
        counts.unsorted += int((t[rows] < before).sum())
        rows = rows[np.argsort(t[rows], kind="stable")]
    return rows


def gap_limit(steps: Seconds) -> float:
    """The length in s above which a step is a gap: `GAP_STEPS` medians, if so few are longer.

    Where more than three steps, and more than one in a hundred, are that long, irregular
    sampling is meant, and the limit is `GAP_STEPS` times the 99th percentile.
    """
    limit = GAP_STEPS * float(np.median(steps))
    long = int((steps > limit).sum())
    return (
        limit if long <= max(3, len(steps) // 100) else GAP_STEPS * float(np.quantile(steps, 0.99))
    )


def pieces(t: Seconds, limit: float, counts: StampCounts) -> list[slice]:
    """The stretches of ascending time stamps without a step of more than `limit` seconds."""
    steps = np.diff(t)
    cuts = np.flatnonzero(steps > limit) + 1
    if len(cuts):
        counts.gaps += len(cuts)
        counts.longest = max(counts.longest, float(steps.max()))
        counts.limit = limit
    ends = [0, *cuts.tolist(), len(t)]
    return [slice(a, b) for a, b in pairwise(ends)]
