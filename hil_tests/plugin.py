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
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from elegans.exporter.errors import ElegansError
    from elegans.hil_tests.lab.lab_map import BoardEntry
    from elegans.hil_tests.link.link import Link
    from elegans.hil_tests.session.build_files import BuildModel
    from elegans.hil_tests.session.compare import Verdict
    from elegans.hil_tests.session.session import Device

_LOG_LINES = 200
_DEMO = Path("build/demo/export")

_HELP = {
    "board": "board to test (default: mps2-an386)",
    "build": "BUILD directory made by `elegans export` (default: the demo's, if it is there)",
    "emulator": "unicorn, qemu or auto (default)",
    "compiler": "zig, gcc or auto (default)",
    "optimise": "optimisation level of the firmware: 0, 1, 2, 3, s or auto (default)",
    "port": "serial port of a real board; without --probe it runs this BUILD already",
    "probe": "unique id of a real board's debug probe, to flash it",
    "map": "a lab's map of boards: each worker takes one that nobody is using",
    "tag": "of the map, only boards with this tag",
    "name": "of the map, only the board of this name",
}


@dataclass(frozen=True)
class PluginOptions:
    """The command line's wishes, with their defaults."""

    board: str | None = None
    build: str | None = None
    emulator: str = "auto"
    compiler: str = "auto"
    optimise: str = "auto"
    port: str | None = None
    probe: str | None = None
    map: str | None = None
    tag: str | None = None
    name: str | None = None

    @classmethod
    def by(cls, config: pytest.Config) -> PluginOptions:
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
    for option in fields(PluginOptions):
        with suppress(ValueError, ArgumentError):  # the name is somebody else's: theirs stays
            group.addoption(
                f"--{option.name}",
                dest=f"elegans_{option.name}",
                default=option.default,
                help=f"elegans: {_HELP[option.name]}",
            )


class BoardUnderTest:
    """One board for a whole run, powered at its first use and again after it was dropped."""

    def __init__(self, wanted: PluginOptions) -> None:
        self._wanted = wanted
        self._stack = ExitStack()
        self._device: Device | None = None
        self._failed: ElegansError | None = None

    def device(self) -> Device:
        """The board, powered, synchronised and identified.

        A board that could not be brought up once is not tried again for each test: flashing
        and waiting have their own attempts and bounds.
        """
        from elegans.exporter.errors import ElegansError

        if self._failed is not None:
            raise self._failed
        if self._device is None:
            try:
                self._device = self._opened()
            except ElegansError as error:
                self._failed = error
                self.drop()
                raise
        return self._device

    def _opened(self) -> Device:
        from elegans.hil_tests.session.session import session

        wanted, place = self._wanted, self._claimed()
        return self._stack.enter_context(
            session(
                wanted.build_dir(),
                place.board,
                place.emulator,
                wanted.compiler,
                wanted.optimise,
                place.port,
                probe=place.probe,
            )
        )

    def _claimed(self) -> BoardEntry:
        """The board of the command line, or one of the map's that nobody is using."""
        from elegans.hil_tests.lab.lab_map import BoardEntry, claimed, read_map, select

        wanted = self._wanted
        if wanted.map is None:
            board = wanted.board or "mps2-an386"
            return BoardEntry("board", board, wanted.port, wanted.probe, wanted.emulator)
        places = select(read_map(Path(wanted.map)), wanted.board, wanted.name, wanted.tag)
        return self._stack.enter_context(claimed(places))

    def synchronised(self) -> Device:
        """The board after a reset; one that does not answer is power-cycled once."""
        from elegans.hil_tests.wire.errors import HilError

        device = self.device()
        try:
            device.link.hello(within=2.0)
            device.link.reset(within=2.0)
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


_BENCH = pytest.StashKey[BoardUnderTest]()


@pytest.fixture(scope="session")
def _elegans_bench(request: pytest.FixtureRequest) -> Iterator[BoardUnderTest]:
    wanted = PluginOptions.by(request.config)
    wanted.build_dir()
    bench = BoardUnderTest(wanted)
    request.config.stash[_BENCH] = bench
    yield bench
    bench.drop()


@pytest.fixture
def board(device: Device) -> str:
    """The name of the board under test."""
    return device.board


class ProgressListener(Protocol):
    """Hears about the golden vectors while they run."""

    def vectors(self, done: int, total: int) -> None: ...

    def verdict(self, verdict: Verdict) -> None: ...


class _Nobody:
    def vectors(self, done: int, total: int) -> None: ...

    def verdict(self, verdict: Verdict) -> None: ...


@pytest.fixture
def progress_listener(request: pytest.FixtureRequest) -> ProgressListener:
    """`elegans hil`, if it started this run; nobody otherwise."""
    events: ProgressListener | None = request.config.pluginmanager.get_plugin("elegans-events")
    return events or _Nobody()


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> BuildModel:
    """The BUILD under test: names, formats, digest and golden vectors."""
    build = PluginOptions.by(request.config).build_dir()
    from elegans.hil_tests.session.build_files import load_build

    return load_build(build)


@pytest.fixture
def device(_elegans_bench: BoardUnderTest) -> Device:
    """The board under power, reset and synchronised for this test."""
    return _elegans_bench.synchronised()


@pytest.fixture
def link(device: Device) -> Link:
    """The open link to the board, reset and synchronised for this test."""
    return device.link


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Give a report the phase of a `HilError`, and the board's log when the test failed."""
    report: pytest.TestReport = yield
    if not report.failed or call.excinfo is None:
        return report
    error = call.excinfo.value
    errors = sys.modules.get("elegans.hil_tests.wire.errors")
    if errors is not None and isinstance(error, errors.HilError):
        item.user_properties.append(("elegans_phase", str(error.phase)))
        if error.phase != errors.Phase.MISMATCH:
            # Of the rig, not of the product: pytest calls that an error when it is in a set-up.
            report.when = "setup"
    # What a user did, or what a board got wrong, is told in a line; no traceback explains it.
    known = sys.modules.get("elegans.exporter.errors")
    told = report.when == "setup" or getattr(error, "phase", None) == "MISMATCH"
    if told and known is not None and isinstance(error, known.ElegansError):
        report.longrepr = str(error)
    bench = item.config.stash.get(_BENCH, None)
    if bench is not None and (log := bench.log()):
        text = "\n".join(log[-_LOG_LINES:])
        report.sections.append(("board log", text))
        # JUnit keeps no sections, but it keeps properties.
        item.user_properties.append(("elegans_log", text))
    report.user_properties = list(item.user_properties)
    return report
