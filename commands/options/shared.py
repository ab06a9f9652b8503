"""The options that several verbs share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from elegans.boards.firmware import toolchain
from elegans.hil_tests.lab import COMPILERS, DEFAULT_BOARD, EMULATORS

F = TypeVar("F", bound=Callable[..., Any])

LEVELS = ("auto", *toolchain.LEVELS)

PATH = click.Path(path_type=Path)
BUILD = click.argument("build", type=PATH)
JSON = click.option("--json", "as_json", is_flag=True, help="print one JSON object to stdout")
BOARD = click.option(
    "--board",
    default=DEFAULT_BOARD,
    show_default=True,
    help="name of a board (see 'elegans boards') or path of its descriptor (.toml)",
)
EMULATOR = click.option(
    "--emulator",
    default="auto",
    show_default=True,
    type=click.Choice(EMULATORS),
    help="unicorn or qemu; auto takes the first that is installed",
)
COMPILER = click.option(
    "--compiler",
    default="auto",
    show_default=True,
    type=click.Choice(COMPILERS),
    help="zig or gcc; auto takes the first that is installed",
)
PORT = click.option(
    "--port", help="serial port of a real board, e.g. /dev/ttyACM0, or a URL that pyserial opens"
)
SEED = click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0, 2**32 - 1),
    help="seed of all random numbers",
)


class RenamedError(click.ClickException):
    """An option was given under its old name: one line on stderr, exit code 2."""

    exit_code = 2


def given(option: str) -> Any:
    """The value of an option if the command line has it; None if it has its default."""
    ctx = click.get_current_context()
    source = ctx.get_parameter_source(option)
    return ctx.params[option] if source is ParameterSource.COMMANDLINE else None


def output_option(help_text: str, **more: Any) -> Callable[[F], F]:
    """Where the result is written, as ``output``; ``more`` are arguments of `click.option`."""
    return click.option("-o", "--output", help=help_text, **({"type": PATH} | more))


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
    return renamed("--optimise", f"--level {'|'.join(LEVELS)}")(option(function))


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
        default=[DEFAULT_BOARD],
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


def renamed(old: str, new: str) -> Callable[[F], F]:
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
