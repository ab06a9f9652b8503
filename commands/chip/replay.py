"""`elegans run`: runs the user's data, writes the results, and tells of what saturates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.commands.edge import say
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.data.labels import NO_LABEL, share_of_hits
from elegans.exporter.data.recordings.time_series import Stamps
from elegans.exporter.data.user_data import UserData, read_user_data
from elegans.exporter.errors import WrongUseError
from elegans.exporter.files import npz, require_new_file, write_file
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.native.compiled_run import compiled_run
from elegans.exporter.numbers.fixed import Integers, dequantise
from elegans.exporter.oracles.reference import is_long
from elegans.exporter.saturation import OUTPUT_RANGE, saturations
from elegans.hil_tests.session.replay import Target, replay
from elegans.trainer.progress import shown


def run_data(
    build: Path,
    source: Path,
    output: Path,
    target: Target,
    labels: str | None,
    clip: bool,
    stamps: Stamps | None,
) -> None:
    """Run the data of `source` through a BUILD and write the results to `output`.

    labels  as `elegans compare` takes them, or None
    stamps  which columns say when a step was, or None
    clip    whether values that the model does not take are put right, which stderr then says

    To stdout goes what was run, the accuracy if there are labels, and a line for each layer and
    output that can saturate, with the remedy if it does. Raises `ElegansError`.
    """
    _check_output(output, source)
    model, folder = load_model(build), read_build_folder(build)
    data = read_user_data(source, model, folder.period_fixed, clip, labels, stamps)
    for change in data.changes:
        say(change, err=True)
    if target.on == "reference" and is_long(data):
        say(_how(model), err=True)
    with shown() as progress:
        y, h = replay(
            build, model, data, target, lambda done: progress("run", done, data.steps, "steps")
        )
    write_file(output, npz(_arrays(data, model, y, h)))
    say(f"{output}: {data.described()} on {target.on}")
    if data.labels is not None:
        count = int((data.labels != NO_LABEL).sum())
        hits = share_of_hits(_real(y, model.outputs), data.labels)
        say(f"accuracy over {count:,} labels: {hits:.2%}")
    saturated = saturations(folder.states, h[data.valid])
    saturated += saturations(folder.outputs, y[data.valid], OUTPUT_RANGE)
    for one in saturated:
        say(f"saturated: {one}" + (f"; {one.remedy}" if one.steps else ""))


def _check_output(output: Path, source: Path) -> None:
    """Refuse an ending that is none of an .npz file, and to replace the data."""
    require_new_file(output, source)
    if output.suffix != ".npz":
        raise WrongUseError("--output", f"{output} has another ending", "name a file *.npz")


def _how(model: Model) -> str:
    """How the reference takes long series, and what was checked."""
    compiled = compiled_run(model)
    if compiled.run:
        return "compiled C finds the states; NumPy repeats and compares every step"
    return f"NumPy takes one step after the other, which '--on host' does sooner: {compiled.story}"


def _real(integers: Integers, channels: Any) -> NDArray[np.float64]:
    return dequantise(integers, np.array([c.frac for c in channels]))


def _arrays(
    data: UserData, model: Model, y: Integers, h: Integers
) -> Mapping[str, NDArray[np.generic]]:
    """y [T, O] and h [T, H] of one series, or [N, T, ...] of several with `lengths` and the names
    of the series; as real numbers, and as the device's integers."""
    found: dict[str, NDArray[np.generic]] = {
        "y": _real(y, model.outputs),
        "h": _real(h, model.states),
        "y_int": y.astype(np.int16),
        "h_int": h.astype(f"i{model.state_bits // 8}"),
    }
    if not data.several:
        return {name: values[0] for name, values in found.items()}
    return found | {"lengths": data.lengths, "series": np.array(data.names)}
