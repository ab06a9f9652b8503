"""Verbs that make a network or compare many: `train`, `robust`, `sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from elegans.commands.options.robust import robust_options
from elegans.commands.options.shared import (
    SEED,
    output_option,
)
from elegans.commands.options.sweep import sweep_options
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
    from elegans.commands.training.train import train as train_on
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
    from elegans.commands.training.robust import robust as measure

    measure(what, output, more)


@verb(
    "elegans sweep lane --trials 100 --jobs 2 -o build/sweep;"
    " elegans sweep data.csv --time 't [ms]' --target state --group session -o build/mine;"
    " elegans sweep build/sweep --pick 'instructions<2000' -o build/small"
)
@click.argument("what", required=False)
@output_option("folder of the sweep; with --pick, of the model", required=True)
@SEED
@sweep_options
def sweep(what: str | None, output: Path, seed: int, **more: Any) -> None:
    """Search for networks by error, instructions and flash.

    WHAT is a file or folder of recordings, or a task, as for 'elegans train'. Each trial trains
    another network and exports it to DIR/trials/N/export. DIR/front.json has the trials that no
    other one beats. The same command goes on with a sweep that was stopped.
    """
    from elegans.commands.training.sweep import sweep as sweep_on

    sweep_on(what, output, seed, more)
