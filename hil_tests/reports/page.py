"""The report of a run as one page of HTML, which loads nothing and runs no script.

Names of boards, tests and files come from outside: the template escapes every value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elegans.exporter.files import write_file
from elegans.exporter.templates import environment
from elegans.hil_tests.lab.run_suite import BoardRun, Outcome
from elegans.hil_tests.reports.claims import claim, without_board
from elegans.hil_tests.reports.drawing import Chart, difference_chart, values_chart
from elegans.hil_tests.reports.facts import facts
from elegans.hil_tests.reports.trend import Trend

_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SYMBOLS = {"passed": "✓", "failed": "✗", "error": "!", "skipped": "–", "absent": "·"}
_AGAIN = "↻"
_MOST_WRONG = 32  # rows of the table of wrong states and outputs


@dataclass(frozen=True)
class Cell:
    """The outcome of a test on a board. ``kind`` is `Outcome.result`, or absent; ``text`` says it
    in words."""

    kind: str
    symbol: str
    text: str


@dataclass(frozen=True)
class MatrixRow:
    """A test of the matrix: its claim, the file it is in, and its outcome on each board."""

    group: str
    claim: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Reason:
    """Why tests did not pass: the phase, the sentence, and the claims that it concerns."""

    phase: str
    text: str
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """The first difference in its context. ``wrong`` are rows of name, expected and received."""

    text: str
    charts: tuple[Chart, ...]
    wrong: tuple[tuple[str, int, int], ...]
    more: int


@dataclass(frozen=True)
class Section:
    """What the page says of one board."""

    name: str
    kind: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    picture: Picture | None
    reasons: tuple[Reason, ...]
    log: str
    trend: Trend | None


@dataclass(frozen=True)
class Subject:
    """What was tested, and when the run ended."""

    model: str
    digest: str
    when: str
    errors: str = ""


def write_page(
    path: Path,
    subject: Subject,
    runs: Sequence[BoardRun],
    trends: Mapping[str, Trend] | None = None,
) -> None:
    """Write the page. ``trends`` has the earlier runs of a board by its name, if a history is kept.

    Raises `ElegansError` if ``path`` cannot be written.
    """
    sections = [_section(run, (trends or {}).get(run.name)) for run in runs]
    page = (
        environment(Path(__file__).parent, escape=True)
        .get_template("page.html.j2")
        .render(
            subject=subject,
            passed=all(run.passed for run in runs),
            compared=all(run.figures is not None for run in runs),
            boards=[run.name for run in runs],
            counted=[run.counted() for run in runs],
            rows=matrix(runs),
            sections=sections,
        )
    )
    write_file(path, _clean(page).encode())


def matrix(runs: Sequence[BoardRun]) -> list[MatrixRow]:
    """A row for each test, in the order in which they ran, with a cell for each board."""
    outcomes = [{without_board(test.name, run.name): test for test in run.tests} for run in runs]
    names = dict.fromkeys(name for of_board in outcomes for name in of_board)
    rows = []
    for name in names:
        group, _, _ = name.partition("::")
        cells = tuple(_cell(of_board.get(name)) for of_board in outcomes)
        rows.append(MatrixRow(group.removeprefix("test_"), claim(name), cells))
    return rows


def _cell(test: Outcome | None) -> Cell:
    if test is None:
        return Cell("absent", _SYMBOLS["absent"], "did not run")
    if test.result == "passed":
        again = "".join(f"; tried again after {why}" for why in test.retries)
        symbol = f"{_SYMBOLS['passed']}{_AGAIN if again else ''}"
        return Cell("passed", symbol, f"passed in {test.seconds:.1f} s{again}")
    reason = f"{test.phase}: {test.line}" if test.phase else test.line
    text = f"{test.result}: {reason}" if reason else test.result
    return Cell(test.result, _SYMBOLS.get(test.result, "?"), text)


def _section(run: BoardRun, trend: Trend | None) -> Section:
    result = "passed" if run.passed else "failed"
    if not run.passed and not any(test.result == "failed" for test in run.tests):
        result = "error"
    return Section(
        name=run.name,
        kind=result,
        verdict=_verdict(run, result),
        facts=tuple(facts(run.figures or {})),
        picture=None if run.around is None else picture(run.around),
        reasons=tuple(_reasons(run)),
        log=next((test.log for test in run.complaints if test.log), ""),
        trend=trend,
    )


def _verdict(run: BoardRun, result: str) -> str:
    compared = "" if run.figures is None else f"{run.figures['integers']} integers compared, "
    different = "" if run.figures is None else f"{run.figures['mismatches']} different; "
    words = {"passed": "", "failed": "", "error": "the test setup failed: "}
    return f"{words[result]}{compared}{different}{run.counted()}"


def picture(around: Mapping[str, Any]) -> Picture:
    """The pictures of a `Surroundings.json`: the state or output over steps, its error, and the
    errors of all states and outputs of the step."""
    steps, channels = around["over_steps"], around["over_channels"]
    name, vector = around["name"], steps["labels"][steps["at"]]
    charts = (
        values_chart(f"{name}, vector by vector: expected and received", steps),
        difference_chart(f"{name}: received less expected", steps),
        difference_chart(f"all states and outputs of vector {vector}", channels),
    )
    rows = zip(channels["labels"], channels["expected"], channels["got"], strict=True)
    wrong = [(label, expected, got) for label, expected, got in rows if expected != got]
    shown = tuple(wrong[:_MOST_WRONG])
    return Picture(around["text"], charts, shown, around["wrong"] - len(shown))


def _reasons(run: BoardRun) -> list[Reason]:
    """Each reason of a failure, and of a test that was tried again, once, with its tests."""
    found: dict[tuple[str, str], list[str]] = {}
    for test in run.complaints:
        name = claim(without_board(test.name, run.name))
        found.setdefault((test.phase or test.result.upper(), test.line), []).append(name)
    for test in run.tests:
        name = claim(without_board(test.name, run.name))
        for why in test.retries:
            found.setdefault(("tried again", why), []).append(name)
    return [Reason(phase, text, tuple(claims)) for (phase, text), claims in found.items()]


def _clean(text: str) -> str:
    """Replaces the characters that HTML does not allow; a serial log may contain any."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
