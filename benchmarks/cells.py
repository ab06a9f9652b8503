"""Every cell: its reference, its exporters, its error, its cost, and integers that differ.

python -m benchmarks.cells [--write docs/cells.md] [--only ltc,gru]

Each network is trained for a few seconds to filter an irregularly sampled signal and written
by three exporters. Then it runs free for 1,000 irregular steps, against float64, and it is
compared with its reference on the virtual board, bit by bit.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.oracles.accuracy import against_float
from elegans.hil_tests.session.session import hil
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell, MLPCell
from elegans.trainer.cells.heads import ConvHead, Convolution
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.onnx_out.export_step import step_of
from elegans.trainer.wiring.ncp import AutoNCP

_INPUTS, _UNITS, _SEED = 8, 19, 302
_RANGE, _DT = (-2.0, 2.0), (0.01, 1.0)
_HEAD = (
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
)


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


def _batch(random: torch.Generator, size: int = 32, steps: int = 32) -> tuple[Tensor, ...]:
    """Inputs x [N, T, I], gaps dt [N, T] in s, and the target [N, T]: two of the inputs, filtered
    by a leaky integrator with a time constant of 0.5 s."""
    x = torch.rand(size, steps, _INPUTS, generator=random) * 4 - 2
    dt = torch.rand(size, steps, generator=random) * (_DT[1] - _DT[0]) + _DT[0]
    target, wanted = torch.zeros(size), []
    for k in range(steps):
        drive = 0.5 * torch.tanh(x[:, k, 0] - x[:, k, 1])
        target = drive + (target - drive) * torch.exp(-dt[:, k] / 0.5)
        wanted.append(target)
    return x, dt, torch.stack(wanted, dim=1)


def trained(make: Callable[[], Recurrent], updates: int) -> tuple[Recurrent, float]:
    """The network after ``updates`` steps of Adam, and its rms error on another batch."""
    torch.manual_seed(_SEED)
    random, net = torch.Generator().manual_seed(_SEED), make()
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(updates):
        x, dt, wanted = _batch(random)
        loss = (net(x, dt)[0][..., 0] - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        if isinstance(net.rnn_cell, LTCCell):
            net.rnn_cell.apply_constraints()
    x, dt, wanted = _batch(random)
    with torch.no_grad():
        return net, float((net(x, dt)[0][..., 0] - wanted).square().mean().sqrt())


def _traced(net: Recurrent, path: Path, dynamo: bool) -> Path:
    """The step, written by one of torch's two exporters as a user would call it."""
    step = step_of(net).eval()
    example = (torch.zeros(1, net.input_size), torch.zeros(1, net.state_size), torch.ones(1, 1))
    options: dict[str, Any] = {"external_data": False} if dynamo else {"opset_version": 17}
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step,
            example,
            str(path),
            input_names=["x", "h", "dt"],
            output_names=["y", "h_next"],
            dynamo=dynamo,
            verbose=False,
            **options,
        )
    return path


@dataclass(frozen=True)
class _Figures:
    """What was measured of one cell."""

    exports: int
    error16: float
    error8: float
    instructions: str
    flash: int
    ram: int
    integers: int
    different: int


def _measure(net: Recurrent, folder: Path) -> _Figures:
    first = export_onnx(net, net.input_size, folder / "net.onnx")
    sources = [first]
    for dynamo in (True, False):
        sources.append(_traced(net, folder / f"net{int(dynamo)}.onnx", dynamo))
    models: list[Model] = []
    for source in sources:
        request = Request(source, "net", (_RANGE,), _DT)
        models.append(export(request, folder / source.stem))
    wide = models[0]
    request = Request(first, "net", (_RANGE,), _DT, weight_bits=8, accept_error=1.0)
    narrow = export(request, folder / "narrow")
    verdicts = [hil(folder / name, "mps2-an386") for name in ("net", "narrow")]
    lo, hi = verdicts[0].instructions or (0, 0)
    return _Figures(
        exports=sum(m.steps != () for m in models),
        error16=_error(first, wide),
        error8=_error(first, narrow),
        instructions=f"{hi:,}" if lo == hi else f"{lo:,} to {hi:,}",
        flash=verdicts[0].flash_bytes,
        ram=verdicts[0].ram_bytes,
        integers=sum(v.integers for v in verdicts),
        different=sum(v.mismatches for v in verdicts),
    )


def _error(source: Path, model: Model) -> float:
    """The largest error of a state, as a fraction of its range, over 1,000 free-running steps."""
    random = np.random.default_rng(_SEED)
    ends = [c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs]
    x = random.integers(*ends, (1, 1000, len(model.inputs)))
    dt = np.zeros((1, 1000), np.int64)
    if model.dt:
        dt = random.integers(model.dt.lo, model.dt.hi + 1, (1, 1000))
    return against_float(source, model, x, dt).worst


@click.command()
@click.option(
    "--write", type=click.Path(path_type=Path), help="also replace the table of this document"
)
@click.option(
    "--only", default="", help="cells whose names contain one of these parts, separated by commas"
)
@click.option("--updates", default=150, show_default=True, help="steps of training")
def main(write: Path | None, only: str, updates: int) -> None:
    """Print the table as Markdown."""
    wanted = [part for part in only.lower().split(",") if part]
    names = [n for n in CELLS if not wanted or any(part in n.lower() for part in wanted)]
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    click.echo("\n".join(lines))
    for name in names:
        reference, make = CELLS[name]
        net, _ = trained(make, updates)
        with tempfile.TemporaryDirectory() as folder:
            try:
                f = _measure(net, Path(folder))
            except ElegansError as error:
                raise click.ClickException(f"{name}: {error}") from None
        cells = (
            name,
            reference,
            f"{f.exports} of 3",
            f"{f.error16:.1e}",
            f"{f.error8:.1e}",
            f.instructions,
            f"{f.flash:,}",
            f"{f.ram:,}",
            f"{f.integers:,}",
            f"{f.different}",
        )
        lines.append("| " + " | ".join(cells) + " |")
        click.echo(lines[-1])
    if write:
        _insert(write, lines)


def _insert(document: Path, lines: list[str]) -> None:
    """Replace the document's table, which is all of its lines that begin with a bar."""
    before = document.read_text(encoding="utf-8").splitlines()
    kept = [line for line in before if not line.startswith("|")]
    at = next(i for i, line in enumerate(before) if line.startswith("|"))
    document.write_text("\n".join([*kept[:at], *lines, *kept[at:]]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
