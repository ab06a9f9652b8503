"""The pytest plug-in: a powered board as a fixture, and options that choose the board.

    def test_my_model_settles(link, model):
        y, h = run(link, ...)

It is registered as an entry point, so every pytest run in this environment imports it. It
therefore imports no large module until a fixture is used, and leaves out an option that another
plug-in has defined already. ``-p no:elegans`` switches it off, if a plug-in that is loaded later
defines the same option.
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
    "level": "optimisation level of the compiler: 0, 1, 2, 3, s or auto (default)",
    "port": "serial port of a real board; without --probe it must run this BUILD already",
    "probe": "unique id of a real board's debug probe, to flash it",
    "map": "TOML file that lists the boards of a lab; each worker takes a free one",
    "tag": "use only boards of the map with this tag",
    "name": "use only the board of the map with this name",
}


@dataclass(frozen=True)
class PluginOptions:
    """The options of the command line, with their defaults; `_HELP` explains them."""

    board: str | None = None
    build: str | None = None
    emulator: str = "auto"
    compiler: str = "auto"
    level: str = "auto"
    port: str | None = None
    probe: str | None = None
    map: str | None = None
    tag: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, config: pytest.Config) -> PluginOptions:
        """The options of a pytest run."""
        options = {f.name: config.getoption(f"elegans_{f.name}", f.default) for f in fields(cls)}
        return cls(**options)

    def build_dir(self) -> Path:
        """The BUILD folder. Skips the test if there is none."""
        if self.build is not None:
            return Path(self.build)
        if not (_DEMO / "model.json").exists():
            pytest.skip("there is no BUILD to test: give one with --build, or run the demo")
        return _DEMO


@pytest.hookimpl(trylast=True)
def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("elegans", "elegans: liquid networks on boards")
    for option in fields(PluginOptions):
        with suppress(ValueError, ArgumentError):  # another plug-in has this option: leave it
            group.addoption(
                f"--{option.name}",
                dest=f"elegans_{option.name}",
                default=option.default,
                help=f"elegans: {_HELP[option.name]}",
            )


class BoardUnderTest:
    """The board of a test run: connected at its first use, and again after `disconnect`."""

    def __init__(self, options: PluginOptions) -> None:
        self._options = options
        self._stack = ExitStack()
        self._device: Device | None = None
        self._failed: ElegansError | None = None

    def device(self) -> Device:
        """The board, powered, synchronised and identified. Raises as `session` does.

        After a failure the same error is raised for every test, without another attempt.
        """
        from elegans.exporter.errors import ElegansError

        if self._failed is not None:
            raise self._failed
        if self._device is None:
            try:
                self._device = self._connect()
            except ElegansError as error:
                self._failed = error
                self.disconnect()
                raise
        return self._device

    def _connect(self) -> Device:
        from elegans.hil_tests.session.session import BoardOptions, session

        plugin, entry = self._options, self._claim()
        options = BoardOptions(
            entry.emulator, plugin.compiler, plugin.level, entry.port, probe=entry.probe
        )
        return self._stack.enter_context(session(plugin.build_dir(), entry.board, options))

    def _claim(self) -> BoardEntry:
        """The board of the command line, or a free one of the map."""
        from elegans.hil_tests.lab.lab_map import BoardEntry, claimed, read_map, select

        options = self._options
        if options.map is None:
            board = options.board or "mps2-an386"
            return BoardEntry("board", board, options.port, options.probe, options.emulator)
        entries = select(read_map(Path(options.map)), options.board, options.name, options.tag)
        return self._stack.enter_context(claimed(entries))

    def synchronised(self) -> Device:
        """The board after a reset. If it does not answer, it is connected again once."""
        from elegans.hil_tests.wire.errors import HilError

        device = self.device()
        try:
            device.link.hello(within=2.0)
            device.link.reset(within=2.0)
        except HilError:
            self.disconnect()
            device = self.device()
        return device

    def disconnect(self) -> None:
        """Close the link and power the board off."""
        self._device = None
        self._stack.close()

    def log(self) -> list[str]:
        """The log of the board and of its emulator."""
        return [] if self._device is None else self._device.log()


_BOARD = pytest.StashKey[BoardUnderTest]()


@pytest.fixture(scope="session")
def _elegans_board(request: pytest.FixtureRequest) -> Iterator[BoardUnderTest]:
    options = PluginOptions.of(request.config)
    options.build_dir()
    board = BoardUnderTest(options)
    request.config.stash[_BOARD] = board
    yield board
    board.disconnect()


@pytest.fixture
def board(device: Device) -> str:
    """The name of the board under test."""
    return device.board


class ProgressListener(Protocol):
    """Receives the progress and the result of the comparison of the golden vectors."""

    def vectors(self, done: int, total: int) -> None:
        """So many of the golden vectors have been compared."""

    def verdict(self, verdict: Verdict) -> None:
        """The result of the comparison."""


class _NoListener:
    def vectors(self, done: int, total: int) -> None: ...

    def verdict(self, verdict: Verdict) -> None: ...


@pytest.fixture
def progress_listener(request: pytest.FixtureRequest) -> ProgressListener:
    """Reports to `elegans hil` if it started this run; otherwise does nothing."""
    events: ProgressListener | None = request.config.pluginmanager.get_plugin("elegans-events")
    return events or _NoListener()


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> BuildModel:
    """The BUILD under test: names, formats, digest and golden vectors."""
    build = PluginOptions.of(request.config).build_dir()
    from elegans.hil_tests.session.build_files import load_build

    return load_build(build)


@pytest.fixture
def device(_elegans_board: BoardUnderTest) -> Device:
    """The board under power, reset and synchronised for this test."""
    return _elegans_board.synchronised()


@pytest.fixture
def link(device: Device) -> Link:
    """The open link to the board, reset and synchronised for this test."""
    return device.link


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Add the phase of a `HilError` and the board's log to the report of a failed test."""
    report: pytest.TestReport = yield
    if not report.failed or call.excinfo is None:
        return report
    error = call.excinfo.value
    errors = sys.modules.get("elegans.hil_tests.wire.errors")
    if errors is not None and isinstance(error, errors.HilError):
        item.user_properties.append(("elegans_phase", str(error.phase)))
        if error.phase != errors.Phase.MISMATCH:
            # The test setup failed, not the product. pytest reports an exception in the set-up
            # phase as an error, not as a failure.
            report.when = "setup"
    # One line explains a wrong use or a wrong bit; a traceback would not help.
    known = sys.modules.get("elegans.exporter.errors")
    in_one_line = report.when == "setup" or getattr(error, "phase", None) == "MISMATCH"
    if in_one_line and known is not None and isinstance(error, known.ElegansError):
        report.longrepr = str(error)
    board = item.config.stash.get(_BOARD, None)
    if board is not None and (log := board.log()):
        text = "\n".join(log[-_LOG_LINES:])
        report.sections.append(("board log", text))
        # JUnit reports have no sections, but they have properties.
        item.user_properties.append(("elegans_log", text))
    report.user_properties = list(item.user_properties)
    return report
