"""The options of the commands that take the user's own data."""

from __future__ import annotations

import click

from elegans.commands.options.shared import COMPILER, EMULATOR, PATH, PORT, F, level_option

CLIP = click.option(
    "--clip",
    is_flag=True,
    help="take values outside of their range as the nearest end of it, and a missing one (NaN, an "
    "empty cell) as the one before it; says how many",
)


def replay_options(function: F) -> F:
    """Of `elegans run`: ``source, output, clip, on, emulator, compiler, level,
    port``."""
    source = click.option(
        "--input",
        "source",
        type=PATH,
        required=True,
        help=".npz with x [T, I], and optionally dt [T] and the first state h0 [H]; or .csv with a "
        "header: the names of the inputs, and dt",
    )
    output = click.option(
        "--output",
        type=PATH,
        required=True,
        help=".npz to write: y [T, O] and h [T, H], and the same as integers in y_int and h_int",
    )
    where = click.option(
        "--on",
        default="reference",
        show_default=True,
        help="reference (NumPy), onnx (onnxruntime), host (C on this machine), or a board",
    )
    return source(output(CLIP(where(EMULATOR(COMPILER(level_option(PORT(function))))))))


def compare_options(function: F) -> F:
    """Of `elegans compare`: ``source, labels, plot, clip``."""
    source = click.option(
        "--input",
        "source",
        type=PATH,
        required=True,
        help=".npz with x [T, I] or [N, T, I], and optionally dt and the first state h0 [H]; or "
        ".csv with a header: the names of the inputs, dt, and optionally run",
    )
    labels = click.option(
        "--labels",
        metavar="NAME|FILE",
        help="classes by the number of the greatest output, for each step or each run: an array "
        "or column of the input, or a .npz or .csv file that holds nothing else",
    )
    plot = click.option("--plot", type=PATH, help="PNG to draw the worst stretch to")
    return source(labels(plot(CLIP(function))))
