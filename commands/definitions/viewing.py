"""Verbs that show what a network does: `demo`."""

from __future__ import annotations

from pathlib import Path

import click

from elegans.commands.edge import say
from elegans.commands.options.shared import (
    BOARD,
    COMPILER,
    EMULATOR,
    SEED,
    output_option,
)
from elegans.commands.verbs import verb


@verb("elegans demo; elegans demo --short -o /tmp/demo")
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
