"""What a step of an LTC takes by its size, beside the tuned float C of `benchmarks/peers`.

    python -m benchmarks.ltc_sizes [--write docs/speed.md] [--core M4] [--neurons 64]

LTCs of 6 unfolds with 8 inputs, wired as NCPs, with the weights that they begin with. Both are
compiled by gcc with -O2 and executed on the emulated core, as in `benchmarks.speed`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
import torch

from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.benchmarks.figures import CORES
from elegans.benchmarks.peers.execute import executed
from elegans.benchmarks.peers.float_program import float_program
from elegans.benchmarks.speed import in_float64
from elegans.boards.descriptors.descriptor import find_board
from elegans.commands.chip.bench import figures
from elegans.exporter.export import Request, export
from elegans.trainer import export_onnx
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

SIZES = {19: 1, 64: 4, 302: 4}
"""Neurons, and how many of them are outputs."""
_INPUTS, _SEED, _STEPS = 8, 302, 4
_X, _DT = (-2.0, 2.0), (0.01, 1.0)
_CORES = ("M4", "M55")
HEAD = (
    *("core, neurons", "synapses from inputs", "between neurons", "elegans"),
    *("a synapse and unfold", "tuned float", "flash", "float's flash"),
)


def _network(neurons: int) -> Recurrent:
    torch.manual_seed(_SEED)
    return Recurrent(LTCCell(AutoNCP(neurons, SIZES[neurons]).build(_INPUTS)))


def row(core: str, net: Recurrent, build: Path) -> tuple[str, ...]:
    """A network's row of the table, and a check that the core's integers are the reference's."""
    board, wiring, cell = find_board(CORES[core]), net.rnn_cell.wiring, net.rnn_cell
    cost = figures(build, board, "gcc", "2", _STEPS)
    assert (cost["different"], cost["paths"]) == (0, 1), f"{cell.state_size} neurons on {core}"
    with tempfile.TemporaryDirectory() as folder:
        program = float_program(net, board, Path(folder))
        peer = executed(program, in_float64(net), _X, _DT, _STEPS)
    ours = cost["instructions_per_step"]["max"]
    sensory, inner = (int(np.count_nonzero(m)) for m in (wiring.sensory, wiring.adjacency))
    each = ours / (sensory + cell.unfolds * inner)
    least = min(ours, peer.instructions)
    counts = [f"**{n:,}**" if n == least else f"{n:,}" for n in (ours, peer.instructions)]
    flash = f"{cost['flash_bytes']:,}", f"{peer.flash_bytes:,}"
    name = f"{core}, {cell.state_size}"
    return name, f"{sensory:,}", f"{inner:,}", counts[0], f"{each:.1f}", counts[1], *flash


@click.command(epilog="Example: python -m benchmarks.ltc_sizes --write docs/speed.md")
@click.option(
    "--write",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put each row into this document",
)
@click.option("--core", "cores", multiple=True, type=click.Choice(list(_CORES)))
@click.option("--neurons", multiple=True, type=click.Choice([str(n) for n in SIZES]))
def main(write: Path | None, cores: tuple[str, ...], neurons: tuple[str, ...]) -> None:
    """Print the table as Markdown."""
    order = [f"{core}, {size}" for core in _CORES for size in SIZES]
    click.echo("\n".join(heading(HEAD)))
    for size in map(int, neurons or SIZES):
        net = _network(size)
        with tempfile.TemporaryDirectory() as folder:
            source, build = Path(folder) / "ltc.onnx", Path(folder) / "build"
            export_onnx(net, _INPUTS, source, input_ranges=_X, dt_range=_DT)
            export(Request(source, name="net"), build)
            for core in cores or _CORES:
                line = markdown(row(core, net, build))
                click.echo(line)
                if write:
                    write_row(write, "LTC by size", HEAD, line, order)


if __name__ == "__main__":
    main()
