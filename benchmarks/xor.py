"""The event-based XOR of the CfC paper (Hasani et al. 2022), trained with elegans' own layers.

    python -m benchmarks.xor [--cells cfc no_gate pure ltc] [--seeds 3] [--epochs 200] [-o DIR]

The task: the parity of 2 to 31 random bits. The network does not get the bits but events: a value
whenever the bit changes, and the time since the event before, in units of 32 bits; a last event
says how long the last value was held. Without elapsed time the parity cannot be known.

Every epoch ends with a checkpoint in DIR, so the run can be stopped at any time and goes on from
there; --until HH:MM stops it at that time. The table has what was reached so far, and
docs/xor.md says where this differs from what was published.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.files import write_file
from elegans.trainer.checkpoint import checkpoint_of, read_checkpoint, restore
from elegans.trainer.fit import reproducible
from elegans.trainer.networks.layers import LTC, CfC

LONGEST = 32
"""Events of a sequence, padding included; sequences have fewer bits than this."""
_TOGETHER = 16
"""Sequences of a batch that run together: the fewest that a matrix product is fast with."""
_TRAINING, _TEST = (100_000, 1), (10_000, 2)  # sequences, seed


@dataclass(frozen=True)
class Recipe:
    """A cell, and how it was trained in the authors' program.

    mode        of the CfC; "" for an LTC
    backbone    units of its one layer
    clip        the largest norm of the gradient of each parameter
    decay       of the learning rate in an epoch
    l2          times the sum of squares of the cell's matrices is added to the loss
    published   the accuracy that the paper states, in %, and its standard deviation
    """

    mode: str
    units: int
    backbone: int
    activation: str
    optimizer: str
    batch: int
    rate: float
    decay: float
    clip: float
    l2: float
    published: tuple[float, float]


RECIPES = {
    "cfc": Recipe(
        "default", 192, 128, "relu", "rmsprop", 128, 0.05, 0.95, 1.0, 3e-6, (99.42, 0.42)
    ),
    "no_gate": Recipe(
        "no_gate", 128, 192, "silu", "rmsprop", 128, 0.005, 0.95, 10.0, 5e-6, (96.29, 1.61)
    ),
    "pure": Recipe("pure", 64, 64, "silu", "adam", 256, 0.005, 0.9, 5.0, 3e-5, (85.42, 2.84)),
    "ltc": Recipe("", 64, 64, "silu", "adam", 256, 0.005, 0.9, 5.0, 0.0, (49.11, 0.0)),
}


@dataclass(frozen=True, eq=False)
class Events:
    """N sequences: x [N, T, 1] and dt [N, T], what is an event [N, T], and parities y [N]."""

    x: Tensor
    dt: Tensor
    mask: Tensor
    y: Tensor

    def batches(self, size: int, rows: Tensor) -> Iterator[Events]:
        """Batches of the sequences `rows`, in their order, each cut behind its last event."""
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            longest = int(self.mask[chosen].sum(dim=1).max())
            x, dt, mask = (part[chosen, :longest] for part in (self.x, self.dt, self.mask))
            yield Events(x, dt, mask, self.y[chosen])


def events(count: int, seed: int) -> Events:
    """`count` sequences of random bits as events, drawn from `seed`."""
    random = np.random.default_rng(seed)
    length = random.integers(2, LONGEST, count)
    bits = random.integers(0, 2, (count, LONGEST - 1))
    place = np.arange(LONGEST - 1)
    inside = place < length[:, None]
    before = np.column_stack([np.full(count, -1), bits[:, :-1]])
    changed = inside & (bits != before)
    last_change = np.where(changed, place, -1).max(axis=1)
    rows = np.flatnonzero(last_change < length - 1)
    happens = changed.copy()
    happens[rows, length[rows] - 1] = True
    index = happens.cumsum(axis=1) - 1
    x, dt = np.zeros((2, count, LONGEST), np.float32)
    row, column = np.nonzero(happens)
    x[row, index[row, column]] = bits[row, column]
    first = np.concatenate([[True], np.diff(row) > 0])
    waited = np.where(first, column + 1, np.diff(column, prepend=0))
    dt[row, index[row, column]] = waited / LONGEST
    mask = np.arange(LONGEST) <= index[:, -1:]
    y = (bits * inside).sum(axis=1) % 2
    return Events(
        torch.from_numpy(x)[..., None],
        torch.from_numpy(dt),
        torch.from_numpy(mask),
        torch.from_numpy(y.astype(np.float32)),
    )


def network(recipe: Recipe) -> nn.Module:
    """The layer with one output behind its last event."""
    if not recipe.mode:
        return LTC(1, recipe.units, return_sequences=False, proj_size=1)
    net = CfC(
        1,
        recipe.units,
        proj_size=1,
        return_sequences=False,
        mode=recipe.mode,
        activation=recipe.activation,
        backbone_units=recipe.backbone,
        backbone_layers=1,
    )
    _begin_as_published(net)
    return net


@torch.no_grad()
def _begin_as_published(net: CfC) -> None:
    """First weights as the authors' program has them: biases of 0; in the mode pure, A of 1 and
    w_tau of 0; and heads of 1.7159 tanh(0.666 x), which tanh equals with other weights."""
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
    cell = net.rnn_cell
    if cell.mode == "pure":
        cell.A.fill_(1.0)
        cell.w_tau.zero_()
        return
    for head in (cell.ff1, cell.ff2):
        head.weight.mul_(0.666)
    cell.backbone[0].weight[:, cell.input_size :].mul_(1.7159)
    net.fc.weight.mul_(1.7159)


class Exercise:
    """One training of a recipe from a seed: `epoch` trains the next one, `accuracy` tests, in %."""

    def __init__(self, recipe: Recipe, seed: int, training: Events) -> None:
        torch.manual_seed(seed)
        self.net = network(recipe)
        self._recipe, self._training = recipe, training
        kinds: dict[str, tuple[Any, dict[str, float]]] = {
            "rmsprop": (torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-7}),
            "adam": (torch.optim.Adam, {"eps": 1e-7}),
        }
        kind, more = kinds[recipe.optimizer]
        self.optimizer = kind(self.net.parameters(), lr=recipe.rate, **more)

    def epoch(self, done: int) -> float:
        """Train the epoch behind `done` others; its mean loss."""
        recipe, total = self._recipe, 0.0
        updates = len(self._training.y) // recipe.batch
        order = torch.randperm(len(self._training.y))[: updates * recipe.batch]
        for k, batch in enumerate(self._training.batches(recipe.batch, order)):
            for group in self.optimizer.param_groups:
                group["lr"] = recipe.rate * recipe.decay ** (done + k / updates)
            self.optimizer.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(self._said(batch), batch.y)
            loss.backward()
            for name, parameter in self.net.named_parameters():
                if parameter.grad is not None:
                    if name.startswith("rnn_cell.") and name.endswith(".weight"):
                        parameter.grad.add_(parameter.detach(), alpha=2.0 * recipe.l2)
                    nn.utils.clip_grad_norm_(parameter, recipe.clip)
            self.optimizer.step()
            total += float(loss.detach())
        return total / updates

    @torch.no_grad()
    def accuracy(self, test: Events) -> float:
        """The share of right parities, in %."""
        right = sum(
            int(((self._said(batch) > 0) == (batch.y > 0.5)).sum())
            for batch in test.batches(1000, torch.arange(len(test.y)))
        )
        return 100.0 * right / len(test.y)

    def _said(self, batch: Events) -> Tensor:
        """What the network says to each sequence [B]. Sequences of similar length run together, so
        that a batch takes little more than its own events, and not all of them its longest."""
        by_length = batch.mask.sum(dim=1).argsort(stable=True)
        groups = [
            self.net(part.x, timespans=part.dt, mask=part.mask)[0][:, 0]
            for part in batch.batches(_TOGETHER, by_length)
        ]
        return torch.cat(groups)[by_length.argsort()]


def trained(
    name: str, seed: int, epochs: int, sets: tuple[Events, Events], folder: Path, until: float
) -> dict[str, Any]:
    """Train on from the last checkpoint until `epochs`, or the time `until`; the record so far."""
    path = folder / f"{name}_{seed}.safetensors"
    exercise = Exercise(RECIPES[name], seed, sets[0])
    record: dict[str, Any] = {"losses": [], "accuracies": [], "seconds": 0.0}
    if path.exists():
        last = read_checkpoint(path)
        restore(last, exercise.net, exercise.optimizer)
        record = last.document
    while len(record["losses"]) < epochs and time.time() < until:
        begun = time.process_time()
        loss = exercise.epoch(len(record["losses"]))
        record["losses"].append(loss)
        record["seconds"] += time.process_time() - begun
        record["accuracies"].append(exercise.accuracy(sets[1]))
        checkpoint_of(exercise.net, exercise.optimizer, record).write(path)
        note = f"loss {loss:.4f}, accuracy {record['accuracies'][-1]:.2f} %"
        click.echo(
            f"{name} seed {seed}: epoch {len(record['losses'])} of {epochs}, {note}", err=True
        )
    return record


def table(records: dict[str, list[dict[str, Any]]]) -> str:
    """Accuracies after the last epoch of each seed, as a table in Markdown."""
    lines = ["| cell | published % | here % | epochs | seconds an epoch |", "|---|---|---|---|---|"]
    for name, found in records.items():
        done = [one for one in found if one["losses"]]
        if not done:
            continue
        mean, spread = RECIPES[name].published
        last = [one["accuracies"][-1] for one in done]
        here = ", ".join(f"{value:.2f}" for value in last)
        if len(last) > 1:
            here += f": {np.mean(last):.2f} ± {np.std(last):.2f}"
        epochs = ", ".join(str(len(one["losses"])) for one in done)
        seconds = sum(one["seconds"] for one in done) / sum(len(one["losses"]) for one in done)
        lines.append(f"| {name} | {mean} ± {spread} | {here} | {epochs} | {seconds:.0f} |")
    return "\n".join(lines)


@click.command()
@click.option("--cells", multiple=True, type=click.Choice(list(RECIPES)), help="default: all")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=200, show_default=True)
@click.option("--until", help="HH:MM: stop at this time of the day")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("build/xor"))
def main(cells: tuple[str, ...], seeds: int, epochs: int, until: str | None, output: Path) -> None:
    """Train each cell from each seed, and print the table."""
    torch.set_flush_denormal(True)  # gradients that vanish made the optimizer four times slower
    stop = float("inf")
    if until is not None:
        today = time.strftime("%Y-%m-%d")
        stop = time.mktime(time.strptime(f"{today} {until}", "%Y-%m-%d %H:%M"))
    sets = events(*_TRAINING), events(*_TEST)
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in cells or RECIPES}
    for seed in range(1, seeds + 1):
        for name, found in records.items():
            with reproducible(seed):
                found.append(trained(name, seed, epochs, sets, output, stop))
            text = json.dumps({"seed": seed, "records": records}, indent=1)
            write_file(output / "results.json", text.encode())
    click.echo(table(records))


if __name__ == "__main__":
    main()
