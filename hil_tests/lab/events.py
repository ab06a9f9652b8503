"""A pytest plug-in for `run_suite`: sends the events of a test run as JSON lines to a pipe.

{"kind": "collected", "tests": 34}
{"kind": "vectors", "done": 1112, "total": 10680}
{"kind": "verdict", "figures": {...}, "summary": "...", "around": {...}}
{"kind": "test", "name": "test_bits::test_...", "result": "passed", ...}
{"kind": "end"}
"""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from elegans.hil_tests.lab.inherited_pipe import taken_over
from elegans.hil_tests.lab.results import PHASE, RETRY, WRONG_USE, exit_code_of

if TYPE_CHECKING:
    from elegans.hil_tests.session.compare import Verdict

NAME = "elegans-events"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--elegans-events", type=int, help="the pipe, as inherited_pipe hands it over")


def pytest_configure(config: pytest.Config) -> None:
    pipe = taken_over(config.getoption("--elegans-events"))
    config.pluginmanager.register(Events(pipe), NAME)
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

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._wrong_tests(report.nodeid or "pytest", report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and report.when != "call":
            return
        properties = dict(report.user_properties)
        text = report.longreprtext
        if isinstance(report.longrepr, tuple):  # of a skipped test: (file, line, reason)
            text = report.longrepr[2].removeprefix("Skipped: ")
        self._send(
            "test",
            name=_name(report.nodeid),
            result="error" if report.failed and report.when != "call" else report.outcome,
            phase=properties.get(PHASE),
            text=text,
            log=properties.get("elegans_log", ""),
            seconds=report.duration,
            retries=[why for name, why in report.user_properties if name == RETRY],
            wrong_use=exit_code_of(report) == WRONG_USE,
        )

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            paths = ", ".join(session.config.args)
            self._wrong_tests("pytest", f"{paths}: there is no test; name functions test_...")
        self._send("end")

    def _wrong_tests(self, name: str, text: str) -> None:
        """Test files that cannot be imported, or hold no test."""
        self._send("test", name=name, result="error", text=text, retries=[], wrong_use=True)

    def _send(self, kind: str, **fields: object) -> None:
        line = json.dumps({"kind": kind, **fields}) + "\n"
        rest = line.encode()
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _name(nodeid: str) -> str:
    """`test_bits::test_x[bench-1]` for a test of `test_bits.py` in any folder."""
    file, _, name = nodeid.partition("::")
    return f"{file.rpartition('/')[2].removesuffix('.py')}::{name}"
