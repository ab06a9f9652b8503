"""Verbs that show what a network does: `demo`, `inspect`, `drive`, `monitor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from elegans.commands.edge import say
from elegans.commands.options.data import CLIP
from elegans.commands.options.export import export_options
from elegans.commands.options.shared import (
    BOARD,
    BUILD,
    COMPILER,
    EMULATOR,
    PATH,
    PORT,
    SEED,
    given,
    output_option,
)
from elegans.commands.options.values import Replaced
from elegans.commands.verbs import verb


@verb("elegans demo; elegans demo --short -o /tmp/demo")
@output_option(
    "folder for model, BUILD, report.html and drive.html", default="build/demo", show_default=True
)
@click.option("--short", is_flag=True, help="train fewer epochs and drive 20 s instead of 60")
@BOARD
@EMULATOR
@COMPILER
@SEED
def demo(output: Path, short: bool, board: str, emulator: str, compiler: str, seed: int) -> None:
    """Train and export a network, compare every bit on a board, and let it steer a car."""
    from elegans.trainer.progress import shown

    with shown() as progress:
        progress("load", 0, 1, "elegans")
        from elegans.demo import report
        from elegans.demo.run_demo import Settings, run_demo

        result = run_demo(output, Settings(board, emulator, compiler, seed, short), progress)
    say(report.table(result))
    result.require()


_FIGURES = (
    "activity",
    "circuit",
    "cost",
    "cuts",
    "decision",
    "drivers",
    "memory",
    "ranges",
    "time-constants",
)


@verb(
    "elegans inspect build/model -o report.html;"
    " elegans inspect build/model --input drive.csv -o report.html;"
    " elegans inspect model.onnx --figure circuit --format svg -o circuit.svg"
)
@click.argument("model", metavar="BUILD|MODEL", type=PATH)
@output_option(
    "page of HTML to write, or figure",
    required=True,
    type=Replaced(".html", ".svg", ".png", ".json"),
)
@click.option(
    "--input",
    "source",
    type=PATH,
    help="recording to look at, as 'elegans run' takes it, of which the first series counts; "
    "default: the golden vectors",
)
@CLIP
@click.option("--figure", type=click.Choice(_FIGURES), help="write this figure instead of the page")
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "png", "json"]),
    help="format of the figure; default: that of the name of the file, or else svg",
)
@export_options
def inspect(model: Path, output: Path, options: dict[str, Any]) -> None:
    """See what a network does and why, on one page.

    The circuit from its trained weights, a decision traced from the sensors to the output, the
    time constants, what every cut changes, ranges and cost. The page needs no network. An ONNX
    MODEL is exported first, with the options of 'elegans export'.
    """
    from elegans.commands.viewing.inspect import inspect as inspect_model

    source, clip = options.pop("source"), options.pop("clip")
    figure, form = options.pop("figure"), options.pop("form")
    if form is not None and figure is None:
        raise click.UsageError("--format is that of a figure: name it with --figure")
    if not model.is_file():
        _refuse_export_options(model)
    ending = output.suffix.removeprefix(".")
    form = form or (ending if ending in ("svg", "png", "json") else "svg")
    inspect_model(model, output, source, clip, None if figure is None else (figure, form), options)


def _refuse_export_options(build: Path) -> None:
    """Raise `click.UsageError` if an option of an export was given for what is exported already."""
    own = {"model", "output", "source", "clip", "figure", "form"}
    for param in click.get_current_context().command.params:
        if param.name not in own and given(str(param.name)) is not None:
            raise click.UsageError(f"{build} is exported already: leave out {param.opts[0]}")


@verb(
    "elegans drive build/demo/export --board mps2-an386;"
    " elegans drive build/demo/export --board nucleo-l432kc --port /dev/ttyACM0"
)
@BUILD
@BOARD
@PORT
@EMULATOR
@COMPILER
def drive(build: Path, board: str, port: str | None, emulator: str, compiler: str) -> None:
    """Let a board steer a car, live in a browser.

    Serves a page on this machine. The states come from the board over its serial port; the
    same C runs along in the page, and every integer of the two is compared.
    """
    from elegans.commands.viewing.drive import drive as serve
    from elegans.hil_tests.session.session import BoardOptions

    serve(build, board, BoardOptions(emulator, compiler, port=port))


@verb(
    "elegans monitor build/demo/export --board mps2-an386;"
    " elegans monitor build/model --board nucleo-l432kc --input sensors.csv --csv states.csv"
)
@BUILD
@BOARD
@PORT
@EMULATOR
@COMPILER
@click.option(
    "--input",
    "source",
    type=PATH,
    help="recorded data, as 'elegans run' takes them; default: the simulated car of the task lane",
)
@click.option(
    "--csv", "table", type=Replaced(".csv"), help="file for a line of values for each step"
)
@click.option("--fast", is_flag=True, help="as fast as the board goes, not in real time")
@SEED
def monitor(
    build: Path,
    board: str,
    port: str | None,
    emulator: str,
    compiler: str,
    source: Path | None,
    table: Path | None,
    fast: bool,
    seed: int,
) -> None:
    """Show a board's states and outputs in the terminal, step by step.

    Every integer is compared with the reference. Ctrl-C ends it.
    """
    from elegans.commands.viewing.monitor import monitor as watch
    from elegans.hil_tests.session.session import BoardOptions

    options = BoardOptions(emulator, compiler, port=port)
    sys.exit(watch(build, board, options, source, table, fast, seed))
