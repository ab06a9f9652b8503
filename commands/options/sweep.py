"""The options of `elegans sweep`: what is varied, what counts, where trials run."""

from __future__ import annotations

import click

from elegans.commands.options.shared import F
from elegans.commands.options.train import recording_options
from elegans.commands.options.values import MODEL_NAME, Pair
from elegans.exporter.cost.cores import CORES

OBJECTIVES = ("error", "instructions", "flash", "robustness")


def sweep_options(function: F) -> F:
    """All of `_OPTIONS`, and what says what the recordings are; None or a default without one."""
    function = recording_options(function)
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS = (
    click.option("--trials", default=50, show_default=True, type=click.IntRange(1), help="in all"),
    click.option(
        "--epochs",
        type=click.IntRange(3),
        help="of each training, at most; default: 12 of a task, 30 of data",
    ),
    click.option("--cells", help="kinds of neurons, as cfc,ltc,gru; default: all"),
    click.option("--neurons", type=Pair("LO:HI", int), help="how many; default: 6:40"),
    click.option("--weights", help="int16,int8 or one of them; default: both"),
    click.option(
        "--objectives",
        default="error,instructions,flash",
        show_default=True,
        help="what the front trades off: error and any of instructions, flash, robustness",
    ),
    click.option(
        "--disturb",
        metavar="noise=,dropout=",
        help="under which the robustness is the error; default: noise=0.5,dropout=0.2",
    ),
    click.option(
        "--core",
        default="m4",
        show_default=True,
        type=click.Choice(tuple(CORES)),
        help="that costs are of",
    ),
    click.option(
        "--max-instructions", type=click.IntRange(1), help="of a step: no training beyond"
    ),
    click.option("--max-flash", type=click.IntRange(1), help="bytes: no training beyond"),
    click.option(
        "--jobs", default=1, show_default=True, type=click.IntRange(1), help="trials at once"
    ),
    click.option(
        "--ray",
        metavar="ADDRESS",
        help="run the trials on a Ray cluster: HOST:PORT, ray://HOST:PORT or auto; --jobs limits "
        "how many at once",
    ),
    click.option(
        "--storage",
        metavar="URL",
        help="where the trials are kept: postgresql://USER@HOST/DATABASE, or journal:FILE on a "
        "share; default: study.db in the output folder",
    ),
    click.option(
        "--pick",
        metavar="CONDITIONS",
        help="train nothing: write the best model of the sweep WHAT that keeps these conditions, "
        "as 'instructions<2000,flash<=8000', to -o; without WHAT, of the sweep in -o to its "
        "folder picked",
    ),
    click.option("--balanced", is_flag=True, help="each class counts as much as any other"),
    click.option(
        "--name",
        type=MODEL_NAME,
        help="name of the models, the prefix of the C; default: that of WHAT",
    ),
)
