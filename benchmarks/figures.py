"""What a step of every cell costs: the figures that CI holds to 2 %.

    python -m benchmarks.figures [--nets build/nets] [--check | --update]

The networks are those of `benchmarks.speed_cells`; they are made if they are absent. ncp19 and
cfc32 are measured on every core and in several layouts, the other cells on those whose kernels
differ. `--check` compares with benchmarks/figures.json and exits with 1 if a figure is more than
2 % worse.
Figures of a compiler that is not installed here, or of another version, are not compared.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from elegans.benchmarks.speed_cells import make
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.toolchain import cross_compiler, cross_compilers
from elegans.commands.chip.bench import figures
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export

FILE = Path(__file__).with_name("figures.json")
_WORSE = 1.02
CORES = {
    "M0": "microbit",
    "M3": "mps2-an385",
    "M4": "mps2-an386",
    "M7": "mps2-an500",
    "M33": "mps2-an505",
    "M55": "mps3-an547",
    "RV32IMC": "qemu-rv32-virt",
    "RV32EC": "qemu-rv32e-virt",
}
"""The board that stands for a core."""
_BOARDS = {board: core for core, board in CORES.items()}
_CELLS = ("clamped", "no gate", "pure", "GRU", "LSTM", "LTC", "CTRNN", "MLP")
_CELLS_ON = ("M0", "M3", "M4", "M55")  # M7 and M33 execute what M4 does
_KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "ncp19": ("ncp19", {}, "2"),
    "ncp19, period fixed": ("ncp19", {"dt": 0.05}, "2"),
    "ncp19, int8": ("ncp19", {"weight_bits": 8}, "2"),
    "ncp19, balanced": ("ncp19", {"layout": "balanced"}, "2"),
    "ncp19, size": ("ncp19", {"layout": "size"}, "s"),
    "ncp19, size, int8": ("ncp19", {"layout": "size", "weight_bits": 8}, "s"),
    "cfc32": ("cfc32", {}, "2"),
} | {cell: (cell, {}, "2") for cell in _CELLS}
_FIGURES = ("instructions", "flash_bytes", "ram_bytes", "stack_bytes")


def measure(
    nets: Path, kinds: list[str], boards: list[str], compilers: list[str], steps: int
) -> dict[str, dict[str, Any]]:
    """The figures, by keys such as "ncp19 / microbit / gcc". Each row is printed when measured."""
    found = {}
    for kind in kinds:
        net, options, level = _KINDS[kind]
        build = nets / kind.replace(", ", "-").replace(" ", "-")
        export(Request(nets / f"{net}.onnx", name="net", **options), build)
        for board in boards:
            target = find_board(board)
            there = cross_compilers(target.core.architecture)
            for compiler in filter(there.__contains__, compilers):
                if kind in _CELLS and (_BOARDS[board] not in _CELLS_ON or compiler != "gcc"):
                    continue
                one = figures(build, target, compiler, level, steps)
                row = {name: one[name] for name in _FIGURES[1:]}
                row["instructions"] = one["instructions_per_step"]["max"]
                row["constant"] = one["paths"] == 1 and not one["branches_by_data"]
                found[f"{kind} / {board} / {compiler}"] = row
                click.echo(_row(kind, board, compiler, row))
    return found


def worse(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """A sentence for each figure that is more than 2 % worse or has no committed value."""
    found = [f"{key}: has no committed figure" for key in new.keys() - old.keys()]
    for key in old.keys() & new.keys():
        for name in _FIGURES:
            before, now = old[key][name], new[key][name]
            if before is not None and now is not None and now > before * _WORSE:
                found.append(f"{key}: {name} is {now}, it was {before}")
        if old[key]["constant"] and not new[key]["constant"]:
            found.append(f"{key}: the number of instructions depends on the data")
    return sorted(found)


def _row(kind: str, board: str, compiler: str, row: dict[str, Any]) -> str:
    varies = "" if row["constant"] else " at most"
    cells = [kind, _BOARDS[board], compiler, f"{row['instructions']}{varies}"]
    cells += [row["flash_bytes"], row["ram_bytes"], row["stack_bytes"] or ""]
    return "| " + " | ".join(map(str, cells)) + " |"


@click.command()
@click.option(
    "--nets",
    type=click.Path(path_type=Path),
    default=Path("build/nets"),
    show_default=True,
    help="folder of the networks",
)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(_KINDS)))
@click.option("--board", "boards", multiple=True, type=click.Choice(list(_BOARDS)))
@click.option("--compiler", "compilers", multiple=True, type=click.Choice(["gcc", "zig"]))
@click.option("--steps", type=click.IntRange(min=1), default=1024, show_default=True)
@click.option("--check", is_flag=True, help="compare with the committed figures")
@click.option("--update", is_flag=True, help="write the figures to benchmarks/figures.json")
def main(
    nets: Path,
    kinds: tuple[str, ...],
    boards: tuple[str, ...],
    compilers: tuple[str, ...],
    steps: int,
    check: bool,
    update: bool,
) -> None:
    """Print the table as Markdown."""
    make(nets, sorted({_KINDS[kind][0] for kind in kinds or _KINDS}))
    click.echo("| network | core | compiler | instructions | flash | RAM | stack |")
    click.echo("|---|---|---|---|---|---|---|")
    tools = list(compilers) or cross_compilers()
    found = measure(nets, list(kinds or _KINDS), list(boards or _BOARDS), tools, steps)
    versions = {name: cross_compiler(name).version for name in tools}
    kept = json.loads(FILE.read_text()) if FILE.exists() else {"compilers": {}, "figures": {}}
    if update:
        kept["compilers"] |= versions
        kept["figures"] |= found
        FILE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    if check:
        same = {n for n, version in versions.items() if kept["compilers"].get(n) == version}
        old = {key: row for key, row in kept["figures"].items() if key.split(" / ")[2] in same}
        if not old:
            raise ElegansError(FILE, "has no figures of these compilers", "run with --update")
        complaints = worse(old, {k: row for k, row in found.items() if k.split(" / ")[2] in same})
        for complaint in complaints:
            click.echo(complaint, err=True)
        sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
