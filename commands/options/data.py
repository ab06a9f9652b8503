"""The options of the commands that take the user's own data."""

from __future__ import annotations

import functools
from typing import Any, cast

import click

from elegans.commands.options.shared import COMPILER, EMULATOR, PATH, PORT, F, level_option
from elegans.commands.options.values import Number
from elegans.exporter.data.recordings.time_series import Stamps

CLIP = click.option(
    "--clip",
    is_flag=True,
    help="take values outside of their range as the nearest end of it, and a missing one (NaN, an "
    "empty cell) as the one before it; says how many",
)


SOURCE = click.option(
    "--input",
    "source",
    type=PATH,
    required=True,
    help=".npz with x [T, I] of one series or x [N, T, I] of many, and optionally dt, lengths [N] "
    "and the first state h0 [H]; or .csv or .parquet with a row for each step, in columns named "
    "after the inputs, dt, and optionally run, which tells series apart; or a folder of such "
    "files; with --time, whatever 'elegans train' takes",
)
LABELS = click.option(
    "--labels",
    metavar="NAME|FILE",
    help="classes by the number or the name of the greatest output, for each step or each series: "
    "an array or column of the input, or a .npz, .csv or .parquet file that holds nothing else "
    "but, in a column run, the names of the series",
)

TIME = click.option(
    "--time",
    help="column of time stamps, with its unit if the header has none, as 't [ms]'; or a "
    "number: the period of regular samples in s",
)
GROUP = click.option(
    "--group", help="column that tells recordings apart; default: the file, in a folder"
)
GAP = click.option(
    "--gap",
    type=Number(0, min_open=True),
    help="seconds: a longer step ends a recording; default: 20 typical steps",
)


def stamps_options(function: F) -> F:
    """As `elegans train` takes them, for data with time stamps in place of dt: ``stamps``."""

    @functools.wraps(function)
    def collected(*, time: str | None, group: str | None, gap: float | None, **others: Any) -> Any:
        if time is None and (group or gap is not None):
            raise click.UsageError("--group and --gap are for data with time stamps: give --time")
        return function(stamps=None if time is None else Stamps(time, group, gap), **others)

    return TIME(GROUP(GAP(cast(F, collected))))


def replay_options(function: F) -> F:
    """Of `elegans run`: ``source, output, labels, clip, stamps, on, emulator, compiler, level,
    port``."""
    output = click.option(
        "--output",
        type=PATH,
        required=True,
        help=".npz to write: y [T, O] and h [T, H], and the same as integers in y_int and h_int; "
        "of many series [N, T, ...], with lengths and the names of the series",
    )
    where = click.option(
        "--on",
        default="reference",
        show_default=True,
        help="reference (NumPy), onnx (onnxruntime), host (C on this machine), or a board",
    )
    with_board = where(EMULATOR(COMPILER(level_option(PORT(function)))))
    return SOURCE(output(LABELS(CLIP(stamps_options(with_board)))))


def compare_options(function: F) -> F:
    """Of `elegans compare`: ``source, labels, plot, clip, stamps``."""
    plot = click.option("--plot", type=PATH, help="PNG to draw the worst stretch to")
    return SOURCE(LABELS(plot(CLIP(stamps_options(function)))))
