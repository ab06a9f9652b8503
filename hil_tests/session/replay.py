"""Runs the user's data through a model: reference, ONNX, host or board, with equal results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from elegans.exporter.data.user_data import UserData
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.integer_onnx import integer_onnx
from elegans.exporter.storage.read_files import ONNX_FILE, read_input

_EXPORT_AGAIN = "export the model again"

Results = tuple[Integers, Integers]
"""y [N, T, O] and the states after each step, h [N, T, H]; zeros after the end of a series."""
Done = Callable[[int], None]
"""Called with the number of steps that are done, of all series together."""
_OneSeries = Callable[[Integers, Integers, Integers], Results]
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


def replay(
    build: Path,
    model: Model,
    data: UserData,
    target: Target,
    done: Done = lambda steps: None,
) -> Results:
    """Run series through the model of a BUILD; the integers are the same wherever they run.

    Raises `ElegansError`.
    """
    return _EXECUTORS.get(target.on, _board)(build, model, target, data, done)


def _in_turn(one: _OneSeries, model: Model, data: UserData, done: Done) -> Results:
    """All series, one after the other."""
    y = np.zeros((*data.dt.shape, len(model.outputs)), np.int64)
    h = np.zeros((*data.dt.shape, len(model.states)), np.int64)
    count = 0
    for i, length in enumerate(data.lengths):
        y[i, :length], h[i, :length] = one(data.x[i, :length], data.dt[i, :length], data.h0[i])
        done(count := count + int(length))
    return y, h


def _reference(build: Path, model: Model, target: Target, data: UserData, done: Done) -> Results:
    return reference.run_series(model, data, done)


def _onnx(build: Path, model: Model, target: Target, data: UserData, done: Done) -> Results:
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

    def execute(x: Integers, dt: Integers, h0: Integers) -> Results:
        h, ys, hs = h0[None].astype(f"i{model.state_bits // 8}"), [], []
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

    return _in_turn(execute, model, data, done)


def _unusable(build: Path, error: Exception) -> ElegansError:
    reason = str(error).partition("\n")[0][:100]
    return ElegansError(build / "reference.onnx", reason, _EXPORT_AGAIN)


def _host(build: Path, model: Model, target: Target, data: UserData, done: Done) -> Results:
    from elegans.boards.firmware.host import HostModel

    host = HostModel.compile(build, target.compiler, target.level)
    return _in_turn(host.run, model, data, done)


def _board(build: Path, model: Model, target: Target, data: UserData, done: Done) -> Results:
    from elegans.hil_tests.session.session import BoardOptions, session
    from elegans.hil_tests.session.stream import run

    options = BoardOptions(target.emulator, target.compiler, target.level, target.port)
    with session(build, target.on, options) as device:
        found = _in_turn(partial(run, device.link), model, data, done)
        device.link.require_no_fault(device.hello)
    return found


_EXECUTORS: dict[str, Callable[[Path, Model, Target, UserData, Done], Results]] = {
    "reference": _reference,
    "onnx": _onnx,
    "host": _host,
}
