"""The command line: one function per command, which reads options and calls what does the work.

Exit codes: 0 for success; 1 when the work failed (integers differ, a range cannot be proved, the
firmware does not compile); 2 when it was asked for wrongly (an unknown option or board, a file
that is not there); 3 when a board could not be tested or reached. Progress goes to stderr,
results go to stdout. Slow imports stand inside the functions, so that --help is fast.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from elegans.commands.edge import say
from elegans.commands.options.data import compare_options, replay_options
from elegans.commands.options.export import export_options
from elegans.commands.options.hil import HilOptions, hil_options
from elegans.commands.options.reports import Reports, report_options
from elegans.commands.options.shared import (
    BOARD,
    BUILD,
    COMPILER,
    EMULATOR,
    JSON,
    PATH,
    SEED,
    boards_options,
    emulator_options,
    firmware_options,
    output_option,
)
from elegans.commands.options.train import train_options
from elegans.commands.verbs import Verbs, example


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    **example(
        "elegans train lane -o build/lane;"
        " elegans export build/lane/model.onnx -o build/model;"
        " elegans hil build/model --board mps2-an386"
    ),
)
@click.version_option(package_name="elegans")
@click.option("--debug", is_flag=True, expose_value=False, help="show the traceback of an error")
def main() -> None:
    """Run liquid neural networks on microcontrollers and verify every bit.

    A MODEL is an ONNX file with one step of a network. 'export' turns it into a BUILD: a
    folder of fixed-point C, an integer reference and golden vectors. The other commands
    compile a BUILD, run it on a board or an emulator, and compare or measure it.
    """


@main.command(
    **example(
        "elegans train lane -o build/lane;"
        " elegans train data.csv --time 't [ms]' --target state --group session -o build/mine;"
        " elegans train data.csv --time t --inputs a,b --target a --forecast 10 -o build/mine"
    )
)
@click.argument("what")
@output_option("folder for model.onnx, weights, metrics and pictures", required=True)
@SEED
@click.option("--epochs", type=click.IntRange(1), help="passes over the data, at most")
@click.option("--short", is_flag=True, help="train a few epochs only, to try the command")
@train_options
def train(what: str, output: Path, seed: int, epochs: int | None, short: bool, **more: Any) -> None:
    """Train a network and write it as model.onnx.

    WHAT is a file of recordings (.csv, .parquet, .npz), a folder of them, or a task: lane
    steers a simulated car; motions tells activities apart by a smartwatch's sensors; daphnet,
    gesture and occupancy are published recordings.
    """
    from elegans.commands.train import train as train_on
    from elegans.trainer.tasks import TrainOptions

    train_on(what, output, TrainOptions(seed, short, epochs), more)


@main.command(
    **example(
        "elegans export model.onnx -o build/model;"
        " elegans export model.onnx -o build/model --input-range -2:2 --dt-range 0.01:0.1;"
        " elegans export model.onnx -o build/model --ranges-from train.csv;"
        " elegans export other.onnx -o build/model --state hx:hx_out --state cx:cx_out --elapsed ts"
    )
)
@click.argument("model", type=PATH)
@output_option("BUILD folder to write", required=True)
@export_options
def export(model: Path, output: Path, options: dict[str, Any]) -> None:
    """Turn an ONNX MODEL into fixed-point C.

    The BUILD folder also gets an integer reference, golden vectors, and a report of every
    range. The same MODEL and options always give the same bytes.
    """
    from elegans.commands.export import export_model

    export_model(model, output, options)


@main.command(**example("elegans build build/model --board mps2-an386 --level s"))
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


@main.command(
    **example(
        "elegans flash build/model --board nucleo-l432kc; "
        "elegans flash build/model --board raspberry-pi-pico --drive /media/me/RPI-RP2; "
        "elegans flash build/model --board nucleo-l432kc --rom /dev/ttyUSB0"
    )
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
    from elegans.commands.flashing import flash_board
    from elegans.hil_tests.session.session import BoardOptions

    ways = {"probe": probe, "drive": drive, "rom": rom}
    if sum(way is not None for way in ways.values()) > 1:
        raise click.UsageError("give one of --probe, --drive and --rom")
    options = BoardOptions(emulator, compiler, level, probe=probe)
    say(flash_board(build, board, options, drive, rom))


@main.command(
    **example(
        "elegans run build/model --input drive.npz --output out.npz --on mps2-an386;"
        " elegans run build/model --input patients/ --labels labels.csv --output out.npz"
    )
)
@BUILD
@replay_options
def run(
    build: Path,
    source: Path,
    output: Path,
    labels: str | None,
    clip: bool,
    on: str,
    **where: Any,
) -> None:
    """Run recorded data through a BUILD, one series or many.

    The result is the same file, byte for byte, wherever it runs.
    """
    from elegans.commands.replay import run_data
    from elegans.hil_tests.session.replay import Target

    run_data(build, source, output, Target(on, **where), labels, clip)


@main.command(
    **example(
        "elegans compare build/model --input drive.npz --plot worst.png;"
        " elegans compare build/model --input sensors.csv --labels class"
    )
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
    from elegans.commands.compare import compare as compare_on_data

    compare_on_data(build, as_json=as_json, **options)


@main.command(
    **example(
        "elegans hil build/model --board mps2-an386 --junit hil.xml --html hil.html; "
        "elegans hil build/model --map lab.toml --tag fast --history hil.jsonl; "
        "elegans hil build/model --map lab.toml --name bench-1 --tests test_mine.py; "
        "elegans hil --compare build/old build/model"
    )
)
@report_options
@hil_options
def hil(build: Path, options: HilOptions, reports: Reports) -> None:
    """Test a BUILD on a board, to the bit.

    The hardware-in-the-loop tests compare every golden vector, and try damaged frames and
    resets; with --map, on all boards of a lab. The exit code is 1 if a result is wrong, and 3
    if a board could not be tested.
    """
    from elegans.commands.hil import hil as test_on_boards

    sys.exit(test_on_boards(build, options, reports))


@main.command(
    **example(
        "elegans bench build/model --board microbit; elegans bench build/model --all --level s"
    )
)
@BUILD
@boards_options
@JSON
def bench(build: Path, names: tuple[str, ...], compiler: str, level: str, as_json: bool) -> None:
    """Measure what one step of a BUILD costs.

    Instructions by function and layer, estimated cycles, flash, RAM and stack; and whether
    any branch depends on the data.
    """
    from elegans.commands.bench import bench as measure

    measure(build, names, compiler, level, as_json)


@main.group(
    invoke_without_command=True,
    **example("elegans boards; elegans boards scan -o lab.toml"),
)
@JSON
@click.pass_context
def boards(ctx: click.Context, as_json: bool) -> None:
    """List the known boards and those plugged in."""
    from elegans.commands.lab import describe_boards

    if ctx.invoked_subcommand is None:
        say(describe_boards(as_json))


@boards.command(**example("elegans boards scan -o lab.toml"))
@output_option("file to write; default: stdout")
def scan(output: Path | None) -> None:
    """Write a map (TOML) of the boards that are plugged in.

    Edit it to give the boards names and tags; 'elegans hil --map' reads it.
    """
    from elegans.commands.lab import scan_map

    say(scan_map(output))


@main.command(**example("elegans doctor; elegans doctor --port /dev/ttyACM0"))
@click.option("--port", help="test the line to the board on this serial port instead")
@click.option(
    "--baud", default=115200, show_default=True, help="baud rate of the board after a reset"
)
def doctor(port: str | None, baud: int) -> None:
    """Check what is installed and what is missing.

    It says how to install what is missing. With --port it tests a serial line instead:
    whether a board answers, and how fast.
    """
    from elegans.boards.doctor import examine

    if port is not None:
        from elegans.hil_tests.link.baud_rate import examine_line

        say("\n".join(examine_line(port, baud)))
        return
    findings = examine()
    for finding in findings:
        say(str(finding))
    if any(finding.needed and not finding.present for finding in findings):
        sys.exit(1)


@main.command(**example("elegans demo; elegans demo --short -o /tmp/demo"))
@output_option("folder for model, BUILD and report.html", default="build/demo", show_default=True)
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
