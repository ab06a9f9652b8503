"""The options of `elegans train` for data: which columns are what, the network, the training."""

from __future__ import annotations

import click

from elegans.commands.options.data import GAP, GROUP, TIME
from elegans.commands.options.shared import PATH, F
from elegans.commands.options.values import MODEL_NAME, Number
from elegans.exporter.cost.cores import CORES
from elegans.trainer.chip_aware.settings import INTEGERS, LIMITS
from elegans.trainer.data.goal import KINDS
from elegans.trainer.learn.train_settings import (
    CELLS,
    CLASS_WEIGHTS,
    OPTIMIZERS,
    TrainSettings,
)

_DEFAULT = TrainSettings()

COLUMNS = ("time", "inputs", "target", "group", "kind", "forecast", "gap")
"""Parameters that say what the columns of a file are."""
CHIP = ("qat", "calm", *LIMITS, "core")
"""Parameters of `ChipSettings`."""
NETWORK = (
    *("cell", "neurons", "wiring", "optimizer", "lr", "weight_decay", "patience"),
    *("class_weights", "augment", "window", "batch", "carry"),
    *CHIP,
)
"""Parameters of `TrainSettings`, besides seed and epochs; `augment` is text."""
OTHERS = ("test", "validation", "name", "resume", "tensorboard", "data")


def train_options(function: F) -> F:
    """All of `COLUMNS`, `NETWORK` and `OTHERS`; None where the command line has none."""
    for option in reversed((*_COLUMN_OPTIONS, *_NETWORK_OPTIONS, _DATA)):
        function = option(function)
    return function


def recording_options(function: F) -> F:
    """Those that say what the recordings are: all of `COLUMNS`, `test`, `validation`, `data`."""
    for option in reversed((*_COLUMN_OPTIONS, _DATA)):
        function = option(function)
    return function


def _default(name: str) -> str:
    return f"; default: {getattr(_DEFAULT, name)}"


_COLUMN_OPTIONS = (
    TIME,
    click.option(
        "--inputs",
        help="columns with commas between them, as a,b,'temp [degC]'; default: all columns of "
        "numbers that are nothing else",
    ),
    click.option("--target", help="column to learn, or several with commas between them"),
    GROUP,
    click.option(
        "--task",
        "kind",
        type=click.Choice(KINDS),
        help="default: classification for text and few whole numbers, forecasting for a target "
        "among the inputs, else regression",
    ),
    click.option(
        "--forecast", type=click.IntRange(1), help="learn the target so many samples ahead"
    ),
    GAP,
    click.option("--test", help="groups of the test part, with commas between them"),
    click.option("--validation", help="groups of the validation part, with commas between them"),
)
_NETWORK_OPTIONS = (
    click.option("--cell", type=click.Choice(CELLS), help=f"kind of neuron{_default('cell')}"),
    click.option("--neurons", type=click.IntRange(1), help=f"how many{_default('neurons')}"),
    click.option(
        "--wiring",
        metavar="ncp[:SPARSITY]|dense",
        help="of cfc and ltc: a circuit of inter, command and motor neurons, from 0.1 (nearly "
        "dense) to 1; default: ncp:0.5",
    ),
    click.option(
        "--optimizer", type=click.Choice(OPTIMIZERS), help=f"of torch{_default('optimizer')}"
    ),
    click.option(
        "--lr",
        type=Number(0, min_open=True),
        help=f"first learning rate; it falls to a hundredth{_default('lr')}",
    ),
    click.option(
        "--weight-decay",
        type=Number(0),
        help=f"as the optimizer takes it{_default('weight_decay')}",
    ),
    click.option(
        "--patience",
        type=click.IntRange(1),
        help="end after so many epochs without a lower loss on the validation part"
        f"{_default('patience')}",
    ),
    click.option(
        "--class-weights",
        type=click.Choice(CLASS_WEIGHTS),
        help=f"balanced: each class counts as much as any other{_default('class_weights')}",
    ),
    click.option(
        "--augment",
        metavar="noise=,dropout=,jitter=,dt=",
        help="while training: noise in standard deviations, lost samples, moved time stamps and a "
        "wrong clock as shares, as noise=0.1,dropout=0.2",
    ),
    click.option(
        "--window",
        type=click.IntRange(2),
        help=f"samples of a stretch that is trained on at once{_default('window')}",
    ),
    click.option(
        "--batch", type=click.IntRange(1), help=f"stretches of an update{_default('batch')}"
    ),
    click.option(
        "--carry",
        is_flag=True,
        help="begin each stretch in the state behind the one before it, for what is longer ago "
        "than a stretch",
    ),
    click.option(
        "--qat",
        type=click.Choice(INTEGERS),
        help="fine-tune on the very integers that the device computes with such weights",
    ),
    click.option(
        "--calm",
        type=Number(0),
        help="with --qat, for a network that amplifies rounding: 0.05 makes it forget errors",
    ),
    click.option("--max-synapses", type=click.IntRange(1), help="prune while fine-tuning"),
    click.option(
        "--max-instructions",
        type=click.IntRange(1),
        help="of a step on --core: remove neurons and synapses until it takes no more",
    ),
    click.option(
        "--max-flash",
        type=click.IntRange(1),
        help="bytes of code, tables and weights on --core: the same",
    ),
    click.option(
        "--core", type=click.Choice(tuple(CORES)), help=f"that limits are of{_default('core')}"
    ),
    click.option(
        "--name",
        type=MODEL_NAME,
        help="name of the model, the prefix of the C; default: that of WHAT",
    ),
    click.option("--resume", is_flag=True, help="go on from the last checkpoint in DIR"),
    click.option(
        "--tensorboard", is_flag=True, help="write logs for TensorBoard to DIR/tensorboard"
    ),
)
_DATA = click.option("--data", type=PATH, help="folder of the recordings of a task")
