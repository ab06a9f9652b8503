"""What a step of every cell costs beside its best peer and a floor, on M0, M3, M4 and M55.

    python -m benchmarks.speed [--write docs/speed.md] [--only gru,ltc] [--core M4]

Ours and the tuned float C of `benchmarks/peers` are compiled by gcc with -O2, executed on the
emulated core, and both compared with the network in float64, running free. The figures of other
implementations were measured once (`benchmarks/peers/measured.toml`).
"""

from __future__ import annotations

import copy
import json
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from elegans.benchmarks.cell_accuracy import Setting, free_error
from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.benchmarks.figures import CORES, FILE
from elegans.benchmarks.peers.execute import PeerCost, executed
from elegans.benchmarks.peers.float_program import float_program
from elegans.benchmarks.speed_cells import FLOORS, TITLES, make, network, ranges, work
from elegans.boards.descriptors.descriptor import find_board
from elegans.commands.chip.bench import figures
from elegans.commands.chip.measure import estimated
from elegans.exporter.export import Request, export
from elegans.trainer.networks.recurrent import Recurrent

MEASURED = Path(__file__).parent / "peers" / "measured.toml"
_STEPS = 16
_PEER_STEPS = {"M0": 4, "M3": 4, "M4": 64, "M55": 64}  # software floating point is slow
_FOLLOWS = 2e-3  # of the range used: what neither may be away from float64
_REAL = {"M4": "nucleo-l432kc"}  # of the real boards the one whose current is published
HEAD = (
    *("cell", "elegans", "tuned float", "other", "floor", "flash", "RAM + stack"),
    *("float's flash", "float's RAM + stack", "error", "float's error", "cycles", "on a board"),
)


@dataclass(frozen=True)
class Ours:
    """A step of elegans on a core, as `elegans bench` counts it, and its worst error."""

    cost: dict[str, Any]
    error: float


def in_float64(net: Recurrent) -> Recurrent:
    """A copy of a network that computes in float64."""
    return copy.deepcopy(net).double().eval()


def committed() -> dict[tuple[str, str], int]:
    """The committed instructions of a step with gcc, by cell and core."""
    kept = json.loads(FILE.read_text())["figures"]
    keys = {(cell, core): f"{cell} / {CORES[core]} / gcc" for cell in TITLES for core in FLOORS}
    return {both: kept[key]["instructions"] for both, key in keys.items() if key in kept}


def others(cell: str, core: str) -> tuple[int, str] | None:
    """The fewest instructions of a peer in the file of measured ones, and its name."""
    peers = tomllib.loads(MEASURED.read_text())["peer"]
    found = [(p[cell]["instructions"].get(core), p["name"]) for p in peers if cell in p]
    return min(((count, name) for count, name in found if count), default=None)


def row(cell: str, core: str, ours: Ours, peer: PeerCost) -> tuple[str, ...]:
    """A cell's row of the table of a core. The fewest instructions are bold."""
    counts = ours.cost["instructions_per_step"]
    other = others(cell, core)
    least = min(counts["max"], peer.instructions, *(other[:1] if other else ()))

    def shown(count: int) -> str:
        return f"**{count:,}**" if count == least else f"{count:,}"

    return (
        TITLES[cell],
        shown(counts["max"]),
        shown(peer.instructions),
        f"{shown(other[0])}, {other[1]}" if other else "",
        f"{FLOORS[core].of(work(network(cell))):,}",
        f"{ours.cost['flash_bytes']:,}",
        f"{ours.cost['ram_bytes']:,} + {ours.cost['stack_bytes']:,}",
        f"{peer.flash_bytes:,}",
        f"{peer.ram_bytes:,} + {peer.stack_bytes:,}",
        f"{ours.error:.1e}",
        f"{peer.error:.1e}",
        "{min:,} to {max:,}".format(**ours.cost["cycles"]),
        on_a_board(core, ours.cost),
    )


def on_a_board(core: str, cost: dict[str, Any]) -> str:
    """Time and energy of a step on the real board of a core; nothing where there is none."""
    if core not in _REAL:
        return ""
    found = estimated(find_board(_REAL[core]), cost["cycles"], cost["flash_bytes"]) or {}
    units = {"microseconds": "µs", "microjoules": "µJ"}
    return ", ".join(
        f"{found[name]['min']:.3g} to {found[name]['max']:.3g} {unit}"
        for name, unit in units.items()
    )


def _measured(cell: str, core: str, build: Path, error: float) -> tuple[str, ...]:
    board, net = find_board(CORES[core]), network(cell)
    cost = figures(build, board, "gcc", "2", _STEPS)
    assert (cost["different"], cost["paths"]) == (0, 1), f"{cell} on {core}"
    with tempfile.TemporaryDirectory() as folder:
        program = float_program(net, board, Path(folder))
        peer = executed(program, in_float64(net), *ranges(cell), _PEER_STEPS[core])
    assert max(peer.error, error) < _FOLLOWS, f"{cell} on {core} does not follow float64"
    return row(cell, core, Ours(cost, error), peer)


@click.command(epilog="Example: python -m benchmarks.speed --only gru --write docs/speed.md")
@click.option(
    "--write",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put each row into this document, as soon as it is measured",
)
@click.option(
    "--only", default="", help="cells whose names contain one of these parts, separated by commas"
)
@click.option("--core", "cores", multiple=True, type=click.Choice(list(FLOORS)))
def main(write: Path | None, only: str, cores: tuple[str, ...]) -> None:
    """Print a table for each core as Markdown, and to standard error each row with its seconds."""
    parts = [part.strip() for part in only.lower().split(",")]
    names = [n for n, title in TITLES.items() if any(p in f"{n} {title}".lower() for p in parts)]
    chosen = cores or tuple(FLOORS)
    rows: dict[str, list[str]] = {core: [] for core in chosen}
    with tempfile.TemporaryDirectory() as nets:
        for cell in names:
            make(Path(nets), [cell])
            source, build = Path(nets) / f"{cell}.onnx", Path(nets) / f"{cell}-build"
            export(Request(source, name="net"), build)
            error = free_error(source, Setting(*ranges(cell)))
            for core in chosen:
                start = time.perf_counter()
                line = markdown(_measured(cell, core, build, error))
                click.echo(f"{time.perf_counter() - start:.0f} s, {core}: {line}", err=True)
                rows[core].append(line)
                if write:
                    write_row(write, core, HEAD, line, list(TITLES.values()))
    for core, lines in rows.items():
        click.echo("\n".join([f"{core}\n", *heading(HEAD), *lines]) + "\n")


if __name__ == "__main__":
    main()
