"""Runs the test suite on several boards in parallel, with a pytest process for each.

The processes ignore the user's own pytest settings, plug-ins and working directory, so that the
verdict on a board does not depend on them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from elegans.boards.processes.child_process import defer_signals
from elegans.hil_tests.lab.inherited_pipe import hand_over
from elegans.hil_tests.lab.results import PRODUCT, SETUP, WRONG_USE

_SUITE = Path(__file__).resolve().parents[1]
_PYTEST = [
    *(sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider"),
    *("-p", "elegans.hil_tests.plugin", "-p", "elegans.hil_tests.lab.events"),
]
_SHUTDOWN_S = 20.0
"""Seconds that a process which is terminated early has to power its board off."""
_OUTPUT_BYTES = 2000
"""How much of pytest's output is reported if it fails to run."""


@dataclass(frozen=True)
class Suite:
    """What is tested and with which tests: the suite of elegans, or files of the user.

    compiler, level   of the firmware
    tests             files and folders in place of the suite; a conftest.py beside them is read
    retries           how often a test is repeated whose setup failed
    """

    build: Path
    compiler: str = "auto"
    level: str = "auto"
    tests: Sequence[Path] = ()
    retries: int = 0

    def words(self) -> list[str]:
        """The arguments for pytest."""
        paths = [path.resolve() for path in self.tests] or [_SUITE]
        # A user's test may import modules that lie beside it, as pytest permits by default.
        mode = "prepend" if self.tests else "importlib"
        folders = [path if path.is_dir() else path.parent for path in paths]
        top = os.path.commonpath(folders)
        return [
            *(f"--rootdir={top}", f"--confcutdir={top}", f"--import-mode={mode}"),
            *(f"--build={self.build}", f"--compiler={self.compiler}", f"--level={self.level}"),
            *(f"--retries={self.retries}", *map(str, paths)),
        ]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one test on one board.

    result   passed, skipped, failed (the board computed something wrong) or error (the test
             setup failed)
    phase    the `Phase` in which it ended, if known
    text     pytest's report; log: the board's log; seconds: its duration
    retries  for each repetition why the try before it did not count
    wrong_use   whether the error is one of the user: a test file that cannot be imported
    """

    name: str
    result: str
    phase: str | None = None
    text: str = ""
    log: str = ""
    seconds: float = 0.0
    retries: tuple[str, ...] = ()
    wrong_use: bool = False

    @property
    def exit_code(self) -> int:
        """0 if it did not fail, 1 if the product failed, 3 if the test setup did, 2 if the user."""
        if self.good:
            return 0
        return WRONG_USE if self.wrong_use else PRODUCT if self.result == "failed" else SETUP

    @property
    def good(self) -> bool:
        """Whether the test did not fail."""
        return self.result in ("passed", "skipped")

    @property
    def line(self) -> str:
        """The reason for which it did not pass, in a line; of a traceback the exception."""
        marked = [line for line in self.text.splitlines() if line.startswith("E  ")]
        if self.wrong_use and marked:  # of a syntax error, the last line says what is wrong
            return marked[-1].removeprefix("E").strip()
        return (marked or self.text.strip().splitlines() or [""])[0].removeprefix("E").strip()


@dataclass
class BoardRun:
    """The state of a run of the suite on the board ``name``.

    expected   the number of tests
    vectors    golden vectors compared so far, and in total
    figures, summary   `Verdict.json` and `Verdict.summary`; None until the verdict is known
    around     `Surroundings.json` of the first difference; None if there is none
    """

    name: str
    expected: int = 0
    vectors: tuple[int, int] | None = None
    tests: list[Outcome] = field(default_factory=list)
    figures: dict[str, Any] | None = None
    summary: str | None = None
    around: dict[str, Any] | None = None

    @property
    def passed(self) -> bool:
        """Whether at least one test passed and none failed."""
        return any(test.result == "passed" for test in self.tests) and not self.complaints

    @property
    def exit_code(self) -> int:
        """As `exit_code` of several runs. A run in which no test passed has tested nothing: 3."""
        codes = {test.exit_code for test in self.tests}
        return _worst(codes) or (0 if self.passed else SETUP)

    @property
    def complaints(self) -> list[Outcome]:
        """The tests that failed or ended in error."""
        return [test for test in self.tests if not test.good]

    def counted(self) -> str:
        """The number of tests for each result, in words."""
        words = {"passed": "passed", "failed": "failed", "error": "in error", "skipped": "skipped"}
        count = Counter(test.result for test in self.tests)
        counts = [f"{count[result]} {word}" for result, word in words.items() if count[result]]
        total = f"{len(self.tests)} test{'s' if len(self.tests) > 1 else ''}"
        return f"{total}: {', '.join(counts)}" if counts else "no tests"

    def json(self) -> dict[str, object]:
        """The verdict's figures, the number of tests for each result, failures and retries."""
        count = Counter(test.result for test in self.tests)
        names = {"passed": "passed", "failed": "failed", "errors": "error", "skipped": "skipped"}
        return {
            **(self.figures or {}),
            "tests": {name: count[result] for name, result in names.items()},
            "complaints": [
                {"test": test.name, "result": test.result, "phase": test.phase, "text": test.line}
                for test in self.complaints
            ],
            "retries": [
                {"test": test.name, "retry": why} for test in self.tests for why in test.retries
            ],
        }

    def take(self, kind: str, fields: dict[str, Any]) -> None:
        """Update the run with an event that `events` has sent."""
        if kind == "test":
            self.tests.append(Outcome(**fields | {"retries": tuple(fields["retries"])}))
        elif kind == "collected":
            self.expected = fields["tests"]
        elif kind == "vectors":
            self.vectors = fields["done"], fields["total"]
        elif kind == "verdict":
            self.figures, self.summary = fields["figures"], fields["summary"]
            self.around = fields["around"]


def exit_code(runs: Sequence[BoardRun]) -> int:
    """0 if all is right, 1 if a product failed, 3 if a board could not be tested, 2 if the user
    has asked wrongly. The first of 1, 3 and 2 that is true of a run."""
    return _worst({run.exit_code for run in runs})


def _worst(codes: set[int]) -> int:
    return next((code for code in (PRODUCT, SETUP, WRONG_USE) if code in codes), 0)


def run_suite(
    suite: Suite,
    boards: Mapping[str, Mapping[str, object]],
    progress: Callable[[Sequence[BoardRun]], None] = lambda _: None,
) -> list[BoardRun]:
    """Run the tests on all ``boards`` in parallel; returns when every run has ended.

    ``boards`` maps a name to the options of the pytest plug-in that select the board, as
    ``{"bench-1": {"map": "lab.toml", "name": "bench-1"}}``. ``progress`` is called with all
    runs whenever one of them has advanced. A board that fails does not affect the others.
    """
    events: SimpleQueue[tuple[_Child, bytes]] = SimpleQueue()
    with ExitStack() as stack:
        runs = []
        for name, options in boards.items():
            runs.append(BoardRun(name))
            with defer_signals():
                child = _Child(runs[-1], suite, options)
                stack.callback(child.end)
            child.start(events)
        running = len(runs)
        while running:
            child, data = events.get()
            child.receive(data)
            running -= not data
            progress(runs)
    return runs


class _Child:
    """A pytest process that sends its events through a pipe."""

    def __init__(self, run: BoardRun, suite: Suite, options: Mapping[str, object]) -> None:
        self._run, self._rest, self._ended = run, b"", False
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  closed in `end`
        self._events, writing = os.pipe()
        number, inherited = hand_over(writing)
        words = [f"--{k}={v}" for k, v in options.items() if v is not None]
        self._process = subprocess.Popen(
            [*_PYTEST, f"--elegans-events={number}", *words, *suite.words()],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            env=_environment(),
            **inherited,
        )
        os.close(writing)
        self._reader = threading.Thread(target=self._read, daemon=True)

    def start(self, events: SimpleQueue[tuple[_Child, bytes]]) -> None:
        """Read the pipe into ``events``, up to its end, for which b"" stands.

        In a thread: Windows cannot wait for several pipes at once.
        """
        self._queue = events
        self._reader.start()

    def _read(self) -> None:
        data = b"."
        while data:
            data = os.read(self._events, 1 << 16)
            self._queue.put((self, data))

    def receive(self, data: bytes) -> None:
        """Take new events; b"" is the end of the pipe."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            kind = event.pop("kind")
            self._ended |= kind == "end"
            self._run.take(kind, event)
        if not data and not self._ended:
            status = self._process.wait()
            self._output.seek(0)
            text = self._output.read().decode(errors="replace")[-_OUTPUT_BYTES:]
            self._run.tests.append(Outcome("pytest", "error", None, f"ended with {status}: {text}"))

    def end(self) -> None:
        """Terminate the process if it has not ended; it powers its board off."""
        if not self._ended:
            self._process.terminate()
        try:
            self._process.wait(_SHUTDOWN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._reader.ident is not None:
            self._reader.join()
        self._output.close()
        os.close(self._events)


def _environment() -> dict[str, str]:
    """The environment without the user's settings for pytest."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return own | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
