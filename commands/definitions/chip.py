"""Verbs that bring a network onto a board and test it there: `export` to `bench`."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from elegans.commands.edge import say
from elegans.commands.options.data import compare_options, replay_options
from elegans.commands.options.export import export_options
from elegans.commands.options.hil import HilOptions, hil_options
from elegans.commands.options.reports import Reports, report_options
from elegans.commands.options.shared import (
    BUILD,
    JSON,
    PATH,
    boards_options,
    emulator_options,
    firmware_options,
    output_option,
)
from elegans.commands.options.values import Number, Replaced
from elegans.commands.verbs import verb
from elegans.exporter.data.recordings.time_series import Stamps
from elegans.exporter.errors import WrongUseError


@verb(
    "elegans export model.onnx -o build/model;"
    " elegans export model.onnx -o build/model --input-range -2:2 --dt-range 0.01:0.1;"
    " elegans export model.onnx -o build/model --ranges-from train.csv;"
    " elegans export other.onnx -o build/model --state hx:hx_out --state cx:cx_out --elapsed ts"
)
@click.argument("model", type=PATH)
@output_option("BUILD folder to write", required=True)
@export_options
def export(model: Path, output: Path, options: dict[str, Any]) -> None:
    """Turn an ONNX MODEL into fixed-point C.

    The BUILD folder also gets an integer reference, golden vectors, and a report of every
    range. The same MODEL and options always give the same bytes.
    """
    from elegans.commands.chip.export import export_model

    export_model(model, output, options)


@verb("elegans build build/model --board mps2-an386 --level s")
@BUILD
@firmware_options
@JSON
def build(build: Path, board: str, compiler: str, level: str, as_json: bool) -> None:
    """Compile the firmware of a BUILD for a board."""
    from elegans.boards.descriptors.descriptor import find_board
    from elegans.boards.firmware.build import build_firmware

    done = build_firmware(build, find_board(board), compiler, level)
    figures = {"board": board, "elf": str(done.elf), **done.figures}
    say(json.dumps(figures) if as_json else f"{done.elf}: {done.summary}")


@verb(
    "elegans flash build/model --board nucleo-l432kc; "
    "elegans flash build/model --board raspberry-pi-pico --drive /media/me/RPI-RP2; "
    "elegans flash build/model --board nucleo-l432kc --rom /dev/ttyUSB0"
)
@BUILD
@emulator_options
@click.option("--probe", help="unique id of the debug probe, or the first characters of it")
@click.option("--drive", type=PATH, help="folder of a UF2 boot drive, or a .uf2 file to write")
@click.option("--rom", help="serial port of an STM32 that was reset with BOOT0 high")
def flash(
    build: Path,
    board: str,
    compiler: str,
    level: str,
    emulator: str,
    probe: str | None,
    drive: Path | None,
    rom: str | None,
) -> None:
    """Write the firmware of a BUILD into a board.

    Then it is read back and started. This uses the board's debug probe, unless --drive or
    --rom is given. A virtual board is started in its emulator, asked for its identity, and
    stopped.
    """
    from elegans.commands.chip.flashing import flash_board
    from elegans.hil_tests.session.session import BoardOptions

    ways = {"probe": probe, "drive": drive, "rom": rom}
    if sum(way is not None for way in ways.values()) > 1:
        raise click.UsageError("give one of --probe, --drive and --rom")
    options = BoardOptions(emulator, compiler, level, probe=probe)
    say(flash_board(build, board, options, drive, rom))


@verb(
    "elegans run build/model --input drive.npz --output out.npz --on mps2-an386;"
    " elegans run build/model --input patients/ --labels labels.csv --output out.npz"
)
@BUILD
@replay_options
def run(
    build: Path,
    source: Path,
    output: Path,
    labels: str | None,
    clip: bool,
    stamps: Stamps | None,
    on: str,
    **where: Any,
) -> None:
    """Run recorded data through a BUILD, one series or many.

    The result is the same file, byte for byte, wherever it runs.
    """
    from elegans.commands.chip.replay import run_data
    from elegans.hil_tests.session.replay import Target

    run_data(build, source, output, Target(on, **where), labels, clip, stamps)


@verb(
    "elegans compare build/model --input drive.npz --plot worst.png;"
    " elegans compare build/model --input sensors.csv --labels class;"
    " elegans compare build/model --input data.csv --time 't [ms]' --group session --labels state"
)
@BUILD
@compare_options
@JSON
def compare(build: Path, as_json: bool, **options: Any) -> None:
    """Compare a BUILD with its float network on your data.

    Float and integers run free, each on its own states: the error of each state and output,
    the share of equal decisions, and the accuracy of both where labels are given. No board and
    no compiler is needed.
    """
    from elegans.commands.chip.compare import compare as compare_on_data

    compare_on_data(build, as_json=as_json, **options)


@verb(
    "elegans hil build/model --board mps2-an386 --junit hil.xml --html hil.html; "
    "elegans hil build/model --map lab.toml --tag fast --history hil.jsonl; "
    "elegans hil build/model --map lab.toml --name bench-1 --tests test_mine.py; "
    "elegans hil --compare build/old build/model"
)
@report_options
@hil_options
def hil(build: Path, options: HilOptions, reports: Reports) -> None:
    """Test a BUILD on a board, to the bit.

    The hardware-in-the-loop tests compare every golden vector, and try damaged frames and
    resets; with --map, on all boards of a lab. The exit code is 1 if a result is wrong, and 3
    if a board could not be tested.
    """
    from elegans.commands.chip.hil import hil as test_on_boards

    sys.exit(test_on_boards(build, options, reports))


@verb(
    "elegans bench build/model --board microbit; elegans bench build/model --all --level s;"
    " elegans bench build/model --board mps2-an386 --header model_cost.h"
)
@BUILD
@boards_options
@click.option(
    "--header",
    type=Replaced(".h"),
    metavar="FILE",
    help="Write the figures of the one board as macros of C, as a bound for a watchdog.",
)
@click.option(
    "--measure",
    "meter",
    type=click.Choice(["joulescope", "ppk2", "csv"]),
    help="power meter that shows the steps of the one board, or csv for a recorded trace",
)
@click.option("--trace", type=PATH, help="CSV file with time, current, voltage and mark")
@click.option(
    "--seconds",
    default=2.0,
    show_default=True,
    type=Number(min=0.0, min_open=True),
    help="how long to record",
)
@JSON
def bench(
    build: Path,
    names: tuple[str, ...],
    compiler: str,
    level: str,
    header: Path | None,
    meter: str | None,
    trace: Path | None,
    seconds: float,
    as_json: bool,
) -> None:
    """Measure what one step of a BUILD costs.

    Instructions by function and layer, estimated cycles, flash, RAM and stack; and whether
    any branch depends on the data. With --measure also the energy of the steps that a meter
    shows, while the board executes them.
    """
    from elegans.commands.chip.bench import bench as measure
    from elegans.commands.chip.cost_header import write_cost_header
    from elegans.commands.chip.measure import measured

    for option, value in (("--header", header), ("--measure", meter)):
        if value is not None and len(names) != 1:
            raise WrongUseError(option, "needs exactly one board", "name it with --board")
    if trace is not None and meter is None:
        raise WrongUseError("--trace", "is read by --measure csv", "give both")
    show = partial(measured, meter=meter, trace=trace, seconds=seconds) if meter else None
    found = measure(build, names, compiler, level, as_json, show)
    if header is not None:
        write_cost_header(build, found[0], header)
