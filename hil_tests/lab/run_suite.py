"""The suite on boards side by side: a process each, told about as it happens.

pytest runs the tests, sheltered from what a user's own pytest is told to do: the verdict on
a board does not depend on where somebody stands.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elegans.boards.emulation.child_process import signals_held

_SUITE = Path(__file__).resolve().parents[1]
_PYTEST = [
    *(sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={_SUITE}"),
    *(f"--confcutdir={_SUITE}", "--import-mode=importlib", "-p", "no:cacheprovider"),
    *("-p", "elegans.hil_tests.plugin", "-p", "elegans.hil_tests.lab.events"),
]
_TIDY_S = 20.0
"""How long a run may take to power its board off when it is cut short."""
_TOLD_BYTES = 2000
"""Of what pytest said, when it could not even begin."""


@dataclass(frozen=True)
class Outcome:
    """One test on one board. ``result`` is passed, skipped, failed (the product is wrong) or
    error (the rig is); ``phase`` one of `Phase` where there was one."""

    name: str
    result: str
    phase: str | None = None
    text: str = ""
    log: str = ""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return self.result in ("passed", "skipped")

    @property
    def line(self) -> str:
        """Why it did not pass, in a line: of a traceback, what was raised."""
        marked = [line for line in self.text.splitlines() if line.startswith("E  ")]
        return (marked or self.text.strip().splitlines() or [""])[0].removeprefix("E").strip()


@dataclass
class BoardRun:
    """The suite on the board called ``name``, as far as it has come. ``figures`` and
    ``summary`` are those of the `Verdict` on the golden vectors, None while there is none."""

    name: str
    expected: int = 0
    vectors: tuple[int, int] | None = None
    tests: list[Outcome] = field(default_factory=list)
    figures: dict[str, Any] | None = None
    summary: str | None = None

    @property
    def passed(self) -> bool:
        return any(test.result == "passed" for test in self.tests) and not self.complaints

    @property
    def complaints(self) -> list[Outcome]:
        """The tests that did not pass."""
        return [test for test in self.tests if not test.good]

    def counted(self) -> str:
        """How many tests ended how."""
        words = {"passed": "passed", "failed": "failed", "error": "in error", "skipped": "skipped"}
        count = Counter(test.result for test in self.tests)
        told = [f"{count[result]} {word}" for result, word in words.items() if count[result]]
        return f"{len(self.tests)} tests: {', '.join(told)}" if told else "no tests"

    def json(self) -> dict[str, object]:
        """The verdict's figures, and how the tests ended."""
        count = Counter(test.result for test in self.tests)
        names = {"passed": "passed", "failed": "failed", "errors": "error", "skipped": "skipped"}
        return {
            **(self.figures or {}),
            "tests": {name: count[result] for name, result in names.items()},
            "complaints": [
                {"test": test.name, "result": test.result, "phase": test.phase, "text": test.line}
                for test in self.complaints
            ],
        }

    def take(self, kind: str, fields: dict[str, Any]) -> None:
        """Note an event of `events`."""
        if kind == "test":
            self.tests.append(Outcome(**fields))
        elif kind == "collected":
            self.expected = fields["tests"]
        elif kind == "vectors":
            self.vectors = fields["done"], fields["total"]
        elif kind == "verdict":
            self.figures, self.summary = fields["figures"], fields["summary"]


def run_suite(
    build: Path,
    boards: Mapping[str, Mapping[str, object]],
    compiler: str = "auto",
    optimise: str = "auto",
    told: Callable[[Sequence[BoardRun]], None] = lambda _: None,
) -> list[BoardRun]:
    """Run the whole suite on all ``boards`` at once, and return when every one has ended.

    Each board has a name and the options of the pytest plug-in that lead to it, as
    ``{"bench-1": {"map": "lab.toml", "name": "bench-1"}}``. ``told`` is called with all runs
    whenever one of them got on. A board that fails ends its own run, and no other.
    """
    common = {"build": build, "compiler": compiler, "optimise": optimise}
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        runs = []
        for name, options in boards.items():
            runs.append(BoardRun(name))
            with signals_held():
                child = _Child(runs[-1], {**common, **options})
                stack.callback(child.end)
            ready.register(child.events, selectors.EVENT_READ, child)
        while ready.get_map():
            for key, _ in ready.select():
                if not key.data.hear():
                    ready.unregister(key.fileobj)
                told(runs)
    return runs


class _Child:
    """pytest in a process of its own, heard through a pipe."""

    def __init__(self, run: BoardRun, options: Mapping[str, object]) -> None:
        self._run, self._rest, self._ended = run, b"", False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed in `end`
        self.events, writing = os.pipe()
        words = [f"--{k}={v}" for k, v in options.items() if v is not None]
        self._process = subprocess.Popen(
            [*_PYTEST, f"--elegans-events={writing}", *words, str(_SUITE)],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            pass_fds=(writing,),
            env=_sheltered(),
        )
        os.close(writing)

    def hear(self) -> bool:
        """Take what was told since; False once nothing more will be."""
        data = os.read(self.events, 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            kind = event.pop("kind")
            self._ended |= kind == "end"
            self._run.take(kind, event)
        if not data and not self._ended:
            status = self._process.wait()
            self._said.seek(0)
            text = self._said.read().decode(errors="replace")[-_TOLD_BYTES:]
            self._run.tests.append(Outcome("pytest", "error", None, f"ended with {status}: {text}"))
        return bool(data)

    def end(self) -> None:
        """Cut the run short if it has not ended; its board is powered off either way."""
        if not self._ended:
            self._process.terminate()
        try:
            self._process.wait(_TIDY_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()
        os.close(self.events)


def _sheltered() -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return own | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
