"""The pytest plugin: a board under power as a fixture, and options to say which.

    def test_my_model_settles(link, model):
        y, h = run(link, ...)

It is an entry point, so it is imported by every pytest run on this machine: it imports
nothing of weight until a fixture is asked for, and gives way where another plugin has
taken an option's name. ``-p no:elegans`` switches it off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from elegans.hil_tests.link import Link
    from elegans.hil_tests.session import Device
    from elegans.hil_tests.vectors import Model

_OPTIONS = {
    "--board": ("mps2-an386", "board to test (default: mps2-an386)"),
    "--build": (None, "BUILD directory made by `elegans export`"),
    "--emulator": ("auto", "unicorn, qemu or auto (default)"),
    "--compiler": ("auto", "zig, gcc or auto (default)"),
    "--optimise": ("2", "optimisation level of the firmware: 0, 1, 2, 3 or s"),
    "--port": (None, "serial port of a real board that runs this BUILD already"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("elegans", "elegans: liquid networks on boards")
    for name, (default, text) in _OPTIONS.items():
        with suppress(ValueError):  # somebody else's option has this name: theirs stays
            group.addoption(
                name, dest=f"elegans_{name[2:]}", default=default, help=f"elegans: {text}"
            )


class Bench:
    """One board for a whole run, powered at its first use and again after it was dropped."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._stack = ExitStack()
        self._device: Device | None = None

    def device(self) -> Device:
        """The board, powered, synchronised and identified."""
        if self._device is None:
            from elegans.hil_tests.session import session

            option = self._config.getoption
            self._device = self._stack.enter_context(
                session(
                    Path(option("elegans_build")),
                    option("elegans_board"),
                    emulator=option("elegans_emulator"),
                    compiler=option("elegans_compiler"),
                    optimise=option("elegans_optimise"),
                    port=option("elegans_port"),
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
        return [] if self._device is None else list(self._device.link.log)


@pytest.fixture(scope="session")
def _elegans_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.config.getoption("elegans_build", None) is None:
        pytest.skip("no BUILD to put on a board: give one with --build")
    bench = Bench(request.config)
    request.config.stash[_BENCH] = bench
    yield bench
    bench.drop()


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest) -> str:
    """The name of the board under test."""
    return str(request.config.getoption("elegans_board"))


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> Model:
    """The BUILD under test: names, formats, digest and golden vectors."""
    build = request.config.getoption("elegans_build", None)
    if build is None:
        pytest.skip("no BUILD to test: give one with --build")
    from elegans.hil_tests.vectors import load

    return load(Path(build))


@pytest.fixture
def device(_elegans_bench: Bench) -> Device:
    """The board under power, synchronised again for this test."""
    return _elegans_bench.synchronised()


@pytest.fixture
def link(device: Device) -> Link:
    """The open link to the board, synchronised again for this test."""
    return device.link


_BENCH = pytest.StashKey[Bench]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Give a report the phase of a `HilError`, and the board's log when the test failed."""
    report: pytest.TestReport = yield
    if not report.failed or call.excinfo is None:
        return report
    if phase := getattr(call.excinfo.value, "phase", None):
        report.user_properties.append(("elegans_phase", str(phase)))
    bench = item.config.stash.get(_BENCH, None)
    if bench is not None and (log := bench.log()):
        report.sections.append(("board log", "\n".join(log)))
    return report
