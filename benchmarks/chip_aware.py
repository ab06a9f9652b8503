"""Tasks in float, rounded to int16 and int8, trained on int8, and with 4-bit and ternary weights.

    python -m benchmarks.chip_aware [--task motions ...] [--seed 1 ...] [--data DIR] [--json]
    python -m benchmarks.chip_aware --amplifier

The score of each is that of data never seen: accuracy, or for `lane` the lateral error in m. The
error is the worst of any state in free runs, as a fraction of the range that it uses. Weights of
4 bits and ternary ones are rounded before the inputs' scales are folded into them, each row and
each of two parts of its inputs with a power of two of its own; the rest is int8's arithmetic. So
they have it easier than they would in flash.

`--amplifier` trains motions without label smoothing, so that the circuit amplifies rounding, and
then on int16 with the amplification of noise in its loss.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import torch
from torch import Tensor, nn

from elegans.benchmarks.chip_tasks import TASKS, ChipTask, motions
from elegans.trainer.cells.cfc import CfCCell
from elegans.trainer.chip_aware.fine_tune import fine_tune
from elegans.trainer.chip_aware.on_device import OnDevice, float_run
from elegans.trainer.fit import reproducible

_EPOCHS, _RATE = 4, 5e-4
_AMPLIFIER = {"weights": "int16", "epochs": 10, "batches": 8, "rate": 5e-3, "calm": 0.05}


@torch.no_grad()
def worst_error(task: ChipTask, device: OnDevice) -> float:
    """The worst error of any state in free runs on data never seen, of the range that it uses."""
    found = device.run(task.x, task.dt).h
    h = float_run(device.network, task.x, task.dt).h
    used = h.amax((0, 1)).clamp(min=0.0) - h.amin((0, 1)).clamp(max=0.0)
    return float(((found - h).abs() / used.clamp(min=2.0**-8)).max())


def measured(task: ChipTask, coarse: bool) -> Iterator[tuple[str, float, float | None]]:
    """(what, score, worst error) of the float network, rounded, and trained on integers."""
    with torch.no_grad():
        yield "float", task.score(task.network), None
    for weights in ("int16", "int8"):
        yield weights, *_judged(task, task.network, weights)
    trained = copy.deepcopy(task.network)
    options = {"epochs": _EPOCHS, "batches": task.batches, "rate": _RATE}
    fine_tune(trained, task.write, task.loss, weights="int8", **options)
    yield "int8 trained", *_judged(task, trained, "int8")
    for name, levels in (("4-bit trained", 7), ("ternary trained", 1)) if coarse else ():
        network = copy.deepcopy(task.network)
        _train_coarse(task, network, levels)
        yield name, *_judged(task, network, "int8")


@torch.no_grad()
def _judged(task: ChipTask, network: nn.Module, weights: str) -> tuple[float, float]:
    device = OnDevice(network, task.write, weights)
    return task.score(device), worst_error(task, device)


def _train_coarse(task: ChipTask, network: nn.Module, levels: int) -> None:
    """Fine-tune with weights of -levels..levels; they are left in `network`."""
    device = OnDevice(network, task.write, "int8")
    maps = [
        (linear.weight, cell.input_size)
        for cell in network.modules()
        if isinstance(cell, CfCCell)
        for linear in (cell.ff1, cell.ff2, cell.time_a, cell.time_b)
    ]
    updates = _EPOCHS * task.batches
    adam = torch.optim.Adam(network.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, updates, eta_min=_RATE / 100)
    for _ in range(updates):
        fine = [weight.detach().clone() for weight, _ in maps]
        _round(maps, levels)
        adam.zero_grad()
        task.loss(device).backward()  # type: ignore[no-untyped-call]
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
    task = motions(seed, None, smoothing=0.0)
    yield "int16", *_judged(task, task.network, "int16")
    fine_tune(task.network, task.write, task.loss, **_AMPLIFIER)  # type: ignore[arg-type]
    yield "int16 trained", *_judged(task, task.network, "int16")


@click.command()
@click.option("--task", "tasks", multiple=True, type=click.Choice(list(TASKS)), default=list(TASKS))
@click.option("--seed", "seeds", multiple=True, type=int, default=(1,), show_default=True)
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--coarse/--no-coarse", default=True, help="4-bit and ternary weights, too")
@click.option("--amplifier", "amplify", is_flag=True, help="the circuit that amplifies rounding")
@click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
def main(
    tasks: tuple[str, ...],
    seeds: tuple[int, ...],
    data: Path | None,
    coarse: bool,
    amplify: bool,
    as_json: bool,
) -> None:
    """Print the table as Markdown, row by row."""
    click.echo("| task | seed | weights | score | worst error of a state | seconds |")
    click.echo("|---|---|---|---|---|---|")
    rows: list[dict[str, object]] = []
    work: dict[str, Callable[[int], Iterator[tuple[str, float, float | None]]]] = {
        name: lambda seed, name=name: measured(TASKS[name](seed, data), coarse)  # type: ignore[misc]
        for name in tasks
    }
    if amplify:
        work = {"motions, no label smoothing": amplifier}
    for name, measure in work.items():
        for seed in seeds:
            begun = time.monotonic()
            with reproducible(seed):
                for what, score, error in measure(seed):
                    shown = "" if error is None else f"{error:.1e}"
                    seconds = time.monotonic() - begun
                    click.echo(
                        f"| {name} | {seed} | {what} | {score:.4f} | {shown} | {seconds:.0f} |"
                    )
                    rows.append({"task": name, "seed": seed, "weights": what, "score": score})
                    rows[-1]["worst"] = error
                    begun = time.monotonic()
    if as_json:
        click.echo(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
