"""How the figures of one model on one board went from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from elegans.hil_tests.reports.drawing import Sparkline, sparkline
from elegans.hil_tests.reports.figures import FIGURES, Figure, FigureKind
from elegans.hil_tests.reports.history import Record

_DRAWN = (
    *("mismatches", "instructions_per_step", "ticks_per_step"),
    *("flash_bytes", "ram_bytes", "stack_bytes", "resent", "damaged_frames"),
)
_COLUMNS = (
    *("outcome", "mismatches", "instructions_per_step", "flash_bytes", "ram_bytes", "resent"),
    *("compiler", "firmware_digest"),
)
_MOST_RUNS = 50  # of a line
_MOST_ROWS = 10  # of the table


@dataclass(frozen=True)
class TrendLine:
    """One figure over the runs: its line, its least, its greatest and its last value."""

    label: str
    line: Sparkline
    low: str
    high: str
    last: str


@dataclass(frozen=True)
class Trend:
    """The last runs: lines of figures, and a table with the newest run first."""

    lines: tuple[TrendLine, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    changes: tuple[str, ...]
    runs: int


def trend(records: Sequence[Record], changed: Sequence[str]) -> Trend:
    """The trend of at least one run, the oldest first. ``changed`` are the sentences of the last
    one."""
    by_key = {figure.key: figure for figure in FIGURES}
    recent = records[-_MOST_RUNS:]
    lines = [_line(by_key[key], recent) for key in _DRAWN]
    columns = [by_key[key] for key in _COLUMNS]
    rows = [(record.when, *(_text(figure, record) for figure in columns)) for record in recent]
    return Trend(
        lines=tuple(line for line in lines if line is not None),
        columns=("run", *(figure.label for figure in columns)),
        rows=tuple(rows[: -_MOST_ROWS - 1 : -1]),
        changes=tuple(changed),
        runs=len(records),
    )


def _line(figure: Figure, records: Sequence[Record]) -> TrendLine | None:
    """The line of one figure, of a range its greatest value; None if no run knows it."""
    values = [record.figures[figure.key] for record in records if figure.key in record.figures]
    if not values:
        return None
    numbers = [v["max"] if figure.kind is FigureKind.RANGE else v for v in values]
    unit = f", {figure.unit}" if figure.unit else ""
    ends = str(min(numbers)), str(max(numbers))
    return TrendLine(f"{figure.label}{unit}", sparkline(numbers), *ends, str(numbers[-1]))


def _text(figure: Figure, record: Record) -> str:
    value = record.figures.get(figure.key)
    return "" if value is None else figure.text(value)
