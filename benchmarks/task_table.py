"""The table of docs/training.md: each task in float, on integers, trained on integers, on a board.

    python -m benchmarks.task_table [motions ...] [--seed 1 ...] [--data DIR] [--board B] [--json]

Each row is what `elegans train TASK --qat int8 --seed N` trains. Scores are of the test part, which
is never trained on: accuracy and the mean F1 of the classes, the root mean square error, or for
`lane` the rms of the lateral error in closed loop on eight roads; with several seeds, their mean.
int16 and int8 are the integer reference, without training for it.

An emulated board runs the whole test part of the first seed with int16 and with the int8 weights
that were trained: its outputs and states are compared with the reference, integer by integer, and
the score is that of its own outputs. One that differs ends the benchmark.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from elegans.benchmarks.own_tasks import lane, motions
from elegans.benchmarks.recorded_tasks import recorded
from elegans.benchmarks.table_row import Row
from elegans.trainer.progress import shown
from elegans.trainer.tasks import RECORDED

_OWN = {"motions": motions, "lane": lane}
NAMES = ("motions", "daphnet", "occupancy", "gesture", "lane")
_COLUMNS = ("float", "int16", "int8", "int8 trained", "board int16", "board int8")
_PLAIN = (("majority", "mean"), "persistence", "gru")
_UNITS = {"daphnet": "mg", "lane": "m"}


def measured(name: str, seed: int, data: Path | None, board: str) -> Row:
    """One task with one seed."""
    with shown() as progress:
        if name in RECORDED:
            return recorded(name, seed, data, board, progress)
        return _OWN[name](seed, data, board, progress)


def line(rows: list[Row]) -> str:
    """The row of the table for one task with several seeds."""
    first = rows[0]
    cells = [_cell(rows, (column,)) for column in _COLUMNS[:4]]
    ran = f"{first.samples:,} samples, {first.integers:,} integers equal" if first.samples else ""
    both = ", ".join(filter(None, (_cell(rows[:1], (c,)) for c in _COLUMNS[4:])))
    cells.append(f"{both}; {ran}" if ran else "")
    cells += [_cell(rows, keys if isinstance(keys, tuple) else (keys,)) for keys in _PLAIN]
    seeds = ", ".join(str(row.seed) for row in rows)
    where = " --data DIR" if first.task in ("gesture", "occupancy") else ""
    command = f"`elegans train {first.task}{where} --qat int8 --seed N`, N = {seeds}"
    return f"| {first.task} | {' | '.join(cells)} | {command} |"


def _cell(rows: list[Row], columns: tuple[str, ...]) -> str:
    found = [row.scores[c] for row in rows for c in columns if c in row.scores]

    def mean(key: str) -> float:
        return float(np.mean([scores[key] for scores in found]))

    if not found:
        return ""
    if "accuracy" in found[0]:
        return f"{mean('accuracy'):.1%}, F1 {mean('macro_f1'):.3f}"
    value = mean("rmse" if "rmse" in found[0] else "rms")
    return f"{value:.4g} {_UNITS[rows[0].task]}"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--data", type=click.Path(path_type=Path), help="folder of the recordings")
@click.option("--seed", "seeds", type=int, multiple=True, default=(1,), show_default=True)
@click.option("--board", default="mps2-an386", show_default=True, help="emulated; '' for none")
@click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
def main(
    names: tuple[str, ...], data: Path | None, seeds: tuple[int, ...], board: str, as_json: bool
) -> None:
    """Print the table as Markdown, row by row."""
    click.echo(
        "| task | float | int16 | int8 | int8 trained | board: int16, int8 trained "
        "| majority or mean | persistence | GRU | command |"
    )
    click.echo("|---|---|---|---|---|---|---|---|---|---|")
    found: list[Row] = []
    for name in names or NAMES:
        rows = [
            measured(name, seed, data, "" if index else board) for index, seed in enumerate(seeds)
        ]
        click.echo(line(rows))
        found += rows
    if as_json:
        click.echo(json.dumps({"rows": [asdict(row) for row in found]}))


if __name__ == "__main__":
    main()
