"""BasicMotions on integers: errors of states, coarse weights, a circuit that amplifies rounding.

    python -m benchmarks.chip_aware [--seed 1 ...] [--json]
    python -m benchmarks.chip_aware --amplifier --seed 2

The score is the accuracy on series never seen. The error is the worst of any state in free runs, as
a fraction of the range that it uses. Weights of 4 bits and ternary ones are rounded before the
inputs' scales are folded into them, each row and each of two parts of its inputs with a power of
two of its own; the rest is int8's arithmetic. So they have it easier than they would in flash.

`--amplifier` trains without label smoothing, so that the circuit amplifies rounding, and then on
int16 with the amplification of noise in its loss. Accuracies of all tasks on integers are in
`benchmarks.task_table`.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elegans.trainer.cells.cfc import CfCCell
from elegans.trainer.chip_aware.fine_tune import fine_tune
from elegans.trainer.chip_aware.on_device import OnDevice, float_run
from elegans.trainer.fit import reproducible
from elegans.trainer.networks.scaled_circuit import ScaledCircuit
from elegans.trainer.onnx_out.export_circuit import export_circuit
from elegans.trainer.progress import silent
from elegans.trainer.tasks.motions import train as task
from elegans.trainer.tasks.motions.recordings import decide, load
from elegans.trainer.tasks.registry import TrainOptions

_EPOCHS, _BATCHES, _RATE = 4, 8, 5e-4
_AMPLIFIER = {"weights": "int16", "epochs": 10, "batches": 8, "rate": 5e-3, "calm": 0.05}


Run = Callable[..., tuple[Tensor, Tensor]]
"""(x [B, T, I], dt [B, T]) -> y [B, T, O], last state: float or device."""


@dataclass(frozen=True)
class Trained:
    """The trained float circuit, its loss for a run, and how a run is judged."""

    network: ScaledCircuit
    loss: Callable[[Any], Tensor]
    write: Callable[[nn.Module, Path], object]
    x: Tensor
    dt: Tensor
    label: npt.NDArray[np.int64]

    def score(self, run: Run) -> float:
        """The accuracy on the test series."""
        return float(np.mean(decide(run(self.x, self.dt)[0].numpy()) == self.label))


def motions(seed: int, smoothing: float | None = None) -> Trained:
    """BasicMotions; without `smoothing` of the labels, 0, the network amplifies rounding."""
    usual = task._LABEL_SMOOTHING
    task._LABEL_SMOOTHING = usual if smoothing is None else smoothing
    trained = task.train(TrainOptions(seed), silent)
    training, test = load()

    def write(network: nn.Module, path: Path) -> None:
        assert isinstance(network, ScaledCircuit)
        export_circuit(network, trained.interface, path)

    given = torch.from_numpy(trained.x), torch.from_numpy(trained.dt)
    return Trained(trained.circuit, task.loss_on(training), write, *given, test.label)


@torch.no_grad()
def worst_error(one: Trained, device: OnDevice) -> float:
    """The worst error of any state in free runs on data never seen, of the range that it uses."""
    found = device.run(one.x, one.dt).h
    h = float_run(device.network, one.x, one.dt).h
    used = h.amax((0, 1)).clamp(min=0.0) - h.amin((0, 1)).clamp(max=0.0)
    return float(((found - h).abs() / used.clamp(min=2.0**-8)).max())


def measured(one: Trained) -> Iterator[tuple[str, float, float | None]]:
    """(what, score, worst error) of the float network, rounded, and trained on integers."""
    with torch.no_grad():
        yield "float", one.score(one.network), None
    for weights in ("int16", "int8"):
        yield weights, *_judged(one, one.network, weights)
    trained = copy.deepcopy(one.network)
    options = {"epochs": _EPOCHS, "batches": _BATCHES, "rate": _RATE}
    fine_tune(trained, one.write, one.loss, weights="int8", **options)
    yield "int8 trained", *_judged(one, trained, "int8")
    for name, levels in (("4-bit trained", 7), ("ternary trained", 1)):
        network = copy.deepcopy(one.network)
        _train_coarse(one, network, levels)
        yield name, *_judged(one, network, "int8")


@torch.no_grad()
def _judged(one: Trained, network: nn.Module, weights: str) -> tuple[float, float]:
    device = OnDevice(network, one.write, weights)
    return one.score(device), worst_error(one, device)


def _train_coarse(one: Trained, network: nn.Module, levels: int) -> None:
    """Fine-tune with weights of -levels..levels; they are left in `network`."""
    device = OnDevice(network, one.write, "int8")
    maps = [
        (linear.weight, cell.input_size)
        for cell in network.modules()
        if isinstance(cell, CfCCell)
        for linear in (cell.ff1, cell.ff2, cell.time_a, cell.time_b)
    ]
    updates = _EPOCHS * _BATCHES
    adam = torch.optim.Adam(network.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, updates, eta_min=_RATE / 100)
    for _ in range(updates):
        fine = [weight.detach().clone() for weight, _ in maps]
        _round(maps, levels)
        adam.zero_grad()
        one.loss(device).backward()
        with torch.no_grad():
            for (weight, _), kept in zip(maps, fine, strict=True):
                weight.copy_(kept)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
        schedule.step()
    _round(maps, levels)


@torch.no_grad()
def _round(maps: list[tuple[nn.Parameter, int]], levels: int) -> None:
    """Weights to whole multiples, up to `levels`, of a power of two for each row and part."""
    for weight, split in maps:
        weight.copy_(torch.cat([_coarse(p, levels) for p in weight.tensor_split([split], 1)], 1))


def _coarse(part: Tensor, levels: int) -> Tensor:
    """The best of four powers of two for each row, by the square of the error."""
    top = part.abs().amax(1, keepdim=True).clamp(min=1e-9)
    finest = torch.floor(torch.log2(top / levels))
    best, least = part, torch.full_like(top, torch.inf)
    for more in range(-2, 2):
        unit = torch.exp2(finest + more)
        rounded = (part / unit).round().clamp(-levels, levels) * unit
        error = (rounded - part).square().sum(1, keepdim=True)
        best, least = torch.where(error < least, rounded, best), torch.minimum(error, least)
    return best


def amplifier(seed: int) -> Iterator[tuple[str, float, float | None]]:
    """(what, score, worst error) of a circuit that amplifies rounding, before and after."""
    found = motions(seed, smoothing=0.0)
    yield "int16", *_judged(found, found.network, "int16")
    fine_tune(found.network, found.write, found.loss, **_AMPLIFIER)
    yield "int16 trained", *_judged(found, found.network, "int16")


@click.command()
@click.option("--seed", "seeds", multiple=True, type=int, default=(1,), show_default=True)
@click.option("--amplifier", "amplify", is_flag=True, help="the circuit that amplifies rounding")
@click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
def main(seeds: tuple[int, ...], amplify: bool, as_json: bool) -> None:
    """Print the table as Markdown, row by row."""
    click.echo("| seed | weights | accuracy | worst error of a state | seconds |")
    click.echo("|---|---|---|---|---|")
    rows: list[dict[str, object]] = []
    for seed in seeds:
        begun = time.monotonic()
        with reproducible(seed):
            for what, score, error in amplifier(seed) if amplify else measured(motions(seed)):
                shown = "" if error is None else f"{error:.1e}"
                seconds = time.monotonic() - begun
                click.echo(f"| {seed} | {what} | {score:.4f} | {shown} | {seconds:.0f} |")
                rows.append({"seed": seed, "weights": what, "score": score, "worst": error})
                begun = time.monotonic()
    if as_json:
        click.echo(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
