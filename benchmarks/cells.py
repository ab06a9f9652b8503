"""Every cell: its reference, its exporters, its error, its cost, and integers that differ.

python -m benchmarks.cells [--write docs/cells.md] [--only ltc,gru] [--table accuracy]

Each network is trained for a few seconds to filter an irregularly sampled signal. There are
three tables:

cells     written by three exporters, run free for 1,000 irregular steps against float64, and
          compared with the reference on the virtual board, bit by bit (`cell_cost`)
accuracy  the error at every time scale, and after a million steps (`cell_accuracy`)
sizes     the error of three cells at three sizes
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, nn

from elegans.benchmarks.cell_accuracy import RATIOS, Setting, accuracy, free_error
from elegans.benchmarks.cell_cost import measured_cost
from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import Range
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell, MLPCell
from elegans.trainer.cells.heads import ConvHead, Convolution
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

Row = tuple[str, ...]
Work = tuple[str, str, Callable[[], Row]]
"""A table, the name of a row of it, and what measures the row."""

_INPUTS, _UNITS, _SEED = 8, 19, 302
_SETTING = Setting(inputs=(-2.0, 2.0), dt=(0.01, 1.0))
_SIZES = {19: 1, 302: 4, 600: 6}  # neurons, and how many of them are outputs
HEADS = {
    "cells": (
        "cell",
        "reference",
        "exports",
        "error int16",
        "error int8",
        "instructions",
        "flash",
        "RAM",
        "integers",
        "different",
    ),
    "accuracy": (
        "cell",
        *(f"dt / tau = {ratio}" for ratio in RATIOS),
        "tau over six decades",
        "first 10,000 steps",
        "last 10,000 of a million",
        "worst of a million",
    ),
    "sizes": ("cell", *(f"{units} neurons" for units in _SIZES)),
}


def _dense(activation: str = "lecun_tanh", mode: str = "default") -> CfCCell:
    return CfCCell(_INPUTS, _UNITS, mode, backbone=Backbone(32, activation=activation))


def _wired(mode: str = "default") -> WiredCfCCell:
    return WiredCfCCell(AutoNCP(_UNITS, 1).build(_INPUTS), mode)


def _ltc(**more: Any) -> LTCCell:
    return LTCCell(AutoNCP(_UNITS, 1).build(_INPUTS), **more)


def _behind_a_convolution() -> Recurrent:
    head = ConvHead(1, _INPUTS, Convolution(4, 3))
    return Recurrent(CfCCell(head.output_size, _UNITS), head=head, projection=1)


# Each cell, and the published reference that it is compared with in
# tests/trainer/cells/test_every_cell.py.
CELLS: dict[str, tuple[str, Callable[[], Recurrent]]] = {
    "CTRNN, exact": ("equation", lambda: Recurrent(CTRNNCell(_INPUTS, _UNITS), projection=1)),
    "CTRNN, Euler x 4": (
        "equation",
        lambda: Recurrent(CTRNNCell(_INPUTS, _UNITS, solver="euler", unfolds=4), projection=1),
    ),
    "CTRNN, semi-implicit": (
        "equation",
        lambda: Recurrent(CTRNNCell(_INPUTS, _UNITS, solver="semi_implicit"), projection=1),
    ),
    "LTC, 6 unfolds, wired": ("ncps", lambda: Recurrent(_ltc())),
    "LTC, softplus, 3 unfolds": ("ncps", lambda: Recurrent(_ltc(unfolds=3, softplus=True))),
    "CfC, wired": ("ncps", lambda: Recurrent(_wired())),
    "CfC, wired, no gate": ("ncps", lambda: Recurrent(_wired("no_gate"))),
    "CfC, wired, pure": ("ncps", lambda: Recurrent(_wired("pure"))),
    "CfC, lecun_tanh": ("ncps", lambda: Recurrent(_dense(), projection=1)),
    "CfC, relu": ("ncps", lambda: Recurrent(_dense(activation="relu"), projection=1)),
    "CfC, silu": ("ncps", lambda: Recurrent(_dense(activation="silu"), projection=1)),
    "CfC, gelu": ("ncps", lambda: Recurrent(_dense(activation="gelu"), projection=1)),
    "CfC, pure": ("ncps", lambda: Recurrent(_dense(mode="pure"), projection=1)),
    "CfC, mixed memory": ("ncps", lambda: Recurrent(_dense(), memory=True, projection=1)),
    "CfC behind a convolution": ("ncps", _behind_a_convolution),
    "GRU": ("torch", lambda: Recurrent(GRUCell(_INPUTS, _UNITS), projection=1)),
    "LSTM": ("torch", lambda: Recurrent(LSTMCell(_INPUTS, _UNITS), projection=1)),
    "MLP on 8 samples": ("torch", lambda: Recurrent(MLPCell(_INPUTS, 8, [16], 1))),
}


# The cells of the table of sizes, made with so many neurons and outputs.
GROWING: dict[str, Callable[[int, int], Recurrent]] = {
    "CfC, wired": lambda units, out: Recurrent(WiredCfCCell(AutoNCP(units, out).build(_INPUTS))),
    "LTC, 6 unfolds, wired": lambda units, out: Recurrent(
        LTCCell(AutoNCP(units, out).build(_INPUTS))
    ),
    "GRU": lambda units, out: Recurrent(GRUCell(_INPUTS, units), projection=out),
}
_DECLARED = ("GRU", (-1.0, 1.0))  # measured once more, with this range of its outputs


def _batch(random: torch.Generator, size: int, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs x [N, T, I], gaps dt [N, T] in s, and the target [N, T]: two of the inputs, filtered
    by a leaky integrator with a time constant of 0.5 s."""
    x = torch.rand(size, steps, _INPUTS, generator=random) * 4 - 2
    shortest, longest = _SETTING.dt
    dt = torch.rand(size, steps, generator=random) * (longest - shortest) + shortest
    target, wanted = torch.zeros(size), []
    for k in range(steps):
        drive = 0.5 * torch.tanh(x[:, k, 0] - x[:, k, 1])
        target = drive + (target - drive) * torch.exp(-dt[:, k] / 0.5)
        wanted.append(target)
    return x, dt, torch.stack(wanted, dim=1)


def trained(
    make: Callable[[], Recurrent], updates: int, size: int = 32, steps: int = 32
) -> Recurrent:
    """The network after ``updates`` steps of Adam on batches of ``size`` runs of ``steps``."""
    torch.manual_seed(_SEED)
    random, net = torch.Generator().manual_seed(_SEED), make()
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(updates):
        x, dt, wanted = _batch(random, size, steps)
        loss = (net(x, dt)[0][..., 0] - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        if isinstance(net.rnn_cell, LTCCell):
            net.rnn_cell.apply_constraints()
    return net


def _cells_row(name: str, net: Recurrent) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        f = measured_cost(net, _SETTING, Path(folder))
    return (
        name,
        CELLS[name][0],
        f"{f.exports} of 3",
        _shown(f.error16),
        _shown(f.error8),
        f.instructions,
        f"{f.flash:,}",
        f"{f.ram:,}",
        f"{f.integers:,}",
        f"{f.different}",
    )


def _accuracy_row(name: str, net: Recurrent) -> Row:
    x, dt, _ = _batch(torch.Generator().manual_seed(_SEED), 32, 32)
    with tempfile.TemporaryDirectory() as folder:
        untrained = trained(CELLS[name][1], updates=0)
        found = accuracy(net, untrained, _SETTING, (x, dt), Path(folder))
    long = found.million[0], found.million[-1], found.million.max()
    return name, *map(_shown, (*found.periods, found.spread, *long))


def _sizes_row(name: str, outputs: Range | None = None) -> Row:
    errors, setting = [], replace(_SETTING, outputs=outputs)
    for units, count in _SIZES.items():
        # Small batches: a step of LTC keeps several matrices of all pairs of neurons.
        net = trained(partial(GROWING[name], units, count), 20, size=4, steps=8)
        with tempfile.TemporaryDirectory() as folder:
            source = export_onnx(net, _INPUTS, Path(folder) / "net.onnx")
            errors.append(free_error(source, setting))
    return _named(name, outputs), *map(_shown, errors)


def _named(name: str, outputs: Range | None) -> str:
    return name if outputs is None else f"{name}, `--output-range {outputs[0]:g}:{outputs[1]:g}`"


def _shown(error: float | None) -> str:
    return "-" if error is None else f"{error:.1e}"


def _work(names: list[str], tables: tuple[str, ...], updates: int) -> Iterator[Work]:
    """What measures each row: of a cell, trained once, and of the sizes of a cell."""
    measures = {"cells": _cells_row, "accuracy": _accuracy_row}
    for name in (n for n in CELLS if n in names):
        net: Recurrent | None = None
        for table in (t for t in measures if t in tables):
            net = net or trained(CELLS[name][1], updates)
            yield table, name, partial(measures[table], name, net)
    for name in (n for n in GROWING if n in names and "sizes" in tables):
        yield "sizes", name, partial(_sizes_row, name)
        if name == _DECLARED[0]:
            yield "sizes", _named(*_DECLARED), partial(_sizes_row, *_DECLARED)


@click.command(epilog="Example: python -m benchmarks.cells --only gru,lstm --write docs/cells.md")
@click.option(
    "--write",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put each row into this document, as soon as it is measured",
)
@click.option(
    "--only", default="", help="cells whose names contain one of these parts, separated by commas"
)
@click.option(
    "--table",
    "tables",
    type=click.Choice(list(HEADS)),
    multiple=True,
    default=tuple(HEADS),
    show_default=True,
    help="measure this table; repeat for several",
)
@click.option("--updates", default=150, show_default=True, help="steps of training")
def main(write: Path | None, only: str, tables: tuple[str, ...], updates: int) -> None:
    """Print the tables as Markdown, and to standard error each row with its seconds."""
    parts = [part.strip() for part in only.lower().split(",")]
    names = [n for n in CELLS if any(part in n.lower() for part in parts)]
    rows: dict[str, list[str]] = {table: [] for table in tables}
    failed = False
    for table, name, measure in _work(names, tables, updates):
        start = time.perf_counter()
        try:
            row = markdown(measure())
        except ElegansError as error:
            click.echo(f"{table}, {name}: {error}", err=True)
            failed = True
            continue
        click.echo(f"{time.perf_counter() - start:.0f} s, {table}: {row}", err=True)
        rows[table].append(row)
        if write:
            write_row(write, table, HEADS[table], row, [*CELLS, _named(*_DECLARED)])
    for table, lines in rows.items():
        click.echo("\n".join([*heading(HEADS[table]), *lines]) + "\n")
    sys.exit(failed)


if __name__ == "__main__":
    main()
