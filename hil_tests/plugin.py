"""The pytest plugin: a board under power as a fixture, and options to say which.

    def test_my_model_settles(link, model):
        y, h = run(link, ...)

It is an entry point, so it is imported by every pytest run on this machine: it imports
nothing of weight until a fixture is asked for, and gives way to a plugin that already has
an option of the same name. ``-p no:elegans`` switches it off, for the sake of one that
comes later.
"""

from __future__ import annotations

import sys
from argparse import ArgumentError
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from elegans.hil_tests.link import Link
    from elegans.hil_tests.session import Device
    from elegans.hil_tests.vectors import Model

_DEMO = Path("build/demo/export")

_HELP = {
    "board": "board to test (default: mps2-an386)",
    "build": "BUILD directory made by `elegans export` (default: the demo's, if it is there)",
    "emulator": "unicorn, qemu or auto (default)",
    "compiler": "zig, gcc or auto (default)",
    "optimise": "optimisation level of the firmware: 0, 1, 2 (default), 3 or s",
    "port": "serial port of a real board that runs this BUILD already",
}


@dataclass(frozen=True)
class Wanted:
    """The command line's wishes, with their defaults."""

    board: str = "mps2-an386"
    build: str | None = None
    emulator: str = "auto"
    compiler: str = "auto"
    optimise: str = "2"
    port: str | None = None

    @classmethod
    def by(cls, config: pytest.Config) -> Wanted:
        options = {f.name: config.getoption(f"elegans_{f.name}", f.default) for f in fields(cls)}
        return cls(**options)

    def build_dir(self) -> Path:
        """The BUILD; without one there is nothing to test, and the test is skipped."""
        if self.build is not None:
            return Path(self.build)
        if not (_DEMO / "model.json").exists():
            pytest.skip("no BUILD to put on a board: give one with --build, or run the demo")
        return _DEMO


@pytest.hookimpl(trylast=True)
def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("elegans", "elegans: liquid networks on boards")
    for option in fields(Wanted):
        with suppress(ValueError, ArgumentError):  # the name is somebody else's: theirs stays
            group.addoption(
                f"--{option.name}",
                dest=f"elegans_{option.name}",
                default=option.default,
                help=f"elegans: {_HELP[option.name]}",
            )


class Bench:
    """One board for a whole run, powered at its first use and again after it was dropped."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._stack = ExitStack()
        self._device: Device | None = None

    def device(self) -> Device:
        """The board, powered, synchronised and identified."""
        if self._device is None:
            from elegans.hil_tests.session import session

            wanted = self._wanted
            self._device = self._stack.enter_context(
                session(
                    wanted.build_dir(),
                    wanted.board,
                    wanted.emulator,
                    wanted.compiler,
                    wanted.optimise,
                    wanted.port,
                )
            )
        return self._device

    def synchronised(self) -> Device:
        """The board after a fresh handshake; one that does not answer is power-cycled once."""
        from elegans.hil_tests.errors import HilError

        device = self.device()
        try:
            device.link.hello(within=2.0)
        except HilError:
            self.drop()
            device = self.device()
        return device

    def drop(self) -> None:
        """Power off."""
        self._device = None
        self._stack.close()

    def log(self) -> list[str]:
        return [] if self._device is None else self._device.log()


_BENCH = pytest.StashKey[Bench]()


@pytest.fixture(scope="session")
def _elegans_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    wanted = Wanted.by(request.config)
    wanted.build_dir()
    bench = Bench(wanted)
    request.config.stash[_BENCH] = bench
    yield bench
    bench.drop()


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest) -> str:
    """The board under test as the command line names it."""
    return Wanted.by(request.config).board


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> Model:
    """The BUILD under test: names, formats, digest and golden vectors."""
    build = Wanted.by(request.config).build_dir()
    from elegans.hil_tests.vectors import load

    return load(build)


@pytest.fixture
def device(_elegans_bench: Bench) -> Device:
    """The board under power, synchronised again for this test."""
    return _elegans_bench.synchronised()


@pytest.fixture
def link(device: Device) -> Link:
    """The open link to the board, synchronised again for this test."""
    return device.link


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Give a report the phase of a `HilError`, and the board's log when the test failed."""
    report: pytest.TestReport = yield
    if not report.failed or call.excinfo is None:
        return report
    error = call.excinfo.value
    errors = sys.modules.get("elegans.hil_tests.errors")
    if errors is not None and isinstance(error, errors.HilError):
        item.user_properties.append(("elegans_phase", str(error.phase)))
    # What a user did, or what a board got wrong, is told in a line; no traceback explains it.
    known = sys.modules.get("elegans.exporter.errors")
    told = report.when == "setup" or getattr(error, "phase", None) == "MISMATCH"
    if told and known is not None and isinstance(error, known.ElegansError):
        report.longrepr = str(error)
    bench = item.config.stash.get(_BENCH, None)
    if bench is not None and (log := bench.log()):
        report.sections.append(("board log", "\n".join(log)))
    return report
