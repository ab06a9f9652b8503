"""What a step of two networks costs on every core, beside the best peer: CMSIS-NN or float.

    python -m benchmarks.figures [--nets build/nets] [--check | --update]

The networks are those of `benchmarks.nets`; they are made if they are absent. `--check`
compares with benchmarks/figures.json and exits with 1 if a figure is more than 2 % worse.
Figures of a compiler that is not installed here, or of another version, are not compared.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from elegans.benchmarks.accuracy import against_float
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.toolchain import cross_compiler, cross_compilers
from elegans.commands.bench import figures
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Model

FILE = Path(__file__).with_name("figures.json")
_WORSE = 1.02
_BOARDS = {
    "microbit": "M0",
    "mps2-an385": "M3",
    "mps2-an386": "M4",
    "mps2-an500": "M7",
    "mps2-an505": "M33",
    "mps3-an547": "M55",
    "qemu-rv32-virt": "RV32IMC",
    "qemu-rv32e-virt": "RV32EC",
}
_KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "ncp19": ("ncp19", {}, "2"),
    "ncp19, period fixed": ("ncp19", {"dt": 0.05}, "2"),
    "ncp19, int8": ("ncp19", {"weight_bits": 8}, "2"),
    "ncp19, size": ("ncp19", {"layout": "size"}, "s"),
    "ncp19, size, int8": ("ncp19", {"layout": "size", "weight_bits": 8}, "s"),
    "cfc32": ("cfc32", {}, "2"),
}
# The fewest instructions of a peer, another implementation, measured under QEMU with gcc 12.2 -O2:
# CMSIS-NN int8 on M0, M3 and M55; float with a rational tanh and -ffast-math on M4 and M7.
_PEERS = {
    "ncp19": {"M0": 20_354, "M3": 9_726, "M4": 5_071, "M7": 4_729, "M55": 4_729},
    "cfc32": {"M0": 53_829, "M3": 26_720, "M4": 17_263, "M7": 16_463, "M55": 9_695},
}
_FIGURES = ("instructions", "flash_bytes", "ram_bytes", "stack_bytes")


def measure(
    nets: Path, kinds: list[str], boards: list[str], compilers: list[str], steps: int
) -> dict[str, dict[str, Any]]:
    """The figures, by keys such as "ncp19 / microbit / gcc". Each row is printed when measured."""
    found = {}
    for kind in kinds:
        net, options, level = _KINDS[kind]
        build = nets / kind.replace(", ", "-").replace(" ", "-")
        model = export(Request(nets / f"{net}.onnx", **options), build)
        error = _error(nets / f"{net}.onnx", model, options.get("dt"))
        click.echo(f"{kind}: at worst {error:.1e} of the range used from float", err=True)
        for board in boards:
            target = find_board(board)
            there = cross_compilers(target.core.architecture)
            for compiler in filter(there.__contains__, compilers):
                one = figures(build, target, compiler, level, steps)
                row = {name: one[name] for name in _FIGURES[1:]}
                row["instructions"] = one["instructions_per_step"]["max"]
                row["constant"] = one["paths"] == 1 and not one["branches_by_data"]
                found[f"{kind} / {board} / {compiler}"] = row
                click.echo(_row(kind, board, compiler, row))
    return found


def _error(source: Path, model: Model, period: float | None) -> float:
    """The largest error in 4 free runs of 1,000 steps, with random inputs and elapsed times."""
    rng = np.random.default_rng(302)
    lo, hi = (np.array([getattr(c, end) for c in model.inputs]) for end in ("lo", "hi"))
    x = rng.integers(lo, hi + 1, (4, 1000, len(lo)))
    dt = np.zeros((4, 1000), np.int64)
    if model.dt:
        dt = rng.integers(model.dt.lo, model.dt.hi + 1, dt.shape)
    return against_float(source, model, x, dt, period).worst


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
    core = _BOARDS[board]
    peer = _PEERS.get(kind, {}).get(core, "")
    varies = "" if row["constant"] else " at most"
    cells = [kind, core, compiler, f"{row['instructions']}{varies}", peer]
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
    if not (nets / "ncp19.onnx").exists():
        from benchmarks.nets import make

        make(nets)
    click.echo("| network | core | compiler | instructions | best peer | flash | RAM | stack |")
    click.echo("|---|---|---|---|---|---|---|---|")
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
