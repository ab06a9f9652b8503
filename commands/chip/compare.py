"""`elegans compare`: float and fixed point on the user's own data, in figures and a picture."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from elegans.commands.edge import say
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.data.recordings.time_series import Stamps
from elegans.exporter.data.user_data import UserData, read_user_data
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.files import require_file, write_file
from elegans.exporter.float_network import read_float_network
from elegans.exporter.oracles.comparison import Comparison
from elegans.exporter.oracles.comparison import compare as compare_runs
from elegans.exporter.oracles.error_table import ChannelError, channel_errors
from elegans.exporter.oracles.onnx_float import OnnxRuntimeError, OnnxStep
from elegans.trainer.plots import BLUE, ORANGE, RED, figure

_LISTED = 5  # states and outputs, those with the worst errors
_SHOWN = 150  # steps on each side of the worst one


def compare(
    build: Path,
    source: Path,
    labels: str | None,
    plot: Path | None,
    as_json: bool,
    clip: bool,
    stamps: Stamps | None,
) -> Comparison:
    """Compare a BUILD with its float network on the data of `source`, and print the result.

    labels  the name of an array or a column of the data, or of a file with the labels
    plot    the PNG to draw the worst stretch to, or None
    stamps  which columns say when a step was, or None
    clip    whether values that the model does not take are put right, which stderr then says

    Raises `ElegansError` for a BUILD, data or labels that do not fit together.
    """
    if plot is not None:
        _check_plot(plot)
    folder = read_build_folder(build)
    model = load_model(build)
    float_network = read_float_network(folder)
    data = read_user_data(source, model, folder.period_fixed, clip, labels, stamps)
    for change in data.changes:
        say(change, err=True)
    say(f"running {data.steps:,} steps in float and in fixed point ...", err=True)
    step: OnnxStep | OnnxRuntimeError
    try:
        step = OnnxStep(float_network.graph, float_network.network.interface.dt_fixed)
    except OnnxRuntimeError as error:
        step = error
    found = compare_runs(source.name, model, float_network.network, step, data)
    say(json.dumps(_figures(found)) if as_json else _text(found, data))
    if plot is not None:
        _draw(found, plot)
    return found


def _check_plot(plot: Path) -> None:
    if importlib.util.find_spec("matplotlib") is None:
        remedy = "pip install 'elegans[train]', or leave out --plot"
        raise ElegansError("matplotlib", "is not installed", remedy)
    require_file(plot)
    if plot.suffix != ".png":
        raise WrongUseError("--plot", f"{plot} has another ending", "name a file *.png")


def _rows(found: Comparison) -> list[ChannelError]:
    return channel_errors(found.names, found.errors[:, None], found.truth[:, None])


def _text(found: Comparison, data: UserData) -> str:
    runs = data.described() if data.several else f"1 run of {data.described()}"
    lines = [f"{runs}, as fractions of the range used", ""]
    at = "run:step" if data.several else "at step"
    lines.append(f"  {'state or output':<20} {'worst':>8} {'rms':>8}  {at:>8}  range used")
    for i, row in sorted(enumerate(_rows(found)), key=lambda item: -item[1].worst)[:_LISTED]:
        at_worst = found.errors[:, i].argmax()
        step, run = found.step[at_worst], found.run[at_worst]
        where = f"{data.names[run]}:{step}" if data.several else f"{step:,}"
        lo, hi = row.used
        lines.append(
            f"  {row.name:<20} {row.worst:>8.1e} {row.rms:>8.1e}  {where:>8}  [{lo:.4g}, {hi:.4g}]"
        )
    rest = len(found.names) - _LISTED
    if rest > 0:
        lines.append(f"  and {rest} more, each with a smaller error")
    error = found.error
    lines += ["", f"all together: worst {error.worst:.1e}, rms {error.rms:.1e}"]
    if error.decisions is not None:
        lines.append(f"decisions (the greatest output) equal: {error.decisions:.2%}")
    if found.accuracy is not None:
        by_float, by_fixed = found.accuracy
        lines.append(
            f"accuracy over {found.labelled:,} labels: {by_float:.2%} in float, "
            f"{by_fixed:.2%} in fixed point"
        )
    if found.float32 is not None:
        worst, rms = found.float32
        lines.append(f"float32 (onnxruntime) against float64: worst {worst:.1e}, rms {rms:.1e}")
    else:
        lines.append(f"float32 is left out: onnxruntime does not run it ({found.float32_fault})")
    return "\n".join(lines)


def _figures(found: Comparison) -> dict[str, Any]:
    step, run, channel = found.worst_at
    lengths = np.bincount(found.run)
    return {
        "steps": int(lengths.max()),
        "runs": len(lengths),
        "worst": found.error.worst,
        "rms": found.error.rms,
        "worst_at": {"name": found.names[channel], "step": step, "run": run},
        "decisions_equal": found.error.decisions,
        "accuracy": found.accuracy and dict(zip(("float", "fixed"), found.accuracy, strict=True)),
        "labels": found.labelled,
        "float32": found.float32 and dict(zip(("worst", "rms"), found.float32, strict=True)),
        "channels": [asdict(row) for row in _rows(found)],
    }


def _draw(found: Comparison, plot: Path) -> None:
    """The worst state or output in float and in fixed point, around its worst step."""
    step, run, channel = found.worst_at
    at = np.flatnonzero((found.run == run) & (np.abs(found.step - step) <= _SHOWN))
    t = found.step[at]
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        drawn = Path(scratch) / "plot.png"
        with figure(drawn, 10.0, 5.2) as canvas:
            values, errors = canvas.subplots(2, 1, sharex=True, height_ratios=(2.0, 1.0))
            values.plot(t, found.truth[at, channel], color=BLUE, lw=2.4, label="float64")
            values.plot(t, found.fixed[at, channel], color=ORANGE, lw=1.1, label="fixed point")
            values.set_title(
                f"{found.names[channel]}: worst error {found.error.worst:.1e} of its used range, "
                f"step {step:,} of run {run}"
            )
            values.legend(loc="best", fontsize=9)
            errors.plot(t, found.errors[at, channel], color=RED, lw=1.1)
            errors.axvline(step, color=RED, lw=0.6)
            errors.set(xlabel="step", ylabel="error", xlim=(t[0], t[-1] or 1))
        write_file(plot, drawn.read_bytes())
    say(f"{plot} written", err=True)
