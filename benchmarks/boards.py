"""Differing integers, instructions, flash and RAM of a BUILD on every virtual board.

python -m benchmarks.boards build/demo/export [--board B ...] [--level L ...] [--every-emulator]

It is compiled by every installed compiler, at each of the given levels.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import click

from elegans.boards.descriptors.descriptor import boards
from elegans.boards.emulation import virtual_board
from elegans.boards.firmware.toolchain import LEVELS, cross_compilers
from elegans.hil_tests.session.session import BoardOptions, hil

_HEAD = (
    "| board | core | on | compiler | -O | integers | different | instructions a step "
    "| flash | RAM |"
)


@click.command()
@click.argument("build", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--board", "names", multiple=True, help="repeat for several; default: every virtual board"
)
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.Choice(LEVELS),
    default=("2", "s"),
    show_default=True,
    help="optimisation level of the compiler; repeat for several",
)
@click.option(
    "--every-emulator", is_flag=True, help="all installed emulators of a board, not only the first"
)
def main(
    build: Path, names: tuple[str, ...], levels: tuple[str, ...], every_emulator: bool
) -> None:
    """Print the table as Markdown."""
    click.echo(_HEAD)
    click.echo("|" + "---|" * (_HEAD.count("|") - 1))
    total = different = 0
    chosen = [b for b in boards().values() if b.emulators and (not names or b.name in names)]
    for board, compiler, level in itertools.product(chosen, cross_compilers(), levels):
        for emulator in virtual_board.installed_emulators(board)[: None if every_emulator else 1]:
            verdict = hil(build, board.name, BoardOptions(emulator, compiler, level))
            lo, hi = verdict.instructions or (0, 0)
            count = f"{lo}" if lo == hi else f"{lo} to {hi}"
            cells = [board.name, board.core.name, emulator, compiler, level, verdict.integers]
            cells += [verdict.mismatches, count, verdict.flash_bytes, verdict.ram_bytes]
            click.echo("| " + " | ".join(map(str, cells)) + " |")
            total, different = total + verdict.integers, different + verdict.mismatches
    click.echo(f"\n{total} integers compared, {different} different")


if __name__ == "__main__":
    main()
