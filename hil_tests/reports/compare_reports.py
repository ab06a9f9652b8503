"""Compares two reports: what `elegans hil --json` has printed for one board, or for a map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.read_files import FileKind, parse_json, read_input
from elegans.hil_tests.reports.claims import without_board
from elegans.hil_tests.reports.figures import Change, changes, figures_of

_REPORT = FileKind("a report", 1 << 26)
_REMEDY = "give a file with what `elegans hil --json` printed"

BoardReport = Mapping[str, Any]


def read_report(path: Path) -> dict[str, BoardReport]:
    """The reports in a file by the names of their boards. Raises `ElegansError` if it has none."""
    try:
        data = parse_json(read_input(path, _REPORT, _REMEDY))
    except ValueError:
        raise ElegansError(path, "is not JSON", _REMEDY) from None
    if _is_report(data):
        data = {str(data.get("board", "board")): data}
    if not isinstance(data, dict) or not data or not all(map(_is_report, data.values())):
        raise ElegansError(path, "is no report", _REMEDY)
    for name, report in data.items():
        try:
            figures_of(report)
        except ValueError as error:
            raise ElegansError(path, f"is damaged: {name}: {error}", _REMEDY) from None
    return data


def compare_reports(
    old: Mapping[str, BoardReport], new: Mapping[str, BoardReport]
) -> dict[str, list[Change]]:
    """The changes of each board. Reports of one board each are compared whatever it is called."""
    if len(old) == len(new) == 1:
        (name, after), (old_name, before) = *new.items(), *old.items()
        return {name: _compare((old_name, before), (name, after))}
    found: dict[str, list[Change]] = {}
    for name in dict.fromkeys((*old, *new)):
        if name in old and name in new:
            found[name] = _compare((name, old[name]), (name, new[name]))
        else:
            words = ("not tested", "tested")
            found[name] = [Change("board", words[name in old], words[name in new])]
    return found


def _compare(old: tuple[str, BoardReport], new: tuple[str, BoardReport]) -> list[Change]:
    """The changes between the reports of two boards, each with the board's name."""
    figures = [figures_of(report) for _, report in (old, new)]
    return [*changes(*figures), *_tests(_complaints(*old), _complaints(*new))]


def _tests(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """The tests that failed in one run only or in another phase; those that changed alike are one
    change."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name in dict.fromkeys((*old, *new)):
        pair = old.get(name, "ok"), new.get(name, "ok")
        if pair[0] != pair[1]:
            alike.setdefault(pair, []).append(name)
    return [
        Change(names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more", *pair)
        for pair, names in alike.items()
    ]


def _complaints(board: str, report: BoardReport) -> dict[str, str]:
    """The phase or the result of each test that did not pass."""
    return {
        without_board(str(one.get("test")), board): str(one.get("phase") or one.get("result"))
        for one in report["complaints"]
    }


def _is_report(data: object) -> bool:
    if not isinstance(data, dict) or not isinstance(data.get("tests"), dict):
        return False
    complaints = data.get("complaints")
    return isinstance(complaints, list) and all(isinstance(one, dict) for one in complaints)
