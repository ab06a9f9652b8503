"""The page of a run: what it shows, that it is one file, and that no name can leave its place."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from elegans.exporter.errors import ElegansError
from elegans.hil_tests.lab.run_suite import BoardRun, Outcome
from elegans.hil_tests.reports.claims import claim
from elegans.hil_tests.reports.facts import facts
from elegans.hil_tests.reports.figures import FIGURES
from elegans.hil_tests.reports.history import Record
from elegans.hil_tests.reports.page import Subject, matrix, picture, write_page
from elegans.hil_tests.reports.trend import Trend, trend

SUBJECT = Subject("worm", "5e" * 32, "2026-11-26 02:10 UTC")
AROUND = {
    "name": "state ring[2]",
    "text": "vector 250 (recorded), step 114, state ring[2]: expected 7, got 6",
    "over_steps": {
        "labels": ["249", "250", "251"],
        "expected": [5, 7, 9],
        "got": [5, 6, 9],
        "at": 1,
    },
    "over_channels": {
        "labels": ["state ring[1]", "state ring[2]", "output left"],
        "expected": [1, 7, 3],
        "got": [1, 6, -3],
        "at": 1,
    },
    "channels": 900,
    "wrong": 40,
}


def run_of(name: str, *tests: Outcome) -> BoardRun:
    run = BoardRun(name, len(tests), tests=list(tests))
    run.figures = {
        "board": "mps2-an386",
        "port": "/dev/pts/1",
        "integers": 2352,
        "mismatches": 0,
        "instructions_per_step": {"min": 1719, "max": 1730},
        "flash_bytes": 5100,
        "resent": 3,
        "round_trip_ms": 0.42,
    }
    return run


def page_of(tmp_path: Path, *runs: BoardRun, trends: dict[str, Trend] | None = None) -> str:
    write_page(tmp_path / "report.html", SUBJECT, runs, trends)
    return (tmp_path / "report.html").read_text()


class Elements(HTMLParser):
    """All elements of a page with their attributes, and those that were not closed in order."""

    open_ended = frozenset({"meta", "br", "html", "line", "circle", "rect", "polyline"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.unbalanced: list[str] = []
        self._stack: list[str] = []
        self.feed(page)
        self.unbalanced += self._stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.open_ended:
            self._stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open_ended:
            return
        if not self._stack or self._stack.pop() != tag:
            self.unbalanced.append(tag)


GOOD = Outcome("test_bits::test_all_are_equal", "passed", seconds=1.5)
WRONG = Outcome("test_bits::test_all_are_equal", "failed", "MISMATCH", "1 differs", "boot\x00\x1b")
GONE = Outcome("test_line::test_x[\\x00]", "error", "SYNC", "there is no such port")


def test_the_matrix_has_a_row_for_each_test_and_a_cell_for_each_board() -> None:
    rows = matrix([run_of("one", GOOD), run_of("two", WRONG, GONE)])
    assert [(row.group, row.claim) for row in rows] == [
        ("bits", "all are equal"),
        ("line", "x [\\x00]"),
    ]
    assert [[cell.kind for cell in row.cells] for row in rows] == [
        ["passed", "failed"],
        ["absent", "error"],
    ]
    assert [[cell.symbol for cell in row.cells] for row in rows] == [["✓", "✗"], ["·", "!"]]
    assert rows[1].cells[1].text == "error: SYNC: there is no such port"


def test_a_test_that_passed_when_it_was_tried_again_says_why(tmp_path: Path) -> None:
    again = replace(GOOD, retries=("TIMEOUT: <no> answer",))
    (row,) = matrix([run_of("one", again)])
    assert row.cells[0].symbol == "✓↻"
    assert "tried again after TIMEOUT: <no> answer" in row.cells[0].text
    assert "TIMEOUT: &lt;no&gt; answer" in page_of(tmp_path, run_of("one", again))


def test_a_test_has_one_row_though_its_id_names_the_board() -> None:
    runs = [
        run_of(
            board,
            Outcome(f"t::test_x[{board}]", "passed"),
            Outcome(f"t::test_y[{board}-0]", "failed"),
        )
        for board in ("bench-1", "bench-1-2")
    ]
    rows = matrix(runs)
    assert [row.claim for row in rows] == ["x", "y [0]"]
    assert [[cell.kind for cell in row.cells] for row in rows] == [["passed"] * 2, ["failed"] * 2]


def test_the_name_of_a_test_is_its_claim() -> None:
    name = "test_line::test_a_count_unlike_the_payload_is_refused[255]"
    assert claim(name) == "a count unlike the payload is refused [255]"
    assert claim("pytest") == "pytest"


def test_a_page_has_the_figures_of_every_board(tmp_path: Path) -> None:
    page = page_of(tmp_path, run_of("bench-1", GOOD), run_of("bench-2", GOOD))
    for text in ("bench-1", "bench-2", "1719 to 1730", "5100 bytes", "0.42 ms", "5e5e5e"):
        assert text in page
    assert "Passed: every integer" in page
    assert "Not every test passed" not in page


def test_a_page_is_well_formed_and_loads_nothing(tmp_path: Path) -> None:
    run = run_of("bench-1", WRONG, GONE)
    run.around = AROUND
    page = page_of(tmp_path, run, trends={"bench-1": the_trend()})
    elements = Elements(page)
    assert not elements.unbalanced
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in elements.found}
    links = [a.get("href") for tag, a in elements.found if tag == "a"]
    assert links == ["#board-1"]
    assert not re.search(r"https?:|url\(|@import|src=", page)
    assert "default-src 'none'" in page


def test_no_width_is_wider_than_a_telephone(tmp_path: Path) -> None:
    run = run_of("bench-1", WRONG)
    run.around = AROUND
    page = page_of(tmp_path, run, trends={"bench-1": the_trend()})
    style = page[page.index("<style>") : page.index("</style>")]
    rigid = re.findall(r"(?<!max-)width: *([\d.]+)(px|rem)", style)
    assert all(float(n) * (16 if unit == "rem" else 1) <= 320 for n, unit in rigid)
    assert 'content="width=device-width, initial-scale=1"' in page
    assert not [
        a for tag, a in Elements(page).found if tag in ("table", "td", "svg") and "width" in a
    ]
    tables = re.findall(r"(.{0,90})<table", page.replace("\n", ""))
    assert tables
    assert all('class="box"' in before for before in tables)
    assert "prefers-color-scheme: dark" in style


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "&amp;'"])
def test_names_from_outside_are_escaped(tmp_path: Path, text: str) -> None:
    bad = Outcome(f"test_bits::{text}", "failed", "MISMATCH", text, text)
    run = run_of(text, bad)
    assert run.figures is not None
    run.figures["compiler"] = run.figures["port"] = text
    run.around = AROUND | {"name": text, "text": text}
    record = Record("2026-11-25T10:00:00Z", text, text, {"outcome": text, "flash_bytes": 1})
    plain = page_of(tmp_path, run_of("x", WRONG))
    page = page_of(tmp_path, run, trends={text: trend([record], [text])})
    assert text not in page
    allowed = {tag for tag, _ in Elements(plain).found}
    allowed |= {"svg", "polyline", "line", "circle", "rect", "text", "figure", "figcaption", "br"}
    assert {tag for tag, _ in Elements(page).found} <= allowed | {"h3", "tbody"}
    assert not [a for _, attributes in Elements(page).found for a in attributes if a[:2] == "on"]


def test_characters_that_html_does_not_allow_are_replaced(tmp_path: Path) -> None:
    page = page_of(tmp_path, run_of("bench-1", WRONG))
    assert "boot\ufffd\ufffd" in page


def test_the_first_difference_is_drawn_inside_its_view_box(tmp_path: Path) -> None:
    run = run_of("bench-1", WRONG)
    run.around = AROUND
    page = page_of(tmp_path, run)
    charts = [a for tag, a in Elements(page).found if tag == "svg"]
    assert [a["viewbox"] for a in charts] == ["0 0 340 150"] * 3
    for points in re.findall(r'points="([^"]*)"', page):
        for x, y in (pair.split(",") for pair in points.split()):
            assert 0 <= float(x) <= 340
            assert 0 <= float(y) <= 150
    assert "state ring[2]: expected 7, got 6" in page


def test_the_pictures_show_what_was_expected_and_received() -> None:
    shown = picture(AROUND)
    values, differences, channels = shown.charts
    assert (values.marked, values.low, values.high) == ("250", 5, 9)
    assert len(values.dots) == len(differences.bars) == 1
    assert len(channels.bars) == 2
    assert values.expected != values.got
    assert (differences.low, differences.high) == (-1, 0)
    assert shown.wrong == (("state ring[2]", 7, 6), ("output left", 3, -3))
    assert shown.more == 38


def test_a_flat_line_of_one_vector_can_be_drawn() -> None:
    one = {"labels": ["0"], "expected": [4], "got": [4], "at": 0}
    shown = picture(AROUND | {"over_steps": one})
    assert (shown.charts[0].low, shown.charts[0].high) == (3, 5)
    assert not shown.charts[1].bars


def the_trend() -> Trend:
    records = [
        Record(f"2026-11-2{day}T10:00:00Z", "bench-1", "worm", {"flash_bytes": size})
        for day, size in enumerate((5000, 5100, 5446))
    ]
    return trend(records, ["changed since 2026-11-21 10:00 UTC:", "  flash: 5100 -> 5446"])


def test_the_trend_has_a_line_for_each_figure_that_is_known(tmp_path: Path) -> None:
    shown = the_trend()
    (line,) = shown.lines
    assert (line.label, line.low, line.high, line.last) == ("flash, bytes", "5000", "5446", "5446")
    assert [row[0] for row in shown.rows] == [f"2026-11-2{day} 10:00 UTC" for day in (2, 1, 0)]
    page = page_of(tmp_path, run_of("bench-1", GOOD), trends={"bench-1": shown})
    assert "3 runs on record" in page
    assert "flash: 5100 -&gt; 5446" in page


def test_a_page_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ElegansError, match="taken"):
        write_page(tmp_path / "taken", SUBJECT, [run_of("x", GOOD)])


def test_a_run_that_reached_no_board_has_a_page(tmp_path: Path) -> None:
    page = page_of(tmp_path, BoardRun("gone", 1, tests=[GONE]))
    assert re.search("the test setup failed: 1 tests?: 1 in error", page)
    assert "there is no such port" in page


def test_the_page_and_the_history_have_the_stack_that_was_used() -> None:
    figures = {"stack_bytes": 128, "stack_used": 296, "stack_reserved": 4096}
    assert facts(figures)[-2:] == [
        ("stack of a step", "128 bytes"),
        ("stack used since the start", "296 of 4096 bytes"),
    ]
    assert "stack used since the start" not in dict(facts(figures | {"stack_used": None}))
    used = next(figure for figure in FIGURES if figure.key == "stack_used")
    assert used.equal(296, 300)
    assert not used.equal(296, 400)
