"""The command line: one function a verb, and nothing else.

Every verb exits with 0, with 1 when the work failed (a mismatch, a range, a build) or with
2 when it was asked wrongly. Progress and tables go to stderr, results to stdout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from elegans.commands.options import (
    BUILD,
    JSON,
    LEVELS,
    Two,
    Verbs,
    emulated,
    example,
    on_board,
    on_boards,
    powered,
    sized,
)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="elegans")
def main() -> None:
    """Liquid neural networks on microcontrollers, proved to the bit.

    \b
    train     a network in PyTorch, to model.onnx
    export    model.onnx to fixed-point C, with golden vectors
    hil       compare a board with the reference, bit for bit
    demo      all of it at once: a circuit of 19 neurons steers a car
    """


@main.command(**example("elegans train lane -o build/lane; elegans train motions -o build/motions"))
@click.argument("task", type=click.Choice(["lane", "motions"]))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="folder")
@click.option("--seed", default=1, show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="passes over the data; default: the task's")
@click.option("--short", is_flag=True, help="a few epochs only, to see that everything works")
def train(task: str, output: Path, seed: int, epochs: int | None, short: bool) -> None:
    """Train a TASK and write model.onnx, weights, metrics and pictures."""
    from elegans.trainer.progress import shown
    from elegans.trainer.tasks import TrainOptions
    from elegans.trainer.tasks import train as train_task

    with shown() as progress:
        metrics = train_task(task, output, TrainOptions(seed, short, epochs), progress)
    click.echo(json.dumps(metrics, indent=1))


@main.command(
    **example(
        "elegans export model.onnx -o build/model;"
        " elegans export model.onnx -o BUILD --input-range -2:2 --dt-range 0.01:0.1;"
        " elegans export other.onnx -o BUILD --state hx:hx_out --state cx:cx_out --elapsed ts"
    )
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="BUILD folder")
@click.option("--name", help="prefix of the C functions; default: the model's own name")
@click.option(
    "--input-range", "ranges", type=Two("LO:HI", float), multiple=True, help="for all, or one each"
)
@click.option("--dt-range", type=Two("LO:HI", float), help="of the elapsed time between steps")
@click.option("--dt", type=float, help="a sample period that never varies, folded into the weights")
@sized
@click.option("--recording", type=click.Path(path_type=Path), help="x, dt (.npz) for the vectors")
@click.option(
    "--state",
    "states",
    type=Two("IN:OUT", str),
    multiple=True,
    help="where the graph is ambiguous",
)
@click.option("--elapsed", help="the input that is the elapsed time, where it is ambiguous")
def export(
    model: Path,
    output: Path,
    name: str | None,
    ranges: tuple[tuple[float, float], ...],
    dt_range: tuple[float, float] | None,
    dt: float | None,
    weights: str,
    optimise: str,
    flash_limit: int | None,
    recording: Path | None,
    states: tuple[tuple[str, str], ...],
    elapsed: str | None,
) -> None:
    """Turn an ONNX step MODEL into fixed-point C, a reference and golden vectors.

    A recording.npz beside MODEL is taken for the vectors unless --recording names another.
    """
    from elegans.exporter import export as exporter

    if dt is not None and dt_range is not None:
        raise click.UsageError("--dt fixes the sample period; leave out --dt-range")
    beside = model.parent / "recording.npz"
    recording = recording or (beside if beside.exists() else None)
    bits = int(weights.removeprefix("int"))
    request = exporter.Request(
        *(model, name, ranges, dt_range, dt, recording, bits, states, elapsed),
        optimise=optimise,
        flash_limit=flash_limit,
    )
    done = exporter.export(request, output, lambda stage: click.echo(f"{stage} ...", err=True))
    size = f"{len(done.states)} neurons, {done.weights} {weights} weights"
    click.echo(f"{output}: {done.name}, {size}; {output / 'report.txt'} tells what they cost")
    click.echo(f"digest {done.digest}")


@main.command(**example("elegans build build/model --board mps2-an386"))
@BUILD
@on_board
@JSON
def build(build: Path, board: str, compiler: str, optimise: str, as_json: bool) -> None:
    """Compile the firmware of a BUILD for a board."""
    from elegans.boards.descriptors.descriptor import find_board
    from elegans.boards.firmware.build import build as build_firmware

    done = build_firmware(build, find_board(board), compiler, optimise)
    sizes = {"flash_bytes": done.flash_bytes, "ram_bytes": done.ram_bytes}
    told = f"{done.elf}: model {done.flash_bytes} bytes flash, {done.ram_bytes} bytes RAM"
    click.echo(json.dumps({"board": board, "elf": str(done.elf), **sizes}) if as_json else told)


@main.command(
    **example(
        "elegans flash build/model --board nucleo-l432kc; "
        "elegans flash build/model --board raspberry-pi-pico --drive /media/me/RPI-RP2; "
        "elegans flash build/model --board nucleo-l432kc --rom /dev/ttyUSB0"
    )
)
@BUILD
@emulated
@click.option("--probe", help="unique id of the debug probe, or its beginning")
@click.option("--drive", type=click.Path(path_type=Path), help="a boot drive, or a .uf2 to write")
@click.option("--rom", help="serial port of an STM32 that was started with BOOT0 high")
def flash(
    build: Path,
    board: str,
    compiler: str,
    optimise: str,
    emulator: str,
    probe: str | None,
    drive: Path | None,
    rom: str | None,
) -> None:
    """Put the firmware of a BUILD into a board, verify it, and start it.

    Through its debug probe, unless --drive or --rom say otherwise. A virtual board is
    booted, says hello, and stops.
    """
    from elegans.commands.flashing import flash_board

    ways = {"probe": probe, "drive": drive, "rom": rom}
    if sum(way is not None for way in ways.values()) > 1:
        raise click.UsageError("give one of --probe, --drive and --rom")
    click.echo(flash_board(build, board, (emulator, compiler, optimise), probe, drive, rom))


@main.command(
    **example(
        "elegans run BUILD --input drive.npz --output out.npz --on reference;"
        " elegans run BUILD --input drive.npz --output out.npz --on mps2-an386"
    )
)
@BUILD
@click.option("--input", "source", type=click.Path(path_type=Path), required=True, help="x, dt, h0")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="y, h, y_int, h_int")
@click.option(
    "--on", default="reference", show_default=True, help="reference, onnx, host or a board"
)
@click.option("--emulator", default="auto")
@click.option("--compiler", default="auto")
@click.option("--optimise", default="auto", type=LEVELS)
@click.option("--port", help="a real board's serial port")
def run(
    build: Path,
    source: Path,
    output: Path,
    on: str,
    emulator: str,
    compiler: str,
    optimise: str,
    port: str | None,
) -> None:
    """Run recorded data through a BUILD: wherever it runs, the result is the same file."""
    from elegans.exporter.files import npz, require_file, write_file
    from elegans.hil_tests.session.replay import Target, replay

    require_file(output)
    arrays = replay(build, source, Target(on, emulator, compiler, optimise, port))
    write_file(output, npz(arrays))
    click.echo(f"{output}: {len(arrays['y'])} steps on {on}")


@main.command(
    **example(
        "elegans hil build/model --board mps2-an386 --junit hil.xml; "
        "elegans hil build/model --map lab.toml --tag fast"
    )
)
@BUILD
@powered
@JSON
@click.option("--junit", type=click.Path(path_type=Path), help="write the verdict as JUnit XML")
@click.option("--probe", help="unique id of a real board's debug probe, to flash it first")
@click.option("--map", "lab", type=click.Path(path_type=Path), help="a lab's boards, all at once")
@click.option("--tag", help="of the map, only the boards with this tag")
def hil(
    build: Path,
    board: str,
    compiler: str,
    optimise: str,
    emulator: str,
    port: str | None,
    as_json: bool,
    junit: Path | None,
    probe: str | None,
    lab: Path | None,
    tag: str | None,
) -> None:
    """Run the HIL suite on a board: golden vectors, bad lines, resets, to the last bit.

    With --map on all of a lab's boards at once. Exit status 1 when a test does not pass.
    """
    from elegans.commands.hil import hil_on_board, hil_on_map

    settings = (compiler, optimise)
    if lab is not None:
        sys.exit(hil_on_map(build, settings, lab, tag, as_json=as_json, junit=junit))
    options = {"board": board, "emulator": emulator, "port": port, "probe": probe}
    sys.exit(hil_on_board(build, settings, options, as_json=as_json, junit=junit))


@main.command(**example("elegans bench build/model --board microbit; elegans bench BUILD --all"))
@BUILD
@on_boards
@JSON
def bench(build: Path, names: tuple[str, ...], compiler: str, optimise: str, as_json: bool) -> None:
    """Count what a step costs: instructions, cycles, flash, RAM and stack."""
    from elegans.commands.bench import bench as measure

    measure(build, names, compiler, optimise, as_json)


@main.group(
    invoke_without_command=True,
    **example("elegans boards; elegans boards scan -o lab.toml"),
)
@JSON
@click.pass_context
def boards(ctx: click.Context, as_json: bool) -> None:
    """List the boards that elegans knows, and those that are plugged in."""
    from elegans.commands.lab import told_boards

    if ctx.invoked_subcommand is None:
        click.echo(told_boards(as_json))


@boards.command(**example("elegans boards scan -o lab.toml"))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="the map; default: stdout")
def scan(output: Path | None) -> None:
    """Write a map of the boards that are plugged in, to be named and tagged by you."""
    from elegans.commands.lab import scan_map

    click.echo(scan_map(output))


@main.command(**example("elegans doctor; elegans doctor --port /dev/ttyACM0"))
@click.option("--port", help="a serial port with a board behind it, to try")
@click.option("--baud", default=115200, show_default=True, help="at which the board starts")
def doctor(port: str | None, baud: int) -> None:
    """Say what is installed, what is missing, and how to get it; or try a line."""
    from elegans.boards.doctor import examine

    if port is not None:
        from elegans.hil_tests.link.baud_rate import examine_line

        click.echo("\n".join(examine_line(port, baud)))
        return
    findings = examine()
    for finding in findings:
        click.echo(str(finding))
    if any(finding.needed and not finding.present for finding in findings):
        sys.exit(1)


@main.command(**example("elegans demo; elegans demo --short -o /tmp/demo"))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("build/demo"))
@click.option("--short", is_flag=True, help="few epochs and fewer steps")
@click.option("--board", default="mps2-an386", show_default=True)
@click.option("--emulator", default="auto")
@click.option("--compiler", default="auto")
@click.option("--seed", default=1, show_default=True)
def demo(output: Path, short: bool, board: str, emulator: str, compiler: str, seed: int) -> None:
    """Train, export, boot, compare every bit, and steer a car from the board."""
    from elegans.demo import acts, report
    from elegans.trainer.progress import shown

    with shown() as progress:
        result = acts.play(output, acts.Stage(board, emulator, compiler, seed, short), progress)
    click.echo(report.table(result))
    result.require()
