"""Runs recorded data through a model: reference, ONNX, host or board, with equal results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.build_folder import BuildFolder, load_model, read_build_folder
from elegans.exporter.clip_data import clipped
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, dequantise, quantise
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.golden_vectors import (
    Recording,
    check_range,
    recording_of,
    to_integers,
)
from elegans.exporter.oracles.integer_onnx import integer_onnx
from elegans.exporter.oracles.user_data import load_data
from elegans.exporter.storage.read_files import ONNX_FILE, read_input

_EXPORT_AGAIN = "export the model again"

Executor = Callable[[Integers, Integers, Integers], tuple[Integers, Integers]]
"""x [T, I], dt [T], h0 [H] -> y [T, O], h [T, H], all of them integers."""


@dataclass(frozen=True)
class Target:
    """Where to run the model.

    on        reference, onnx, host, or the name of a board
    emulator, compiler, level, port   as in `session.BoardOptions`
    """

    on: str
    emulator: str = "auto"
    compiler: str = "auto"
    level: str = "auto"
    port: str | None = None


def read_user_data(
    source: Path, build: BuildFolder, model: Model, clip: bool
) -> tuple[Recording, Mapping[str, NDArray[np.generic]], list[str]]:
    """The recording in an .npz or .csv file, all arrays there, and what `clip` changed.

    clip  whether values that are missing or outside of their range are put right: see `clipped`

    Raises `ElegansError` for data that this model cannot take.
    """
    arrays = load_data(source, model, missing=clip)
    arrays, told = clipped(source, arrays, model) if clip else (arrays, [])
    recording = recording_of(source, arrays, model)
    _check_period(source, arrays, build, model)
    return recording, arrays, told


def replay(
    build: Path,
    source: Path,
    target: Target,
    clip: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> dict[str, NDArray[np.generic]]:
    """Run a recording, a .npz or .csv file: `x [T, I]`, and optionally `dt [T]` and `h0 [H]`.

    `told` is called with what `clip` changed; see `read_user_data`.

    Returns the outputs `y [T, O]` and the states after each step `h [T, H]` as real numbers,
    and as the device's integers under `y_int` (int16) and `h_int` (int16, or int32 if the model's
    states have 32 bits). Raises `ElegansError`.
    """
    model = load_model(build)
    recording, arrays, changes = read_user_data(source, read_build_folder(build), model, clip)
    if len(recording.x) != 1:
        raise ElegansError(source, f"holds {len(recording.x)} series", "give one, x [T, I]")
    for change in changes:
        told(change)
    x, dt = (part[0] for part in to_integers(recording, model))
    y, h = _EXECUTORS.get(target.on, _board)(build, model, target)(
        x, dt, first_state(source, arrays, model)
    )
    return {
        "y": dequantise(y, np.array([c.frac for c in model.outputs])),
        "h": dequantise(h, np.array([c.frac for c in model.states])),
        "y_int": y.astype(np.int16),
        "h_int": h.astype(_state_type(model)),
    }


def _state_type(model: Model) -> np.dtype[np.signedinteger[Any]]:
    return np.dtype(f"i{model.state_bits // 8}")


def _check_period(
    source: Path, arrays: Mapping[str, NDArray[np.generic]], build: BuildFolder, model: Model
) -> None:
    """Raise `ElegansError` if elapsed time varies, but the model takes none."""
    period = arrays.get("dt", np.zeros(1))
    if model.dt is not None or not period.size or np.ptp(period.astype(np.float64)) == 0:
        return
    fact, remedy = "varies, and this network takes no elapsed time", "leave dt out"
    if build.float_reading.get("dt") is not None:
        fact = "varies, and this model's sample period was fixed at export"
        remedy = "export without --dt, or leave dt out"
    raise ElegansError(f"{source}, 'dt'", fact, remedy)


def first_state(source: Path, arrays: Mapping[str, NDArray[np.generic]], model: Model) -> Integers:
    """The states [H] to start from: `h0` among the arrays of a file, by default zero."""
    h0 = arrays.get("h0", np.zeros(len(model.states))).astype(np.float64)
    if not np.all(np.isfinite(h0)):
        raise ElegansError(f"{source}, h0", "is not all finite", "correct it, or leave it out")
    if h0.shape != (len(model.states),):
        raise ElegansError(
            source,
            f"h0 has the shape {h0.shape}",
            f"save h0 [{len(model.states)}], or leave it out",
        )
    for value, channel in zip(h0, model.states, strict=True):
        check_range(f"{source}, h0", np.array([value]), channel)
    fracs = np.array([c.frac for c in model.states])
    bounds = [c.lo for c in model.states], [c.hi for c in model.states]
    clipped: Integers = np.clip(quantise(h0, fracs), *bounds)
    return clipped


def _reference(build: Path, model: Model, target: Target) -> Executor:
    def execute(x: Integers, dt: Integers, h0: Integers) -> tuple[Integers, Integers]:
        result = reference.run(model, x, dt, h0)
        return result.y, result.h_next

    return execute


def _onnx(build: Path, model: Model, target: Target) -> Executor:
    import onnxruntime as ort

    path = build / "reference.onnx"
    content = read_input(path, ONNX_FILE, _EXPORT_AGAIN, inside=build)
    # What a stranger may have put there is not given to onnxruntime.
    if content != integer_onnx(model).SerializeToString(deterministic=True):
        fact = "is not what this version of elegans exports for this model"
        raise ElegansError(path, fact, _EXPORT_AGAIN)
    try:
        session = ort.InferenceSession(content)
    except Exception as error:  # onnxruntime has many error classes without a common base
        raise _unusable(build, error) from None

    def execute(x: Integers, dt: Integers, h0: Integers) -> tuple[Integers, Integers]:
        h, ys, hs = h0[None].astype(_state_type(model)), [], []
        for t in range(len(x)):
            feed = {"x": x[t : t + 1].astype(np.int16), "h": h}
            if model.dt:
                feed["dt"] = dt[t : t + 1, None].astype(f"i{model.dt_bits // 8}")
            try:
                y, h = session.run(["y", "h_next"], feed)
            except Exception as error:
                raise _unusable(build, error) from None
            ys.append(y[0])
            hs.append(h[0])
        return np.array(ys), np.array(hs)

    return execute


def _unusable(build: Path, error: Exception) -> ElegansError:
    reason = str(error).partition("\n")[0][:100]
    return ElegansError(build / "reference.onnx", reason, _EXPORT_AGAIN)


def _host(build: Path, model: Model, target: Target) -> Executor:
    from elegans.boards.firmware.host import HostModel

    host = HostModel.compile(build, target.compiler, target.level)

    def execute(x: Integers, dt: Integers, h0: Integers) -> tuple[Integers, Integers]:
        y, h = host.run(x, dt, h0)
        return y.astype(np.int64), h.astype(np.int64)

    return execute


def _board(build: Path, model: Model, target: Target) -> Executor:
    from elegans.hil_tests.session.session import BoardOptions, session
    from elegans.hil_tests.session.stream import run

    def execute(x: Integers, dt: Integers, h0: Integers) -> tuple[Integers, Integers]:
        options = BoardOptions(target.emulator, target.compiler, target.level, target.port)
        with session(build, target.on, options) as device:
            y, h = run(device.link, x, dt, h0)
            device.link.require_no_fault(device.hello)
        return y.astype(np.int64), h.astype(np.int64)

    return execute


_EXECUTORS: dict[str, Callable[[Path, Model, Target], Executor]] = {
    "reference": _reference,
    "onnx": _onnx,
    "host": _host,
}
