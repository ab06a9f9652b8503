"""The options of `elegans robust`: what is measured, and how much of it."""

from __future__ import annotations

import click

from elegans.commands.options.shared import F
from elegans.commands.options.train import recording_options
from elegans.commands.options.values import Pair
from elegans.trainer.chip_aware.settings import INTEGERS
from elegans.trainer.learn.train_settings import CELLS

STUDIES = ("shift", "size", "time")


def robust_options(function: F) -> F:
    """All of them, and those that say what the recordings are; None where none is given."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return recording_options(function)


_OPTIONS = (
    click.option(
        "--study",
        type=click.Choice(STUDIES),
        default="shift",
        show_default=True,
        help="shift: all disturbances, at equal parameters and at 19 neurons; size: several "
        "budgets; time: samples that are lost, and elapsed time given, withheld or jittered",
    ),
    click.option(
        "--quick",
        is_flag=True,
        help="about two minutes: fewer seeds, epochs and strengths, one learning rate, one size",
    ),
    click.option("--seeds", type=click.IntRange(1), help="networks of each kind; default: 5"),
    click.option("--epochs", type=click.IntRange(1), help="of a training, at most"),
    click.option(
        "--cells",
        metavar="CELL,...",
        help=f"the first is what others are compared with; default: {','.join(CELLS)}",
    ),
    click.option(
        "--rates",
        metavar="RATE,...",
        help="learning rates, of which each cell gets the best on validation data; "
        "default: 0.003,0.01,0.03",
    ),
    click.option(
        "--budget",
        type=click.IntRange(1),
        help="parameters of each network; default: as many as 19 neurons of the first cell have",
    ),
    click.option(
        "--sizes",
        type=Pair("LO:HI", int),
        help="least and greatest budget of the study of sizes; default: 200:20000",
    ),
    click.option("--steps", type=click.IntRange(2), help="budgets between them; default: 5"),
    click.option(
        "--weights",
        type=click.Choice(INTEGERS),
        default="int16",
        show_default=True,
        help="of the device",
    ),
    click.option(
        "--jobs", type=click.IntRange(1), help="processes; default: one for each processor"
    ),
)
