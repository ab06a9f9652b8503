"""The options of `elegans export`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, cast

import click

from elegans.commands.options.shared import PATH, F, renamed
from elegans.commands.options.values import FORMAT, MODEL_NAME, TIMES, Number, Pair, named_range
from elegans.exporter.delivery.layouts import LAYOUTS
from elegans.exporter.numbers.fixed import LARGEST_REAL


def export_options(function: F) -> F:
    """All options of `elegans export` but the output, as ``options``.

    They are the keyword arguments of `exporter.export.Request` beside its source, the
    argument MODEL.
    """

    @functools.wraps(function)
    def collected(model: Path, output: Path, weights: str, layout: str, **options: Any) -> Any:
        if options["dt"] is not None and options["dt_range"] is not None:
            raise click.UsageError("--dt fixes the sample period; leave out --dt-range")
        beside = model.parent / "recording.npz"
        if options["recording"] is None and beside.exists():
            options["recording"] = beside
        if options["weights_for"] is not None and options["name"] is not None:
            raise click.UsageError("--weights-for takes the name of its BUILD; leave out --name")
        if options["accept_error"] is None:
            del options["accept_error"]
        named, plain = (
            tuple(item for item in options["input_ranges"] if (item[0] is None) == unnamed)
            for unnamed in (False, True)
        )
        options |= {"named_ranges": named, "input_ranges": tuple(r for _, r in plain)}
        options |= {"weight_bits": int(weights.removeprefix("int")), "layout": layout}
        return function(model=model, output=output, options=options)

    decorated = cast(F, collected)
    for option in reversed(_EXPORT):
        decorated = option(decorated)
    return renamed("--optimise", f"--layout {'|'.join(LAYOUTS)}")(decorated)


_EXPORT = (
    click.option(
        "--name",
        type=MODEL_NAME,
        help="prefix of the C functions; default: the name stored in MODEL",
    ),
    click.option(
        "--input-range",
        "input_ranges",
        type=named_range("input"),
        multiple=True,
        help="range of the inputs: given once for all of them, once for each in their order, or by "
        "NAME= for single ones; default: the ranges stored in MODEL",
    ),
    click.option(
        "--ranges-from",
        type=PATH,
        help="a table of ranges with the columns name, lo and hi; or data as 'elegans run' takes "
        "them, whose least and greatest values are the ranges of the inputs and of dt; what the "
        "other options say goes before it",
    ),
    click.option(
        "--input-format",
        "input_formats",
        type=FORMAT,
        multiple=True,
        help="inputs that are raw counts of a sensor, standing for LO to HI (by default for the "
        "range of the input), as uint12:985:1041 or int16:-2:2; uint1 to uint15 and int2 to int16; "
        "once for all inputs, once for each in their order, or by NAME=",
    ),
    click.option(
        "--state-range",
        "state_ranges",
        type=named_range("state"),
        multiple=True,
        help="where states saturate that no theorem bounds, as an LSTM's cell: for all of these, "
        "or by NAME= of a state's input in the graph or of its layer in report.txt",
    ),
    click.option(
        "--output-range",
        "output_ranges",
        type=named_range("output"),
        multiple=True,
        help="where outputs saturate: for all of them, or by NAME=; an output's format is then no "
        "coarser than this range needs, however wide the range is that is proved of it",
    ),
    click.option(
        "--dt-range",
        type=TIMES,
        help="range of the time that elapses between steps",
    ),
    click.option(
        "--dt",
        type=Number(min=0.0, min_open=True, max=LARGEST_REAL),
        help="a sample period that never changes; it is folded into the weights, and the C "
        "function has no dt argument",
    ),
    click.option(
        "--weights",
        type=click.Choice(["int16", "int8"]),
        default="int16",
        show_default=True,
        help="integer type of the weights; int8 is smaller and less accurate",
    ),
    click.option(
        "--layout",
        type=click.Choice(list(LAYOUTS)),
        default="speed",
        show_default=True,
        help="of tables and code: fewest instructions, less flash, or least; results are the same",
    ),
    click.option(
        "--weights-block",
        is_flag=True,
        help="the weights as a block of their own, checked by digest and CRC, that is replaced on "
        "the device without new code: NAME_weights*.bin and NAME_weights.c",
    ),
    click.option(
        "--weights-for",
        type=PATH,
        metavar="BUILD",
        help="a block for the code of BUILD, which was exported with --weights-block: MODEL in "
        "the formats of that code, or why it does not fit",
    ),
    click.option(
        "--flash-limit",
        type=click.IntRange(min=1),
        metavar="BYTES",
        help="most bytes of flash for tables and weights (code not counted); "
        "the layout becomes balanced, then size if it needs more",
    ),
    click.option(
        "--accept-error",
        type=Number(min=0.0, min_open=True),
        metavar="X",
        help="greatest error against float that is accepted in free runs, as a fraction of the "
        "range that a state or output uses; default: 0.05",
    ),
    click.option(
        "--recording",
        type=PATH,
        help=".npz with x [T, I] and dt [T], to be added to the golden vectors; "
        "default: recording.npz beside MODEL, if there is one",
    ),
    click.option(
        "--state",
        "states",
        type=Pair("IN:OUT", str),
        multiple=True,
        help="names of a state's input and output in the graph, once for each state; all other "
        "inputs are then sensors; needed only if export asks for it",
    ),
    click.option(
        "--elapsed",
        help="name of the input that is the elapsed time; needed only if export asks for it",
    ),
)
