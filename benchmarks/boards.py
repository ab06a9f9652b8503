"""Bits, instructions, flash and RAM of a BUILD for every compiler, level and emulator here.

python -m benchmarks.boards build/demo/export [--board mps2-an386]
"""

from __future__ import annotations

import itertools
import shutil
from importlib.util import find_spec
from pathlib import Path

import click

from elegans.hil_tests.session import hil

_HEAD = "| board | on | compiler | -O | integers | different | instructions a step | flash | RAM |"


def _found(choices: dict[str, bool]) -> list[str]:
    return [name for name, present in choices.items() if present]


@click.command()
@click.argument("build", type=click.Path(path_type=Path, exists=True))
@click.option("--board", default="mps2-an386")
def main(build: Path, board: str) -> None:
    """Print the table as Markdown."""
    compilers = _found(
        {
            "zig": find_spec("ziglang") is not None,
            "gcc": shutil.which("arm-none-eabi-gcc") is not None,
        }
    )
    emulators = _found(
        {
            "unicorn": find_spec("unicorn") is not None,
            "qemu": shutil.which("qemu-system-arm") is not None,
        }
    )
    click.echo(_HEAD)
    click.echo("|" + "---|" * (_HEAD.count("|") - 1))
    total = different = 0
    for compiler, level, emulator in itertools.product(compilers, "0s23", emulators):
        verdict = hil(build, board, emulator, compiler, level)
        lo, hi = verdict.instructions or (0, 0)
        count = f"{lo}" if lo == hi else f"{lo} to {hi}"
        cells = (board, emulator, compiler, level, verdict.integers, verdict.mismatches, count)
        sizes = (verdict.flash_bytes, verdict.ram_bytes)
        click.echo("| " + " | ".join(str(cell) for cell in (*cells, *sizes)) + " |")
        total, different = total + verdict.integers, different + verdict.mismatches
    click.echo(f"\n{total} integers compared, {different} different")


if __name__ == "__main__":
    main()
