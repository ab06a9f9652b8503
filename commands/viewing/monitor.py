"""`elegans monitor`: a board's inputs, outputs, states and link in the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.live import Live

from elegans.commands.edge import say
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.data.user_data import read_user_data
from elegans.exporter.errors import WrongUseError
from elegans.exporter.ir.fixed_model import Model
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.viewer.live.live_board import UP, Health, LiveBoard
from elegans.viewer.live.sources import DataSource, LaneSource, Source
from elegans.viewer.live.state_tau import state_tau
from elegans.viewer.live.terminal import view
from elegans.viewer.live.watch import CsvLog, Moment, watch
from elegans.viewer.pages.drive import require_lane

_FPS = 12


def monitor(
    build: Path,
    board: str,
    options: BoardOptions,
    source: Path | None,
    table: Path | None,
    fast: bool,
    seed: int,
) -> int:
    """Watch a board until the data end, or until Ctrl-C; returns the exit code.

    It is 1 if an integer differs from the reference, else 0. Raises `ElegansError` for data that
    the model cannot take, a file that cannot be written, and as `session` does at the start.
    """
    model = load_model(build)
    samples, tau = _source(build, model, source, seed), state_tau(build)
    last: Moment | None = None
    with contextlib.ExitStack() as stack:
        live = stack.enter_context(LiveBoard(lambda: session(build, board, options), _told))
        log = stack.enter_context(CsvLog(table, model)) if table else None
        draw = stack.enter_context(_screen(model))

        def shown(moment: Moment) -> None:
            nonlocal last
            last = moment
            if log is not None:
                log.add(moment)
            draw(moment)

        with contextlib.suppress(KeyboardInterrupt):
            watch(live, model, samples, tau, shown, real_time=not fast)
    if last is None:
        return 0
    say(
        f"{last.steps:,} steps, {last.compared:,} integers compared, {last.different} different;"
        f" lost {last.health.lost} times" + (f"; {table}" if table else "")
    )
    return int(last.different > 0)


def _source(build: Path, model: Model, source: Path | None, seed: int) -> Source:
    if source is not None:
        folder = read_build_folder(build)
        return DataSource(read_user_data(source, model, folder.period_fixed))
    try:
        require_lane(build, model)
    except WrongUseError as error:
        remedy = "give recorded data: --input"
        raise WrongUseError(error.place, error.fact, remedy) from None
    return LaneSource(model, seed)


def _told(health: Health) -> None:
    if health.state != UP or health.lost:
        say(f"board {health.state}: {health.text}", err=True)


@contextlib.contextmanager
def _screen(model: Model) -> Iterator[Callable[[Moment], None]]:
    """A function that draws a moment, if stdout is a terminal."""
    console = Console()
    if not console.is_terminal:
        yield lambda _: None
        return
    with Live(console=console, auto_refresh=True, refresh_per_second=_FPS) as screen:
        yield lambda moment: screen.update(view(moment, model, console.height, console.width))
