"""The tasks on recordings: float, int16 and int8 on the whole test part, beside plain baselines.

python -m benchmarks.tasks occupancy gesture daphnet --data DIR --seed 1 --seed 2
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles.golden_vectors import Recording, to_integers
from elegans.exporter.oracles.reference import run
from elegans.trainer.data.windows import Batch
from elegans.trainer.learn.evaluate import class_scores, number_scores
from elegans.trainer.learn.trainer import Trainer
from elegans.trainer.learn.training_loop import whole_batches
from elegans.trainer.progress import shown
from elegans.trainer.tasks import RECORDED


def on_integers(model_file: Path, bits: int, batches: list[Batch], goal: Any) -> dict[str, float]:
    """The scores of the integer reference, which is what the board computes.

    Every stretch starts from rest; padding behind its end is run, too, and not counted.
    """
    model = lower(read_file(model_file), bits)
    truth, said = [], []
    for batch in batches:
        recording = Recording(batch.x.astype(np.float64), batch.dt.astype(np.float64))
        x, dt = (values.swapaxes(0, 1) for values in to_integers(recording, model))
        y = to_real(run(model, x, dt).y, model.outputs).swapaxes(0, 1)
        truth.append(batch.y[batch.counts])
        said.append(y[batch.counts])
    wanted, found = np.concatenate(truth), np.concatenate(said)
    if goal.classifies:
        return class_scores(wanted[:, 0].astype(int), found.argmax(axis=1), len(goal.classes))
    return number_scores(wanted, found, goal.targets)


def measure(name: str, seed: int, data: Path | None) -> dict[str, Any]:
    """Train one task with its own settings, and score it as float, int16 and int8."""
    task = RECORDED[name]
    recordings = task.load(None if name == "daphnet" else data)
    with shown() as progress:
        trainer = Trainer(progress=progress, seed=seed, **task.settings)
        trainer.fit_data(recordings, None, task.validation, task.test)
    done = trainer.outcome
    batches = whole_batches(done.parts.test, done.units)
    with tempfile.TemporaryDirectory() as folder:
        file = trainer.export(Path(folder) / "out", name)
        integers = {
            f"int{bits}": on_integers(file, bits, batches, done.data.goal) for bits in (16, 8)
        }
    return {"float": done.scores["test"], **integers, **done.baselines}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(RECORDED)))
@click.option("--data", type=click.Path(path_type=Path), help="folder of the recordings")
@click.option("--seed", "seeds", type=int, multiple=True, default=(1,), show_default=True)
def main(names: tuple[str, ...], data: Path | None, seeds: tuple[int, ...]) -> None:
    """Print the table as Markdown: mean over the seeds of accuracy and macro F1, or of RMSE."""
    click.echo("| task, seeds | float | int16 | int8 | majority or mean | persistence | GRU |")
    click.echo("|---|---|---|---|---|---|---|")
    for name in names or list(RECORDED):
        rows = [measure(name, seed, data) for seed in seeds]
        cells = []
        for column in ("float", "int16", "int8", ("majority", "mean"), "persistence", "gru"):
            keys = column if isinstance(column, tuple) else (column,)
            found = [row[key] for row in rows for key in keys if key in row]
            cells.append(_cell(found))
        listed = ", ".join(map(str, seeds))
        click.echo(f"| {name}, {listed} | {' | '.join(cells)} |")


def _cell(scores: list[dict[str, float]]) -> str:
    def mean(key: str) -> float:
        return float(np.mean([score[key] for score in scores]))

    if not scores:
        return ""
    if "rmse" in scores[0]:
        return f"rmse {mean('rmse'):.1f}"
    return f"{mean('accuracy'):.1%}, F1 {mean('macro_f1'):.3f}"


if __name__ == "__main__":
    main()
