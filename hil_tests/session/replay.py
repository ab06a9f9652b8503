"""Runs recorded data through a model: reference, ONNX, host or board, with equal results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.build_folder import load_model
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, dequantise, quantise
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.golden_vectors import (
    check_range,
    load_arrays,
    load_recording,
    to_integers,
)

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


def replay(build: Path, source: Path, target: Target) -> dict[str, NDArray[np.generic]]:
    """Run the recording in the .npz file `source`: `x [T, I]`, optionally `dt [T]` and `h0 [H]`.

    Returns the outputs `y [T, O]` and the states after each step `h [T, H]` as real numbers,
    and as the device's integers under `y_int` (int16) and `h_int` (int16, or int32 if the model's
    states have 32 bits). Raises `ElegansError`.
    """
    model = load_model(build)
    recording = load_recording(source, model)
    if len(recording.x) != 1:
        raise ElegansError(source, f"holds {len(recording.x)} series", "give one, x [T, I]")
    arrays = load_arrays(source)
    check_period(source, arrays, model)
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


def check_period(source: Path, arrays: dict[str, NDArray[np.generic]], model: Model) -> None:
    """Raise `ElegansError` if elapsed time varies, but the model has its sample period fixed."""
    period = arrays.get("dt", np.zeros(1))
    if model.dt is None and period.size and np.ptp(period.astype(np.float64)) > 0:
        raise ElegansError(
            f"{source}, array 'dt'",
            "varies, and this model's sample period was fixed at export",
            "export without --dt, or leave dt out",
        )


def first_state(source: Path, arrays: dict[str, NDArray[np.generic]], model: Model) -> Integers:
    """The states [H] to start from: `h0` among the arrays of a file, by default zero."""
    h0 = arrays.get("h0", np.zeros(len(model.states))).astype(np.float64)
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

    try:
        session = ort.InferenceSession(str(build / "reference.onnx"))
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
    return ElegansError(build / "reference.onnx", reason, "export the model again")


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
