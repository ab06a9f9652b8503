"""Rows of one synapse each, side by side, for cores that compute four of them at a time.

`EL_FOUR_ROWS` and `EL_FOUR_SHIFTED` of `cores/armv81m_mve/lanes.h` have the bits of the lines that
they stand for. Other cores compute line by line, with weights as constants in the code.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from elegans.exporter.numbers.fixed import INT32_MAX

_ROWS = 4


@dataclass(frozen=True)
class SingleSynapse:
    """A row y = sat16((bias + weight x[at]) >> shift).

    x      the name of the vector that it reads
    reach  of the sum, at most 2^31 - 1
    """

    x: str
    at: int
    bias: int
    weight: int
    shift: int
    reach: int

    def shifted_by(self, shift: int) -> SingleSynapse:
        """The same row with the bias and the weight scaled for another shift, if the sum fits."""
        factor = 1 << (shift - self.shift)
        if self.reach * factor > INT32_MAX:
            return self
        scaled = self.bias * factor, self.weight * factor
        return SingleSynapse(self.x, self.at, *scaled, shift, self.reach * factor)

    def next_to(self, other: SingleSynapse | None) -> bool:
        """Whether the other row reads the element before this row's."""
        return other is not None and (other.x, other.at + 1) == (self.x, self.at)


def in_fours(lines: Sequence[list[str]], rows: Sequence[SingleSynapse | None]) -> list[str]:
    """The lines of all rows, with a choice for the core where four rows or more are side by side.

    lines  of each row
    rows   None for those that are no single synapse
    """
    found: list[str] = []
    first = 0
    while first < len(rows):
        end = first + 1
        while end < len(rows) and (row := rows[end]) is not None and row.next_to(rows[end - 1]):
            end += 1
        run = [row for row in rows[first:end] if row is not None]
        written = [line for own in lines[first:end] for line in own]
        if len(run) >= _ROWS:
            # The last four may begin among those before: no element of y is one of x.
            starts = [*range(0, len(run) - _ROWS, _ROWS), len(run) - _ROWS]
            fours = [line for i in starts for line in _four(first + i, run[i : i + _ROWS])]
            written = ["#ifdef EL_FOUR_ROWS", *fours, "#else", *written, "#endif"]
        found += written
        first = end
    return found


def _four(y: int, rows: Sequence[SingleSynapse]) -> list[str]:
    most = max(row.shift for row in rows)
    rows = [row.shifted_by(most) for row in rows]
    shifts = [row.shift for row in rows]
    alike = most > 0 and min(shifts) == most
    macro, by = ("EL_FOUR_ROWS", [most]) if alike else ("EL_FOUR_SHIFTED", shifts)
    numbers = [f"{row.bias},~{row.weight}" for row in rows]
    arguments = [f"&y[{y}]", f"&{rows[0].x}[{rows[0].at}]", *map(str, by), *numbers]
    text = textwrap.wrap(f"{macro}({', '.join(arguments)});", 92, subsequent_indent="    ")
    return [line.replace("~", " ") for line in text]
