"""The command line: one function a verb, and nothing else.

Every verb exits with 0, with 1 when the work failed (a mismatch, a range, a build) or with
2 when it was asked wrongly. Progress and tables go to stderr, results to stdout.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from elegans.boards.leash import ended_tidily
from elegans.exporter.errors import ElegansError

F = TypeVar("F", bound=Callable[..., Any])


class _Two(click.ParamType[tuple[Any, Any]]):
    """Two of a kind with a colon between: LO:HI, IN:OUT."""

    def __init__(self, name: str, kind: type) -> None:
        self.name, self.kind = name, kind

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, Any]:
        try:
            one, other = (self.kind(part) for part in str(value).rsplit(":", 1))
        except ValueError:
            self.fail(f"{value!r} is not {self.name}, two with a colon between", param, ctx)
        return one, other


class _Verbs(click.Group):
    """Errors a user can act on end in one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with ended_tidily():
                return super().invoke(ctx)
        except ElegansError as error:
            click.echo(f"elegans: {error}", err=True)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def _example(text: str) -> dict[str, str]:
    return {"epilog": "\b\nExample:\n" + "\n".join(f"  {line}" for line in text.split("; "))}


def _on_board(function: F) -> F:
    """The options of every verb that builds for a board."""
    for option in (
        click.option(
            "--board", default="mps2-an386", show_default=True, help="see 'elegans boards'"
        ),
        click.option("--compiler", default="auto", help="zig or gcc; auto takes zig if installed"),
        click.option("--optimise", default="2", type=_LEVELS, help="-O"),
    ):
        function = option(function)
    return function


def _emulated(function: F) -> F:
    """The options of every verb that boots a board."""
    emulator = click.option(
        "--emulator", default="auto", help="unicorn or qemu; auto takes the first installed"
    )
    return _on_board(emulator(function))


def _powered(function: F) -> F:
    """The options of every verb that talks to a board."""
    port = click.option("--port", help="a real board's serial port, or a URL that pyserial opens")
    return _emulated(port(function))


_LEVELS = click.Choice(["0", "1", "2", "3", "s"])
_BUILD = click.argument("build", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="elegans")
def main() -> None:
    """Liquid neural networks on microcontrollers, proved to the bit.

    \b
    train     a network in PyTorch, to model.onnx
    export    model.onnx to fixed-point C, with golden vectors
    hil       compare a board with the reference, bit for bit
    demo      all of it at once: a circuit of 19 neurons steers a car
    """


@main.command(
    **_example("elegans train lane -o build/lane; elegans train motions -o build/motions")
)
@click.argument("task", type=click.Choice(["lane", "motions"]))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="folder")
@click.option("--seed", default=1, show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="passes over the data; default: the task's")
@click.option("--short", is_flag=True, help="a few epochs only, to see that everything works")
def train(task: str, output: Path, seed: int, epochs: int | None, short: bool) -> None:
    """Train a TASK and write model.onnx, weights, metrics and pictures."""
    from elegans.trainer.progress import shown
    from elegans.trainer.tasks import train as train_task

    with shown() as progress:
        metrics = train_task(task, output, seed=seed, short=short, epochs=epochs, progress=progress)
    click.echo(json.dumps(metrics, indent=1))


@main.command(
    **_example(
        "elegans export model.onnx -o build/model;"
        " elegans export model.onnx -o BUILD --input-range -2:2 --dt-range 0.01:0.1;"
        " elegans export other.onnx -o BUILD --state hx:hx_out --state cx:cx_out --elapsed ts"
    )
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="BUILD folder")
@click.option("--name", help="prefix of the C functions; default: the model's own name")
@click.option(
    "--input-range", "ranges", type=_Two("LO:HI", float), multiple=True, help="for all, or one each"
)
@click.option("--dt-range", type=_Two("LO:HI", float), help="of the elapsed time between steps")
@click.option("--dt", type=float, help="a sample period that never varies, folded into the weights")
@click.option("--weights", type=click.Choice(["int16", "int8"]), default="int16", show_default=True)
@click.option("--recording", type=click.Path(path_type=Path), help="x, dt (.npz) for the vectors")
@click.option(
    "--state",
    "states",
    type=_Two("IN:OUT", str),
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
    request = exporter.Request(model, name, ranges, dt_range, dt, recording, bits, states, elapsed)
    done = exporter.export(request, output, lambda stage: click.echo(f"{stage} ...", err=True))
    size = f"{len(done.states)} neurons, {done.weights} {weights} weights"
    click.echo(f"{output}: {done.name}, {size}; {output / 'report.txt'} tells what they cost")
    click.echo(f"digest {done.digest}")


@main.command(**_example("elegans build build/model --board mps2-an386"))
@_BUILD
@_on_board
@_JSON
def build(build: Path, board: str, compiler: str, optimise: str, as_json: bool) -> None:
    """Compile the firmware of a BUILD for a board."""
    from elegans.boards.build import build as build_firmware
    from elegans.boards.descriptor import find_board

    done = build_firmware(build, find_board(board), compiler, optimise)
    sizes = {"flash_bytes": done.flash_bytes, "ram_bytes": done.ram_bytes}
    told = f"{done.elf}: model {done.flash_bytes} bytes flash, {done.ram_bytes} bytes RAM"
    click.echo(json.dumps({"board": board, "elf": str(done.elf), **sizes}) if as_json else told)


@main.command(**_example("elegans flash build/model --board mps2-an386"))
@_BUILD
@_emulated
def flash(build: Path, board: str, compiler: str, optimise: str, emulator: str) -> None:
    """Load the firmware of a BUILD into a virtual board and boot it: it says hello, and stops."""
    from elegans.hil_tests.session import session

    with session(build, board, emulator, compiler, optimise) as device:
        hello = device.hello
        click.echo(
            f"{hello.board} on {device.link.port.name} runs model {hello.model_digest.hex()}"
        )


@main.command(
    **_example(
        "elegans run BUILD --input drive.npz --output out.npz --on reference;"
        " elegans run BUILD --input drive.npz --output out.npz --on mps2-an386"
    )
)
@_BUILD
@click.option("--input", "source", type=click.Path(path_type=Path), required=True, help="x, dt, h0")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="y, h, y_int, h_int")
@click.option(
    "--on", default="reference", show_default=True, help="reference, onnx, host or a board"
)
@click.option("--emulator", default="auto")
@click.option("--compiler", default="auto")
@click.option("--optimise", default="2", type=_LEVELS)
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
    from elegans.hil_tests.replay import Target, replay

    require_file(output)
    arrays = replay(build, source, Target(on, emulator, compiler, optimise, port))
    write_file(output, npz(arrays))
    click.echo(f"{output}: {len(arrays['y'])} steps on {on}")


@main.command(**_example("elegans hil build/model --board mps2-an386 --junit hil.xml"))
@_BUILD
@_powered
@_JSON
@click.option("--junit", type=click.Path(path_type=Path), help="write the verdict as JUnit XML")
def hil(
    build: Path,
    board: str,
    compiler: str,
    optimise: str,
    emulator: str,
    port: str | None,
    as_json: bool,
    junit: Path | None,
) -> None:
    """Stream the golden vectors of a BUILD to a board and compare every output and state."""
    from elegans.exporter.files import require_file
    from elegans.hil_tests.junit import write_junit
    from elegans.hil_tests.session import hil as run_hil
    from elegans.trainer.progress import shown

    if junit:
        require_file(junit)
    log: list[str] = []
    start = time.monotonic()
    try:
        with shown() as progress:
            settings = (board, emulator, compiler, optimise, port)
            verdict = run_hil(
                build, *settings, progress=lambda n, of: progress("vectors", n, of, ""), log=log
            )
    except ElegansError as error:
        if junit:
            write_junit(junit, error, board=board, log=log, seconds=time.monotonic() - start)
        raise
    if junit:
        write_junit(junit, verdict, board=board, log=log, seconds=time.monotonic() - start)
    click.echo(json.dumps(verdict.json()) if as_json else verdict.summary())
    verdict.require()


@main.command(**_example("elegans boards"))
@_JSON
def boards(as_json: bool) -> None:
    """List the boards that elegans knows, and what each can run on here."""
    from elegans.boards.doctor import catalogue

    rows = catalogue()
    told = "\n".join(f"{r['name']:<16}{r['core']:<12}{r['runs_on']}" for r in rows)
    click.echo(json.dumps(rows) if as_json else told)


@main.command(**_example("elegans doctor"))
def doctor() -> None:
    """Say what is installed, what is missing, and how to get it."""
    from elegans.boards.doctor import examine

    findings = examine()
    for finding in findings:
        click.echo(str(finding))
    if any(finding.needed and not finding.present for finding in findings):
        sys.exit(1)


@main.command(**_example("elegans demo; elegans demo --short -o /tmp/demo"))
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
