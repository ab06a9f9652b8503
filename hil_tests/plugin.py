"""The pytest plug-in: powered boards as fixtures, and options that choose the boards.

    def test_my_model_settles(link, model):
        y, h = run(link, ...)

A test that uses one of the fixtures runs on every board that is asked for, and has the board in
its id: ``test_my_model_settles[bench-1]``.

It is registered as an entry point, so every pytest run in this environment imports it. It
therefore imports no large module until a fixture is used, and leaves out an option that another
plug-in has defined already. ``-p no:elegans`` switches it off, if a plug-in that is loaded later
defines the same option.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from elegans.hil_tests.lab.plugin_options import PluginOptions, add_options
from elegans.hil_tests.lab.results import BoardResults

if TYPE_CHECKING:
    from elegans.hil_tests.lab.board_under_test import BoardUnderTest
    from elegans.hil_tests.lab.lab_map import BoardEntry
    from elegans.hil_tests.link.link import Link
    from elegans.hil_tests.session.build_files import BuildModel
    from elegans.hil_tests.session.compare import Verdict
    from elegans.hil_tests.session.session import Device

_ENTRIES = pytest.StashKey["list[BoardEntry]"]()
_BOARDS = pytest.StashKey["dict[str, BoardUnderTest]"]()


@pytest.hookimpl(trylast=True)
def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Any:
    """With -n alone, let one worker run all tests of a board.

    xdist itself would choose ``--dist load``, which hands out test by test. As a wrapper this runs
    before xdist chooses.
    """
    options, xdist = PluginOptions.of(config), config.option
    chosen = getattr(xdist, "dist", None) != "no" or getattr(xdist, "distload", False)
    if not chosen and xdist.numprocesses and _uses_boards(options):
        xdist.dist = "loadgroup"
    return (yield)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For ``--dist loadgroup``: the tests of a board are a group."""
    if config.option.dist != "loadgroup" or not _uses_boards(PluginOptions.of(config)):
        return None
    from elegans.hil_tests.lab.board_scheduling import board_scheduler

    return board_scheduler(config, log, [entry.name for entry in _entries(config)])


def _uses_boards(options: PluginOptions) -> bool:
    return options.names_a_board or options.build is not None


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a board or a BUILD that is not there before any test runs."""
    options = PluginOptions.of(config)
    boards = config.stash[_BOARDS] = {}
    config.pluginmanager.register(BoardResults(boards, options.retries), "elegans-results")
    if options.build is not None and not Path(options.build, "model.json").exists():
        remedy = "give the folder that `elegans export` wrote"
        raise pytest.UsageError(f"{options.build}/model.json: is not there; {remedy}")
    if options.names_a_board:
        _entries(config)


def _entries(config: pytest.Config) -> list[BoardEntry]:
    """The boards on which every test runs."""
    if _ENTRIES not in config.stash:
        from elegans.exporter.errors import ElegansError
        from elegans.hil_tests.lab.board_under_test import chosen_boards

        try:
            config.stash[_ENTRIES] = chosen_boards(PluginOptions.of(config))
        except ElegansError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_ENTRIES]


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make of each test that uses a board one test for every board."""
    if "_elegans_entry" not in metafunc.fixturenames:
        return
    boards = [pytest.param(entry, id=entry.name) for entry in _entries(metafunc.config)]
    metafunc.parametrize("_elegans_entry", boards, indirect=True, scope="session")


@pytest.fixture(scope="session")
def _elegans_entry(request: pytest.FixtureRequest) -> BoardEntry:
    """The board of the test, which `pytest_generate_tests` has chosen."""
    if hasattr(request, "param"):
        entry: BoardEntry = request.param
        return entry
    from elegans.exporter.errors import WrongUseError

    entries = _entries(request.config)
    if len(entries) > 1:
        fact = f"there are {len(entries)} boards, and this test does not say that it uses one"
        remedy = "name device, link, model or board among the arguments of the test"
        raise WrongUseError("request.getfixturevalue", fact, remedy)
    return entries[0]


@pytest.fixture(scope="session")
def _elegans_board(
    request: pytest.FixtureRequest, _elegans_entry: BoardEntry
) -> Iterator[BoardUnderTest]:
    options = PluginOptions.of(request.config)
    options.build_dir()
    from elegans.hil_tests.lab.board_under_test import BoardUnderTest

    boards = request.config.stash[_BOARDS]
    board = boards.setdefault(_elegans_entry.name, BoardUnderTest(_elegans_entry, options))
    yield board
    board.disconnect()


@pytest.fixture
def board(device: Device) -> str:
    """The name of the board under test."""
    return device.board


@pytest.fixture
def right_bits(_elegans_board: BoardUnderTest) -> None:
    """Skips a test that needs right results, if a wrong bit was found on its board before.

    So one wrong weight fails one test, which names the first difference.
    """
    if _elegans_board.first_difference is not None:
        pytest.skip(f"needs right bits: {_elegans_board.first_difference}")


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
def model(request: pytest.FixtureRequest, _elegans_entry: BoardEntry) -> BuildModel:
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
