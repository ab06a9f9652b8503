"""The figures that are followed from run to run, and what changed between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

_DIGITS = 12  # of a digest, when it is printed
_MOST_CHARACTERS = 400  # of a text
_WORDS = {"passed": "passed", "failed": "failed", "errors": "in error", "skipped": "skipped"}


class FigureKind(Enum):
    """The type of a figure in JSON.

    DIGEST is a text of which the first digits are printed, RANGE an object with min and max.
    """

    COUNT = "count"
    TEXT = "text"
    DIGEST = "digest"
    RANGE = "range"


@dataclass(frozen=True)
class Figure:
    """One figure of a run.

    key      in the JSON of `elegans hil --json`
    of_line  whether it depends on the serial line, which is not the product
    absent   what is printed for a value of None
    slack    the fraction by which it may differ and still count as equal; clock ticks of a
             real board have one, and the stack that its interrupts use: no two runs take the same
    """

    key: str
    label: str
    kind: FigureKind
    unit: str = ""
    of_line: bool = False
    absent: str = "not known"
    slack: float = 0.0

    def text(self, value: Any) -> str:
        """A value as it is printed, without the unit."""
        if value is None:
            return self.absent
        if self.kind is FigureKind.RANGE:
            low, high = value["min"], value["max"]
            return str(low) if low == high else f"{low} to {high}"
        return str(value)[:_DIGITS] if self.kind is FigureKind.DIGEST else str(value)

    def equal(self, one: Any, other: Any) -> bool:
        """Whether two values count as equal."""
        if self.slack and one is not None and other is not None:
            pairs = [(one, other)]
            if self.kind is FigureKind.RANGE:
                pairs = [(one[end], other[end]) for end in ("min", "max")]
            return all(abs(a - b) <= self.slack * abs(a) for a, b in pairs)
        return bool(one == other)

    def valid(self, value: object) -> bool:
        """Whether a value that was read from a file is of the figure's type."""
        if self.kind is FigureKind.COUNT:
            return _is_count(value)
        if self.kind is FigureKind.RANGE:
            return isinstance(value, dict) and all(_is_count(value.get(e)) for e in ("min", "max"))
        return isinstance(value, str)


FIGURES = (
    Figure("outcome", "outcome", FigureKind.TEXT),
    Figure("tests", "tests", FigureKind.TEXT),
    Figure("mismatches", "different integers", FigureKind.COUNT),
    Figure("first_difference", "first difference", FigureKind.TEXT, absent="none"),
    Figure("integers", "integers compared", FigureKind.COUNT),
    Figure("model_digest", "model", FigureKind.DIGEST),
    Figure("firmware_digest", "firmware", FigureKind.DIGEST),
    Figure("board", "board", FigureKind.TEXT),
    Figure("emulator", "emulator", FigureKind.TEXT),
    Figure("compiler", "compiler", FigureKind.TEXT),
    Figure("instructions_per_step", "instructions a step", FigureKind.RANGE),
    Figure("ticks_per_step", "ticks a step", FigureKind.RANGE, slack=0.02),
    Figure("flash_bytes", "flash", FigureKind.COUNT, "bytes"),
    Figure("ram_bytes", "RAM", FigureKind.COUNT, "bytes"),
    Figure("stack_bytes", "stack of a step", FigureKind.COUNT, "bytes"),
    Figure("stack_used", "stack used since the start", FigureKind.COUNT, "bytes", slack=0.1),
    Figure("stack_reserved", "stack of the board", FigureKind.COUNT, "bytes"),
    Figure("baud", "line, baud", FigureKind.COUNT, of_line=True),
    Figure("resent", "line, frames sent again", FigureKind.COUNT, of_line=True),
    Figure("damaged_frames", "line, frames damaged", FigureKind.COUNT, of_line=True),
)
"""In the order in which changes are printed. Speeds, round trips and ports differ from run to run
without any reason in the product, so they are not here."""


@dataclass(frozen=True)
class Change:
    """One figure, or anything else with a name, that has another value than before.

    Where ``before`` is empty, ``now`` says all.
    """

    label: str
    before: str
    now: str
    unit: str = ""
    of_line: bool = False

    def __str__(self) -> str:
        if not self.before:
            return f"{self.label}: {self.now}"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.label}: {self.before} -> {self.now}{unit}{self._step()}"

    def json(self) -> dict[str, str]:
        """The change as plain data."""
        return {"what": self.label, "before": self.before, "now": self.now}

    def _step(self) -> str:
        """By how much a single number has changed."""
        if self.before.isdecimal() and self.now.isdecimal():
            return f" ({int(self.now) - int(self.before):+d})"
        return ""


def figures_of(report: Mapping[str, object]) -> dict[str, Any]:
    """The figures of one board's report, as `BoardRun.json` writes it.

    A key that the report does not have is left out; a figure that it does not know is None.
    Raises `ValueError` for a value of a wrong type, which names its key.
    """
    found: dict[str, Any] = {}
    for figure in FIGURES:
        value = report.get(figure.key)
        if figure.key == "tests":
            value = _counted(value)
        elif figure.key == "outcome":
            value = _outcome(report)
        elif figure.key not in report:
            continue
        if value is not None and not figure.valid(value):
            raise ValueError(f"{figure.key} is {value!r:.40}")
        found[figure.key] = _plain(value) if isinstance(value, str) else value
    return found


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """What changed, of the figures that both have.

    Ticks count where no instructions are known. A virtual board has no line: what is sent again
    there only shows how busy the host was.
    """
    found = []
    for figure in FIGURES:
        if not (figure.key in before and figure.key in now):
            continue
        if figure.of_line and now.get("emulator") is not None:
            continue
        if figure.key == "ticks_per_step" and now.get("instructions_per_step") is not None:
            continue
        one, other = before[figure.key], now[figure.key]
        if not figure.equal(one, other):
            texts = figure.text(one), figure.text(other)
            found.append(Change(figure.label, *texts, figure.unit, figure.of_line))
    return found


def _plain(text: str) -> str:
    """A text in one line that no terminal takes for a command: names come from files."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[
        :_MOST_CHARACTERS
    ]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _counted(tests: object) -> object:
    """The number of tests for each result in words, as `BoardRun.counted` has it. A text is
    returned as it is: it was counted already."""
    if not isinstance(tests, dict):
        return tests
    counts = [(tests.get(key, 0), word) for key, word in _WORDS.items()]
    if not all(_is_count(count) for count, _ in counts):
        return tests
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "none"


def _outcome(report: Mapping[str, object]) -> object:
    """``passed``, or the phases in which tests ended: ``MISMATCH``, ``SYNC``."""
    complaints = report.get("complaints")
    if complaints is None:
        return report.get("outcome")
    if not isinstance(complaints, list) or not all(isinstance(c, dict) for c in complaints):
        return complaints
    reasons = {str(c.get("phase") or str(c.get("result")).upper()) for c in complaints}
    tests = report.get("tests")
    ran = isinstance(tests, dict) and tests.get("passed")
    return ", ".join(sorted(reasons)) or ("passed" if ran else "nothing ran")
