"""Publishes finished runs: the page, the history, and what changed since the last run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.files import require_file
from elegans.exporter.oracles.free_run import described
from elegans.hil_tests.lab.run_suite import BoardRun
from elegans.hil_tests.reports.history import Record, Since, append, read_history, since
from elegans.hil_tests.reports.page import Subject, write_page
from elegans.hil_tests.reports.trend import Trend, trend


class Publisher:
    """Publishes the runs of a BUILD on one board or several; None for a file that is not wanted.

    It is made before the first board is used, and raises `ElegansError` then for a BUILD, a page
    or a history that cannot be used. ``warnings`` are about lines of the history that were
    skipped.
    """

    def __init__(self, build: Path, html: Path | None, history: Path | None) -> None:
        if html is not None:
            require_file(html)
        self._html = html
        self._past = None if history is None else read_history(history)
        self._folder = read_build_folder(build)
        self._changed: dict[str, Since] = {}
        self.warnings = () if self._past is None else self._past.skipped

    def compare(self, runs: Sequence[BoardRun]) -> None:
        """Compare each run with the last one of its board, if there is a history."""
        if self._past is not None:
            model = self._folder.name
            records = [Record.of_run(run.name, model, run.json()) for run in runs]
            self._changed = {one.name: since(self._past, one) for one in records}

    def lines(self) -> list[str]:
        """What changed, for people."""
        return [line for one in self._changed.values() for line in one.lines()]

    def json(self, run: BoardRun) -> dict[str, object]:
        """The report of a run, with what changed if there is a history."""
        one = self._changed.get(run.name)
        return run.json() if one is None else run.json() | {"history": one.json()}

    def write(self, runs: Sequence[BoardRun]) -> None:
        """Append the runs to the history, and write the page. Raises `ElegansError` for a file
        that cannot be written."""
        if self._past is not None:
            for one in self._changed.values():
                append(self._past.path, one.record)
        if self._html is not None:
            write_page(self._html, self._subject(), runs, self._trends())

    def _subject(self) -> Subject:
        folder = self._folder
        errors = described(folder.errors) if folder.errors else ""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return Subject(folder.name, folder.digest, now, errors)

    def _trends(self) -> dict[str, Trend]:
        if self._past is None:
            return {}
        return {
            name: trend([*self._past.of(one.record), one.record], one.lines())
            for name, one in self._changed.items()
        }
