"""Options that several commands share, and how errors end: in one line, with an exit code."""

from __future__ import annotations

import functools
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from elegans.boards.emulation.child_process import exit_on_sigterm
from elegans.boards.firmware import toolchain
from elegans.commands.edge import complain, unexpected
from elegans.commands.input_format import INPUT_FORMAT
from elegans.commands.next_step import Verb
from elegans.commands.state_range import STATE_RANGE
from elegans.exporter.errors import ElegansError

F = TypeVar("F", bound=Callable[..., Any])

LEVELS = ("auto", *toolchain.LEVELS)
LAYOUTS = ("speed", "size")

PATH = click.Path(path_type=Path)
BUILD = click.argument("build", type=PATH)
JSON = click.option("--json", "as_json", is_flag=True, help="print one JSON object to stdout")
BOARD = click.option(
    "--board",
    default="mps2-an386",
    show_default=True,
    help="name of a board (see 'elegans boards') or path of its descriptor (.toml)",
)
EMULATOR = click.option(
    "--emulator",
    default="auto",
    show_default=True,
    type=click.Choice(("auto", "unicorn", "qemu")),
    help="unicorn or qemu; auto takes the first that is installed",
)
COMPILER = click.option(
    "--compiler",
    default="auto",
    show_default=True,
    type=click.Choice(("auto", "zig", "gcc")),
    help="zig or gcc; auto takes the first that is installed",
)
PORT = click.option(
    "--port", help="serial port of a real board, e.g. /dev/ttyACM0, or a URL that pyserial opens"
)
SEED = click.option("--seed", default=1, show_default=True, help="seed of all random numbers")


class Pair(click.ParamType[tuple[Any, Any]]):
    """Two values of one type with a colon between them, written like ``name``: LO:HI, IN:OUT."""

    def __init__(self, name: str, kind: type) -> None:
        self.name, self.kind = name, kind

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, Any]:
        """The two values; click's usage error if there are not two, or not of this type."""
        # Names may have colons of their own, as torch's onnx::Gemm_1 and TensorFlow's x:0.
        parts = re.split("(?<!:):(?!:)", str(value))
        half = max(len(parts) // 2, 1)
        try:
            one, other = (self.kind(":".join(p)) for p in (parts[:half], parts[half:]) if p)
        except ValueError:
            self.fail(f"{value!r} is not {self.name}: give two values with a colon", param, ctx)
        return one, other


class RenamedError(click.ClickException):
    """An option was given under its old name: one line on stderr, exit code 2."""

    exit_code = 2


class Verbs(click.Group):
    """The commands, in the order in which they are defined.

    Every error ends in one line on stderr and an exit code: an `ElegansError`, which the user can
    act on, and whatever nobody has foreseen. With --debug, which may stand anywhere on the
    command line, the traceback comes before that line.
    """

    command_class = Verb

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take --debug from wherever it stands."""
        end = args.index("--") if "--" in args else len(args)
        ctx.obj = "--debug" in args[:end]
        return super().parse_args(ctx, [a for a in args[:end] if a != "--debug"] + args[end:])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and end with one line where it fails."""
        try:
            with exit_on_sigterm():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.obj:
                complain(traceback.format_exc().rstrip())
            if isinstance(error, ElegansError):
                complain(complaint(getattr(error, "phase", None), error))
                ctx.exit(error.exit_code)
            complain(unexpected(error))
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of definition, not of the alphabet as click has it."""
        return list(self.commands)


def complaint(phase: str | None, error: object) -> str:
    """The line that reports an error. ``phase`` is where a HIL run ended, as in `hil_tests`."""
    return f"elegans: {phase}: {error}" if phase else f"elegans: {error}"


def given(option: str) -> Any:
    """The value of an option if the command line has it; None if it has its default."""
    ctx = click.get_current_context()
    source = ctx.get_parameter_source(option)
    return ctx.params[option] if source is ParameterSource.COMMANDLINE else None


def example(text: str) -> dict[str, str]:
    """The argument of `click.command` that ends a help text with example calls.

    ``text`` has the calls with "; " between them; each gets a line of its own.
    """
    return {"epilog": "\b\nExample:\n" + "\n".join(f"  {line}" for line in text.split("; "))}


def output_option(help_text: str, **more: Any) -> Callable[[F], F]:
    """Where the result is written, as ``output``; ``more`` are arguments of `click.option`."""
    return click.option("-o", "--output", type=PATH, help=help_text, **more)


def level_option(function: F) -> F:
    """The optimisation level of the compiler, as ``level``."""
    option = click.option(
        "--level",
        default="auto",
        show_default=True,
        type=click.Choice(LEVELS),
        help="optimisation level of the compiler, as in -O2; auto takes s for a BUILD that was "
        "exported with --layout size, else 2",
    )
    return _renamed("--optimise", f"--level {'|'.join(LEVELS)}")(option(function))


def firmware_options(function: F) -> F:
    """Of every command that builds firmware for one board: ``board, compiler, level``."""
    return level_option(COMPILER(BOARD(function)))


def boards_options(function: F) -> F:
    """The same for several boards: ``names, compiler, level``.

    ``names`` is empty with --all, which stands for every virtual board.
    """

    @click.option("--all", "everywhere", is_flag=True, help="measure on every virtual board")
    @click.option(
        "--board",
        "names",
        multiple=True,
        default=["mps2-an386"],
        show_default=True,
        help="name of a board (see 'elegans boards') or path of its descriptor (.toml); "
        "repeat it for several boards",
    )
    @functools.wraps(function)
    def chosen(*, everywhere: bool, names: tuple[str, ...], **others: Any) -> Any:
        if everywhere and given("names"):
            raise click.UsageError("--all takes every virtual board: leave --board out")
        return function(names=() if everywhere else names, **others)

    return level_option(COMPILER(cast(F, chosen)))


def emulator_options(function: F) -> F:
    """Of every command that starts a board: those of `firmware_options`, and ``emulator``."""
    return firmware_options(EMULATOR(function))


def export_options(function: F) -> F:
    """All options of `elegans export` but the output, as ``options``.

    They are the keyword arguments of `exporter.export.Request` beside its source, the
    argument MODEL.
    """

    @functools.wraps(function)
    def collected(model: Path, output: Path, weights: str, layout: str, **options: Any) -> Any:
        if options["dt"] is not None and options["dt_range"] is not None:
            raise click.UsageError("--dt fixes the sample period; leave out --dt-range")
        beside = model.parent / "recording.npz"
        if options["recording"] is None and beside.exists():
            options["recording"] = beside
        if options["accept_error"] is None:
            del options["accept_error"]
        options |= {"weight_bits": int(weights.removeprefix("int")), "layout": layout}
        return function(model=model, output=output, options=options)

    decorated = cast(F, collected)
    for option in reversed(_EXPORT):
        decorated = option(decorated)
    return _renamed("--optimise", f"--layout {'|'.join(LAYOUTS)}")(decorated)


_EXPORT = (
    click.option("--name", help="prefix of the C functions; default: the name stored in MODEL"),
    click.option(
        "--input-range",
        "input_ranges",
        type=Pair("LO:HI", float),
        multiple=True,
        help="range of the inputs: given once for all of them, or once for each in their order; "
        "default: the ranges stored in MODEL",
    ),
    INPUT_FORMAT,
    STATE_RANGE,
    click.option(
        "--dt-range",
        type=Pair("LO:HI", float),
        help="range of the time that elapses between steps",
    ),
    click.option(
        "--dt",
        type=float,
        help="a sample period that never changes; it is folded into the weights, and the C "
        "function has no dt argument",
    ),
    click.option(
        "--weights",
        type=click.Choice(["int16", "int8"]),
        default="int16",
        show_default=True,
        help="integer type of the weights; int8 is smaller and less accurate",
    ),
    click.option(
        "--layout",
        type=click.Choice(LAYOUTS),
        default="speed",
        show_default=True,
        help="of tables and code: fewest instructions, or least flash; same results to the bit",
    ),
    click.option(
        "--flash-limit",
        type=click.IntRange(min=1),
        metavar="BYTES",
        help="most bytes of flash for tables and weights (code not counted); "
        "the layout becomes size if speed needs more",
    ),
    click.option(
        "--accept-error",
        type=click.FloatRange(min=0.0, min_open=True),
        metavar="X",
        help="greatest error against float that is accepted in free runs, as a fraction of the "
        "range that a state or output uses; default: 0.05",
    ),
    click.option(
        "--recording",
        type=PATH,
        help=".npz with x [T, I] and dt [T], to be added to the golden vectors; "
        "default: recording.npz beside MODEL, if there is one",
    ),
    click.option(
        "--state",
        "states",
        type=Pair("IN:OUT", str),
        multiple=True,
        help="names of a state's input and output in the graph, once for each state; all other "
        "inputs are then sensors; needed only if export asks for it",
    ),
    click.option(
        "--elapsed",
        help="name of the input that is the elapsed time; needed only if export asks for it",
    ),
)


def _renamed(old: str, new: str) -> Callable[[F], F]:
    """A hidden option: the ``old`` name of one that is now called ``new``; it only says so.

    It is eager, so that it is read before any other option can be missing or wrong.
    """

    def refuse(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise RenamedError(f"{old} has a new name in 'elegans {ctx.info_name}': use {new}")

    # A name of its own for its value, so that no other option shares it.
    return click.option(
        old, "old_name", hidden=True, expose_value=False, is_eager=True, callback=refuse
    )
