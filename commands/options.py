"""Options that several verbs have, and the one way in which errors end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from elegans.boards.emulation.child_process import exit_on_sigterm
from elegans.exporter.errors import ElegansError

F = TypeVar("F", bound=Callable[..., Any])

LEVELS = click.Choice(["auto", "0", "1", "2", "3", "s"])
BUILD = click.argument("build", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")


class Two(click.ParamType[tuple[Any, Any]]):
    """Two of a kind with a colon between: LO:HI, IN:OUT."""

    def __init__(self, name: str, kind: type) -> None:
        self.name, self.kind = name, kind

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, Any]:
        try:
            one, other = (self.kind(part) for part in str(value).rsplit(":", 1))
        except ValueError:
            self.fail(f"{value!r} is not {self.name}, two with a colon between", param, ctx)
        return one, other


class Verbs(click.Group):
    """Errors a user can act on end in one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with exit_on_sigterm():
                return super().invoke(ctx)
        except ElegansError as error:
            click.echo(complaint(getattr(error, "phase", None), error), err=True)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def complaint(phase: str | None, error: object) -> str:
    """The one line in which a failure ends, with the phase of the run that it ended."""
    return f"elegans: {phase}: {error}" if phase else f"elegans: {error}"


def given(option: str) -> Any:
    """What the user said of an option, None where its default stands."""
    ctx = click.get_current_context()
    said = ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE
    return ctx.params[option] if said else None


def example(text: str) -> dict[str, str]:
    return {"epilog": "\b\nExample:\n" + "\n".join(f"  {line}" for line in text.split("; "))}


def _compiled(function: F) -> F:
    """How a firmware is compiled."""
    for option in (
        click.option("--compiler", default="auto", help="zig or gcc; auto takes zig if installed"),
        click.option(
            "--optimise", default="auto", type=LEVELS, help="-O; auto takes s for size, else 2"
        ),
    ):
        function = option(function)
    return function


def on_board(function: F) -> F:
    """The options of every verb that builds for a board."""
    board = click.option(
        "--board", default="mps2-an386", show_default=True, help="see 'elegans boards'"
    )
    return _compiled(board(function))


def on_boards(function: F) -> F:
    """The same for several boards; none of them stands for every virtual one."""

    @click.option("--all", "everywhere", is_flag=True, help="every virtual board")
    @click.option(
        "--board",
        "names",
        multiple=True,
        default=["mps2-an386"],
        show_default=True,
        help="see 'elegans boards'; may be given again",
    )
    @functools.wraps(function)
    def chosen(*, everywhere: bool, names: tuple[str, ...], **others: Any) -> Any:
        if everywhere and given("names"):
            raise click.UsageError("--all takes every virtual board: leave --board out")
        return function(names=() if everywhere else names, **others)

    return _compiled(cast(F, chosen))


def sized(function: F) -> F:
    """What an export may take of a chip."""
    for option in (
        click.option(
            "--flash-limit",
            type=click.IntRange(min=1),
            metavar="BYTES",
            help="of tables and weights, code not counted: take size where speed needs more",
        ),
        click.option(
            "--optimise",
            type=click.Choice(["speed", "size"]),
            default="speed",
            show_default=True,
            help="kernels for each core, or the least flash; the bits are the same",
        ),
        click.option(
            "--weights", type=click.Choice(["int16", "int8"]), default="int16", show_default=True
        ),
    ):
        function = option(function)
    return function


def emulated(function: F) -> F:
    """The options of every verb that boots a board."""
    emulator = click.option(
        "--emulator", default="auto", help="unicorn or qemu; auto takes the first installed"
    )
    return on_board(emulator(function))


def powered(function: F) -> F:
    """The options of every verb that talks to a board."""
    port = click.option("--port", help="a real board's serial port, or a URL that pyserial opens")
    return emulated(port(function))
