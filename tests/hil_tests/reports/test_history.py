"""The history of runs: what is appended, what is read of a damaged file, what has changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from elegans.exporter.errors import ElegansError
from elegans.hil_tests.reports import history
from elegans.hil_tests.reports.history import Record, append, read_history, since

FIGURES: dict[str, Any] = {
    "outcome": "passed",
    "mismatches": 0,
    "model_digest": "5e" * 32,
    "instructions_per_step": {"min": 1719, "max": 1719},
    "flash_bytes": 5100,
    "resent": 0,
}


def record(time: str = "2026-11-25T10:00:00Z", name: str = "bench-1", **figures: Any) -> Record:
    return Record(time, name, "worm", FIGURES | figures)


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "lab" / "history.jsonl"
    runs = [record(), record(name="bench-2", mismatches=3)]
    for run in runs:
        append(path, run)
    assert read_history(path).records == tuple(runs)
    assert len(path.read_text().splitlines()) == 2


def test_a_run_is_appended_by_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    write = os.write

    def noted(descriptor: int, data: bytes) -> int:
        written.append(data)
        return write(descriptor, data)

    monkeypatch.setattr(history.os, "write", noted)
    append(tmp_path / "h", record())
    assert len(written) == 1
    assert written[0].endswith(b"\n")


def test_a_line_that_was_cut_off_costs_no_other_run(tmp_path: Path) -> None:
    path = tmp_path / "h"
    append(path, record())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    append(path, record(mismatches=1))
    found = read_history(path)
    assert [run.figures["mismatches"] for run in found.records] == [0, 1]
    assert found.skipped == (f"{path}: line 2 is no run of elegans, and is skipped",)


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\x00",
        b"[]",
        b"[" * 100_000,
        b'{"elegans": "hil"}',
        b'{"some": "other program"}',
        b'{"elegans": "hil", "time": "now", "name": "b", "model": "m", "figures": {}}',
        b'{"elegans": "hil", "time": "2026-11-25T10:00:00Z", "name": "b", "model": "m",'
        b' "figures": {"flash_bytes": "many"}}',
        b'{"elegans": "hil", "time": "2026-11-25T10:00:00Z", "name": "b", "model": "m",'
        b' "figures": {"instructions_per_step": {"min": true}}}',
    ],
)
def test_a_foreign_line_is_told_and_skipped(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "h"
    append(path, record())
    path.write_bytes(line + b"\n\n" + path.read_bytes())
    found = read_history(path)
    assert found.records == (record(),)
    assert "line 1 is no run of elegans" in found.skipped[0]


def test_many_foreign_lines_are_told_in_four(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("hello\n" * 100)
    assert len(read_history(tmp_path / "h").skipped) == 4


def test_only_the_end_of_a_long_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "h"
    append(path, record())
    size = path.stat().st_size
    for mismatches in (1, 2, 3):
        append(path, record(mismatches=mismatches))
    monkeypatch.setattr(history, "MOST_BYTES", 2 * size)
    assert [r.figures["mismatches"] for r in read_history(path).records] == [2, 3]
    monkeypatch.setattr(history, "MOST_BYTES", 2 * size + 5)
    assert [r.figures["mismatches"] for r in read_history(path).records] == [2, 3]
    assert not read_history(path).skipped


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ElegansError, match="is not a file"):
            read_history(path)
        with pytest.raises(ElegansError, match="is not a file"):
            append(path, record())


def compared(tmp_path: Path, *runs: Record) -> list[str]:
    path = tmp_path / "h"
    for run in runs[:-1]:
        append(path, run)
    return since(read_history(path), runs[-1]).lines()


def test_the_first_run_says_so(tmp_path: Path) -> None:
    assert compared(tmp_path, record()) == ["this is the first run of worm on bench-1 on record"]


def test_without_a_change_there_is_one_line(tmp_path: Path) -> None:
    other_board = record(name="bench-2", flash_bytes=1)
    assert compared(tmp_path, record(), other_board, record("2026-11-25T11:00:00Z")) == [
        "nothing changed since 2026-11-25 10:00 UTC (2 runs of worm on bench-1)"
    ]


def test_every_figure_that_changed_has_a_line(tmp_path: Path) -> None:
    now = record(
        outcome="MISMATCH",
        mismatches=7,
        first_difference="vector 3",
        model_digest="ab" * 32,
        instructions_per_step={"min": 1719, "max": 1730},
        flash_bytes=5446,
        resent=2,
    )
    assert compared(tmp_path, record(), now) == [
        "changed since 2026-11-25 10:00 UTC, worm on bench-1:",
        "  outcome: passed -> MISMATCH",
        "  different integers: 0 -> 7 (+7)",
        "  first difference: none -> vector 3",
        "  model: 5e5e5e5e5e5e -> abababababab",
        "  instructions a step: 1719 -> 1719 to 1730",
        "  flash: 5100 -> 5446 bytes (+346)",
        "  line, frames sent again: 0 -> 2 (+2)",
    ]


def test_a_run_that_reached_no_board_does_not_hide_what_changed(tmp_path: Path) -> None:
    absent = Record("2026-11-25T11:00:00Z", "bench-1", "worm", {"outcome": "SYNC"})
    lines = compared(tmp_path, record(), absent, record(flash_bytes=5101))
    assert lines[1:] == ["  outcome: SYNC -> passed", "  flash: 5100 -> 5101 bytes (+1)"]


def test_a_difference_that_went_away_and_came_back_elsewhere_is_told(tmp_path: Path) -> None:
    wrong = record(mismatches=1, first_difference="vector 3")
    again = record(mismatches=1, first_difference="vector 9")
    assert "  first difference: none -> vector 9" in compared(tmp_path, wrong, record(), again)


def test_a_record_has_the_figures_of_the_report_and_no_more() -> None:
    report = {
        "board": "mps2-an386",
        "port": "/dev/pts/3",
        "mismatches": 0,
        "ram_bytes": None,
        "vectors_per_second": 812.5,
        "tests": {"passed": 30, "failed": 0, "errors": 2, "skipped": 1},
        "complaints": [{"test": "t", "result": "error", "phase": "TIMEOUT", "text": "x"}],
    }
    figures = Record.of_run("bench-1", "worm", report).figures
    assert figures == {
        "board": "mps2-an386",
        "mismatches": 0,
        "outcome": "TIMEOUT",
        "tests": "30 passed, 2 in error, 1 skipped",
    }


def test_a_name_cannot_reach_the_terminal_as_a_command(tmp_path: Path) -> None:
    report = {"first_difference": "state \x1b[2J\n" + "x" * 1000}
    text = Record.of_run("b", "m", report).figures["first_difference"]
    assert text.isprintable()
    assert len(text) == 400
