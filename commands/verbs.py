"""How a verb of the command line ends: with the next one, or with one line and an exit code."""

from __future__ import annotations

import shlex
import string
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from elegans.boards.processes.child_process import exit_on_sigterm
from elegans.commands.edge import complain, unexpected
from elegans.exporter.errors import ElegansError

# By verb; the names in braces are those of its parameters.
_NEXT = {
    "train": "elegans export {output}/model.onnx -o {output}/export",
    "robust": "{output}/table.md and the pictures beside it show the result",
    "sweep": "elegans sweep {output} --pick 'instructions<2000' -o {output}/picked",
    "export": "elegans hil {output} --board mps2-an386",
    "build": "elegans flash {build} --board {board}",
    "flash": "elegans hil {build} --board {board}",
    "run": "elegans compare {build} --input {source}",
    "compare": "elegans hil {build} --board mps2-an386",
    "hil": "elegans bench {build} --board {boards[0]}",
    "bench": "{build}/README.md says how to call the C",
    "package": "elegans verify {output}; the README of each package says how to use it",
    "doctor": "elegans demo",
    "inspect": "open {output}; elegans compare has the error against float on your data",
    "demo": "open {output}/drive.html in a browser, or: elegans drive {output}/export",
}


@contextmanager
def ends_with(code: int) -> Iterator[None]:
    """An error in the ``with`` block ends the command with this exit code."""
    try:
        yield
    except ElegansError as error:
        error.exit_code = code
        raise


_WITHOUT = ("as_json", "compare", "lab", "pick", "port")
"""Parameters with which there is no such line: what is printed is for programs, nothing was run, or
the board was not named by --board."""


class Verb(click.Command):
    """A command that names the next one, unless it fails or prints JSON."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; then say what comes next."""
        try:
            result = super().invoke(ctx)
        except SystemExit as end:
            if not end.code:
                tell_next(ctx)
            raise
        tell_next(ctx)
        return result


class _Shell(string.Formatter):
    """Fills texts in as a shell takes them: a path with spaces in quotes."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """One value; what needs no quotes gets none."""
        return shlex.quote(super().format_field(value, format_spec))


_SHELL = _Shell()


def tell_next(ctx: click.Context) -> None:
    """Print the next command to stderr."""
    text = _NEXT.get(ctx.info_name or "")
    if text is not None and not any(ctx.params.get(name) for name in _WITHOUT):
        weights = " --weights int8" if ctx.params.get("qat") == "int8" else ""
        complain(f"next: {_SHELL.format(text, **ctx.params)}{weights}")


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


def verb(examples: str) -> Callable[[Callable[..., Any]], Verb]:
    """Decorator: the function is a command, whose help text ends with these calls (`example`)."""
    return click.command(cls=Verb, epilog=example(examples))


def example(text: str) -> str:
    """The epilog of a `click.command`: example calls at the end of its help text.

    ``text`` has the calls with "; " between them; each gets a line of its own.
    """
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in text.split("; "))
