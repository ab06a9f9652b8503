"""Verbs that make a network or compare many: `train`, `robust`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from elegans.commands.options.robust import robust_options
from elegans.commands.options.shared import (
    SEED,
    output_option,
)
from elegans.commands.options.train import train_options
from elegans.commands.verbs import verb


@verb(
    "elegans train lane -o build/lane;"
    " elegans train data.csv --time 't [ms]' --target state --group session -o build/mine;"
    " elegans train data.csv --time t --inputs a,b --target a --forecast 10 -o build/mine"
)
@click.argument("what")
@output_option("folder for model.onnx, weights, metrics and pictures", required=True)
@SEED
@click.option("--epochs", type=click.IntRange(1), help="passes over the data, at most")
@click.option("--short", is_flag=True, help="train a few epochs only, to try the command")
@train_options
def train(what: str, output: Path, seed: int, epochs: int | None, short: bool, **more: Any) -> None:
    """Train a network and write it as model.onnx.

    WHAT is a file of recordings (.csv, .parquet, .npz), a folder of them, or a task: lane
    steers a simulated car; motions tells activities apart by a smartwatch's sensors; daphnet,
    gesture and occupancy are published recordings.
    """
    from elegans.commands.train import train as train_on
    from elegans.trainer.tasks import TrainOptions

    train_on(what, output, TrainOptions(seed, short, epochs), more)


@verb(
    "elegans robust lane --quick -o build/robust;"
    " elegans robust lane -o build/robust;"
    " elegans robust data.csv --time 't [ms]' --target state --group session -o build/robust"
)
@click.argument("what")
@output_option("folder for results.json, tables and pictures", required=True)
@robust_options
def robust(what: str, output: Path, **more: Any) -> None:
    """Measure which cells hold their line when the world changes.

    Trains CfC, LTC, CTRNN, GRU, LSTM and MLP alike, then disturbs what they see: in float and
    in the device's integers. WHAT is lane, which drives in a closed loop, a task on recordings,
    or your own recordings, as for 'train'. The same command goes on where it was stopped.
    """
    from elegans.commands.robust import robust as measure

    measure(what, output, more)
