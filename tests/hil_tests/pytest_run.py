"""Runs of pytest as a user starts them: in a process of their own, on simulated boards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

from elegans.boards.descriptors.descriptor import find_board
from elegans.tests.hil_tests.fake_device import Behaviour, FakeDevice

PYTEST = (sys.executable, "-m", "pytest", "-q", *("-p", "no:cacheprovider"))
PYTEST += ("-p", "no:hypothesispytest", "-p", "no:anyio")
"""A start of pytest without plugins that these runs do not need: loading them takes two seconds, in
each of its processes."""


def run_pytest(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*PYTEST, *arguments]
    return subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=60
    )


def user_test(folder: Path, text: str) -> Path:
    path = folder / "test_mine.py"
    path.write_text(text)
    return path


@contextmanager
def lab_of(folder: Path, **behaviours: Behaviour | None) -> Iterator[Path]:
    """A map whose boards are simulated; None stands for a port that is not there.

    The names of the boards have '-' where the keywords have '_'.
    """
    with ExitStack() as stack:
        blocks = []
        for name, behaviour in behaviours.items():
            port, board = str(folder / "none"), "microbit"
            if behaviour is not None:
                board = behaviour.board
                baud = find_board(board).uart.baud
                port = stack.enter_context(FakeDevice(replace(behaviour, baud=baud))).port
            lines = f'name = "{name.replace("_", "-")}"\nboard = "{board}"\nport = "{port}"\n'
            blocks.append(f'[[board]]\n{lines}tags = ["{board}"]\n')
        path = folder / "lab.toml"
        path.write_text("\n".join(blocks))
        yield path


def outcomes(report: Path) -> dict[str, str]:
    """For each test of a JUnit file by its name: passed, failure, error or skipped."""
    cases = Xml.parse(report).iter("testcase")
    kinds = ("failure", "error", "skipped")
    return {
        str(case.get("name")): next((k for k in kinds if case.find(k) is not None), "passed")
        for case in cases
    }


def properties(report: Path, name: str) -> dict[str, str]:
    """The value of a property for each test of a JUnit file that has it."""
    return {
        str(case.get("name")): str(found.get("value"))
        for case in Xml.parse(report).iter("testcase")
        for found in case.iter("property")
        if found.get("name") == name
    }
