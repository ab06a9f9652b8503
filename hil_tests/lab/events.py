"""A pytest plug-in for `run_suite`: sends the events of a test run as JSON lines to a pipe.

{"kind": "collected", "tests": 34}
{"kind": "vectors", "done": 1112, "total": 10680}
{"kind": "verdict", "figures": {...}, "summary": "...", "around": {...}}
{"kind": "test", "name": "test_bits::test_...", "result": "passed", "seconds": 1.2}
{"kind": "end"}
"""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from elegans.hil_tests.session.compare import Verdict

NAME = "elegans-events"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--elegans-events", type=int, help="the pipe's file descriptor")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Events(config.getoption("--elegans-events")), NAME)
    if threading.current_thread() is threading.main_thread():
        # On SIGTERM, as on an interrupt, pytest ends its fixtures: the board is powered off.
        signal.signal(signal.SIGTERM, signal.default_int_handler)


class Events:
    """Writes events to the pipe ``descriptor``. If its reader is gone, writing fails and the run
    ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def vectors(self, done: int, total: int) -> None:
        """So many of the golden vectors have been compared."""
        self._send("vectors", done=done, total=total)

    def verdict(self, verdict: Verdict) -> None:
        """The result of comparing the golden vectors."""
        around = verdict.around and verdict.around.json()
        self._send("verdict", figures=verdict.json(), summary=verdict.summary(), around=around)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._send("collected", tests=len(session.items))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and report.when != "call":
            return
        properties = dict(report.user_properties)
        text = report.longreprtext
        if isinstance(report.longrepr, tuple):  # of a skipped test: (file, line, reason)
            text = report.longrepr[2].removeprefix("Skipped: ")
        setup_failed = report.failed and report.when != "call"
        file, _, name = report.nodeid.rpartition("/")[2].partition("::")
        self._send(
            "test",
            name=f"{file.removesuffix('.py')}::{name}",
            result="error" if setup_failed else report.outcome,
            phase=properties.get("elegans_phase"),
            text=text,
            log=properties.get("elegans_log", ""),
            seconds=report.duration,
        )

    def pytest_sessionfinish(self) -> None:
        self._send("end")

    def _send(self, kind: str, **fields: object) -> None:
        line = json.dumps({"kind": kind, **fields}) + "\n"
        rest = line.encode()
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
