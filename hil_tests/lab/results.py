"""The results of a pytest run on boards: what has failed, what is tried again, the exit code.

The product has failed if a test fails: pytest calls this a failure. If the test setup failed
(no board, no answer, a bad line), pytest calls it an error, and the test may be tried again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from elegans.exporter.errors import ElegansError
    from elegans.hil_tests.lab.board_under_test import BoardUnderTest

PHASE, RETRY = "elegans_phase", "elegans_retry"
"""Names of a report's properties: the phase in which the test ended; why it was tried again."""
ENTRY = "_elegans_entry"
"""The fixture whose parameter is the board of a test."""
PRODUCT, WRONG_USE, SETUP = 1, 2, 3
"""What has failed, as the exit codes of `elegans hil`."""

_CODE = "elegans_exit_code"
_LOG_LINES = 200


def exit_code_of(report: pytest.TestReport) -> int:
    """What has failed in this test: 0 if nothing has."""
    return int(getattr(report, _CODE, PRODUCT)) if report.failed else 0


class BoardResults:
    """Hooks of pytest. ``boards`` are the boards of this run by name, as far as they are used."""

    def __init__(self, boards: Mapping[str, BoardUnderTest], retries: int) -> None:
        self._boards, self._retries = boards, retries
        self._codes: set[int] = set()
        self._retried: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Add to the report of a failed test what has failed, its phase and the board's log."""
        report: pytest.TestReport = yield
        name = board_name(item)
        if not report.failed or call.excinfo is None:
            return report
        board = self._boards.get(name or "")
        known = sys.modules.get("elegans.exporter.errors")
        error = call.excinfo.value
        if known is not None and isinstance(error, known.ElegansError):
            self._explain(item, report, error, board)
        elif name is not None:
            report.__dict__[_CODE] = PRODUCT if report.when == "call" else SETUP
        if board is not None and (log := board.log()):
            text = "\n".join(log[-_LOG_LINES:])
            report.sections.append(("board log", text))
            # JUnit reports have no sections, but they have properties.
            item.user_properties.append(("elegans_log", text))
        report.user_properties = list(item.user_properties)
        return report

    def _explain(
        self,
        item: pytest.Item,
        report: pytest.TestReport,
        error: ElegansError,
        board: BoardUnderTest | None,
    ) -> None:
        phase = getattr(error, "phase", None)
        if phase is not None:
            item.user_properties.append((PHASE, str(phase)))
        if phase == "MISMATCH":
            report.__dict__[_CODE] = PRODUCT
            if board is not None and board.first_difference is None:
                board.first_difference = error.fact
        elif phase is not None or report.when != "call" or error.exit_code == WRONG_USE:
            report.__dict__[_CODE] = WRONG_USE if error.exit_code == WRONG_USE else SETUP
            # The test setup failed, not the product. pytest reports an exception in the set-up
            # phase as an error, not as a failure.
            report.when = "setup"
        if _CODE in report.__dict__:
            # One line explains a wrong use or a wrong bit; a traceback would not help.
            report.longrepr = str(error)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Any:
        """Run a test again, `retries` times at most, while its setup fails."""
        board = self._boards.get(board_name(item) or "")
        if self._retries < 1 or board_name(item) is None or (board is not None and board.absent):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        properties = list(item.user_properties)
        for attempt in range(1, self._retries + 2):
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
            failed = [report for report in reports if exit_code_of(report)]
            if attempt > self._retries or {exit_code_of(report) for report in failed} != {SETUP}:
                break
            properties.append((RETRY, f"{attempt} of {self._retries}: {_reason(failed[0])}"))
            item.user_properties[:] = properties
            board = self._boards.get(board_name(item) or "")
            if board is not None:
                board.start_again()
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what has failed and what was tried again, in whatever process it ran."""
        self._codes.add(exit_code_of(report))
        if report.when == "teardown":
            for name, why in report.user_properties:
                if name == RETRY:
                    self._retried.append(f"{report.nodeid}: retry {why}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End with 3 instead of 1 if only the test setup failed, with 4 if it was asked wrongly."""
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED and PRODUCT not in self._codes:
            if SETUP in self._codes:
                session.exitstatus = SETUP
            elif WRONG_USE in self._codes:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print which tests were tried again and why, and what the exit code means."""
        if self._retried:
            terminalreporter.section("tried again")
            for line in self._retried:
                terminalreporter.write_line(line)
        if SETUP in self._codes and PRODUCT not in self._codes:
            terminalreporter.write_line(
                "elegans: no wrong result, but the test setup failed: exit code 3"
            )


def board_name(item: pytest.Item) -> str | None:
    """The name of the board on which a test runs, None for a test that uses none."""
    entry = getattr(getattr(item, "callspec", None), "params", {}).get(ENTRY)
    return None if entry is None else str(entry.name)


def _reason(report: pytest.TestReport) -> str:
    """The phase of a failed test and the reason, in one line."""
    phase = dict(report.user_properties).get(PHASE)
    line = (report.longreprtext.strip().splitlines() or [""])[-1]
    return f"{phase}: {line}" if phase else line
