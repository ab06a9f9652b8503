"""The boards that a pytest run tests: which they are, and the connection to each of them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from elegans.boards.descriptors.descriptor import find_board
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.hil_tests.lab import DEFAULT_BOARD
from elegans.hil_tests.lab.lab_map import BoardEntry, claimed, read_map, select
from elegans.hil_tests.lab.plugin_options import PluginOptions
from elegans.hil_tests.session.session import BoardOptions, Device, session
from elegans.hil_tests.wire.errors import HilError


def chosen_boards(options: PluginOptions) -> list[BoardEntry]:
    """The boards on which every test runs: those of the map, or of the command line.

    Raises `WrongUseError` for a board that is not known, and for options that contradict each
    other.
    """
    if options.map is not None:
        for option in ("port", "probe", "emulator"):
            if getattr(options, option) not in (None, "auto"):
                fact = "the map states it for each board"
                raise WrongUseError(f"--{option}", fact, f"leave out --{option}")
        entries = read_map(Path(options.map))
        return select(entries, options.board, options.name, options.tag)
    for option in ("tag", "name"):
        if getattr(options, option):
            fact = "selects boards of a map"
            raise WrongUseError(f"--{option}", fact, "add its --map")
    boards = options.board or (DEFAULT_BOARD,)
    if len(boards) > 1 and (options.port or options.probe):
        fact = f"there are {len(boards)} of them and one port or probe"
        raise WrongUseError("--board", fact, "write a map with an entry for each board: --map")
    entries = [_entry(board, options) for board in boards]
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise WrongUseError("--board", f"{name} is given twice", "give it once")
    return entries


def _entry(board: str, options: PluginOptions) -> BoardEntry:
    """A board of the command line. One on a port may have no descriptor."""
    by_path = board.endswith(".toml")
    if by_path or options.port is None or options.probe is not None:
        find_board(board)
    name = Path(board).stem if by_path else board
    return BoardEntry(name, board, options.port, options.probe, options.emulator)


class BoardUnderTest:
    """One board of a test run: connected at its first use, and again after `disconnect`.

    first_difference   the first wrong bit that a test has found on it, None if there is none
    """

    def __init__(self, entry: BoardEntry, options: PluginOptions) -> None:
        self.entry = entry
        self.first_difference: str | None = None
        self._options = options
        self._stack = ExitStack()
        self._device: Device | None = None
        self._failed: ElegansError | None = None

    @property
    def absent(self) -> bool:
        """Whether it could not be connected."""
        return self._failed is not None

    def device(self) -> Device:
        """The board, powered, synchronised and identified. Raises as `session` does.

        After a failure the same error is raised for every test, without another attempt.
        """
        if self._failed is not None:
            # Without the traceback, which pytest formats and which each raise makes longer.
            raise self._failed.with_traceback(None)
        if self._device is None:
            try:
                self._device = self._connect()
            except ElegansError as error:
                self._failed = error
                self.disconnect()
                raise
        return self._device

    def _connect(self) -> Device:
        plugin, entry = self._options, self.entry
        # An emulated board that is on no map is this run's own: nobody else can have it.
        if plugin.map is not None or entry.port or entry.probe:
            entry = self._stack.enter_context(claimed([entry], plugin.wait))
        options = BoardOptions(
            entry.emulator, plugin.compiler, plugin.level, entry.port, probe=entry.probe
        )
        return self._stack.enter_context(session(plugin.build_dir(), entry.board, options))

    def synchronised(self) -> Device:
        """The board after a reset. If it does not answer, it is connected again once."""
        device = self.device()
        try:
            device.link.hello(within=2.0)
            device.link.reset(within=2.0)
        except HilError:
            self.disconnect()
            device = self.device()
        return device

    def disconnect(self) -> None:
        """Close the link, power the board off and let others have it."""
        self._device = None
        self._stack.close()

    def start_again(self) -> None:
        """Disconnect, and forget that it could not be connected."""
        self.disconnect()
        self._failed = None

    def log(self) -> list[str]:
        """The log of the board and of its emulator."""
        return [] if self._device is None else self._device.log()
