"""Where the lines and bars of a report's pictures lie, in the units of their SVG's view box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 340.0, 150.0
"""Of the view box of a chart. A telephone shows it at about this size, so its text is readable."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 68.0, 8.0, 10.0, 18.0
SPARK_WIDTH, SPARK_HEIGHT = 160.0, 28.0
_MARGIN = 4.0  # of a sparkline
_MOST_CHARACTERS = 22  # of a label: two of them fit below a chart


@dataclass(frozen=True)
class Bar:
    """A bar that stands on, or hangs from, the line of zero."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """Two lines, the expected and the received one, or bars; all in the units of the view box.

    expected, got  the points of the lines, as SVG has them
    dots           of the received line: where it differs
    bars           received less expected
    at             the x of the first difference
    zero           the y of the value 0; None if it is outside
    high, low      the values at the top and at the bottom
    first, marked, last   the labels below the picture; ``anchor`` says how the marked one lies at
                   `at`, so that it stays inside, and an outer label that it would cover is empty
    """

    title: str
    at: float
    high: int
    low: int
    first: str
    marked: str
    last: str
    anchor: str
    zero: float | None = None
    expected: str = ""
    got: str = ""
    dots: tuple[tuple[float, float], ...] = ()
    bars: tuple[Bar, ...] = ()
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


@dataclass(frozen=True)
class Sparkline:
    """How a figure went from run to run: the points of its line, and the last one."""

    points: str
    x: float
    y: float


def values_chart(title: str, series: Mapping[str, Any]) -> Chart:
    """The expected and the received integers of a `PairedSeries.json`, one line each."""
    expected, got = series["expected"], series["got"]
    scale = _Scale(len(expected), min(*expected, *got), max(*expected, *got))
    pairs = enumerate(zip(expected, got, strict=True))
    return scale.chart(
        title,
        series,
        expected=scale.line(expected),
        got=scale.line(got),
        dots=tuple((scale.x(i), scale.y(received)) for i, (e, received) in pairs if received != e),
    )


def difference_chart(title: str, series: Mapping[str, Any]) -> Chart:
    """The received less the expected integers of a `PairedSeries.json`, as bars."""
    pairs = zip(series["expected"], series["got"], strict=True)
    apart = [received - expected for expected, received in pairs]
    scale = _Scale(len(apart), min(0, *apart), max(0, *apart))
    return scale.chart(
        title, series, bars=tuple(scale.bar(i, value) for i, value in enumerate(apart) if value)
    )


def sparkline(values: Sequence[int]) -> Sparkline:
    """A small line through at least one value; a flat one lies in the middle."""
    low, high = min(values), max(values)
    step = (SPARK_WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1)
    room = SPARK_HEIGHT - 2 * _MARGIN

    def place(index: int, value: int) -> tuple[float, float]:
        part = (value - low) / (high - low) if high > low else 0.5
        return _rounded(_MARGIN + step * index), _rounded(_MARGIN + room * (1 - part))

    points = [place(i, value) for i, value in enumerate(values)]
    return Sparkline(_points(points), *points[-1])


class _Scale:
    """From places and values to the view box: ``count`` places, values from ``low`` to ``high``.

    Equal ends are moved apart by one, so that a flat line lies inside.
    """

    def __init__(self, count: int, low: int, high: int) -> None:
        self.low, self.high = (low, high) if high > low else (low - 1, high + 1)
        self._step = (WIDTH - _LEFT - _RIGHT) / count

    def x(self, index: int) -> float:
        """The middle of a place."""
        return _rounded(_LEFT + self._step * (index + 0.5))

    def y(self, value: int) -> float:
        """The height of a value."""
        part = (value - self.low) / (self.high - self.low)
        return _rounded(HEIGHT - _BOTTOM - part * (HEIGHT - _TOP - _BOTTOM))

    def line(self, values: Sequence[int]) -> str:
        """A line through values, as points of SVG."""
        return _points([(self.x(i), self.y(value)) for i, value in enumerate(values)])

    def bar(self, index: int, value: int) -> Bar:
        """The bar of one value; at least one unit high, so that it is seen."""
        ends = sorted((self.y(0), self.y(value)))
        width = min(self._step * 0.7, 14.0)
        x = _rounded(self.x(index) - width / 2)
        return Bar(x, ends[0], _rounded(width), _rounded(max(ends[1] - ends[0], 1.0)))

    def chart(self, title: str, series: Mapping[str, Any], **drawn: Any) -> Chart:
        """A chart of what is drawn, with its labels and its mark."""
        labels, at = [_shortened(label) for label in series["labels"]], series["at"]
        inside = self.low <= 0 <= self.high
        part = (self.x(at) - _LEFT) / (WIDTH - _LEFT - _RIGHT)
        anchor = "start" if part < 0.35 else "end" if part > 0.65 else "middle"
        wide = anchor != "middle" or all(len(label) < 10 for label in labels)
        return Chart(
            title=title,
            at=self.x(at),
            high=self.high,
            low=self.low,
            first=labels[0] if anchor != "start" and wide else "",
            marked=labels[at],
            last=labels[-1] if anchor != "end" and wide else "",
            anchor=anchor,
            zero=self.y(0) if inside else None,
            **drawn,
        )


def _shortened(label: str) -> str:
    return label if len(label) <= _MOST_CHARACTERS else f"{label[: _MOST_CHARACTERS - 1]}…"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _rounded(value: float) -> float:
    return round(value, 2)
