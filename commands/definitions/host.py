"""Verbs about the boards and programs at hand: `boards`, `doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from elegans.commands.edge import say
from elegans.commands.options.shared import (
    JSON,
    output_option,
)
from elegans.commands.options.values import Replaced
from elegans.commands.verbs import example, verb


@click.group(
    invoke_without_command=True,
    epilog=example("elegans boards; elegans boards scan -o lab.toml"),
)
@JSON
@click.pass_context
def boards(ctx: click.Context, as_json: bool) -> None:
    """List the known boards and those plugged in."""
    from elegans.commands.lab import describe_boards

    if ctx.invoked_subcommand is None:
        say(describe_boards(as_json))


@boards.command(epilog=example("elegans boards scan -o lab.toml"))
@output_option("file to write; default: stdout", type=Replaced(".toml"))
def scan(output: Path | None) -> None:
    """Write a map (TOML) of the boards that are plugged in.

    Edit it to give the boards names and tags; 'elegans hil --map' reads it.
    """
    from elegans.commands.lab import scan_map

    say(scan_map(output))


@verb("elegans doctor; elegans doctor --port /dev/ttyACM0")
@click.option("--port", help="test the line to the board on this serial port instead")
@click.option(
    "--baud",
    default=115200,
    show_default=True,
    type=click.IntRange(1),
    help="baud rate of the board after a reset",
)
def doctor(port: str | None, baud: int) -> None:
    """Check what is installed and what is missing.

    It says how to install what is missing. With --port it tests a serial line instead:
    whether a board answers, and how fast.
    """
    from elegans.boards.doctor import examine
    from elegans.boards.finding import finding_line

    if port is not None:
        from elegans.hil_tests.link.baud_rate import examine_line

        say("\n".join(examine_line(port, baud)))
        return
    findings = examine()
    for finding in findings:
        say(str(finding))
    story = _training()
    say(finding_line("ok" if story.startswith("compiled") else "absent", "training", story))
    if any(finding.needed and not finding.present for finding in findings):
        sys.exit(1)


def _training() -> str:
    """Whether cells run through sequences in compiled C or in torch."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return "needs torch; pip install 'elegans[train]'"
    from elegans.trainer.kernels.compiled import kernels_in_use

    return kernels_in_use()
