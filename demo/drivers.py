"""Controllers of the car that all run one network: in float, as integers, and on the board.

Each is a `Driver`, as `closed_loop.drive` calls it: (sensors x [I] in their units, dt in s) ->
steering in rad.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from elegans.exporter.data.recording import Recording, to_integers
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, dequantise
from elegans.exporter.oracles import reference
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.stream import Controller

Samples = NDArray[np.float32]
Driver = Callable[[Samples, float], float]


class FloatDriver:
    """The trained network in float32, executed by onnxruntime. It has ``states`` states."""

    def __init__(self, path: Path, states: int) -> None:
        self._session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._h = np.zeros((1, states), np.float32)

    def __call__(self, x: Samples, dt: float) -> float:
        """One step: the steering, and a new state kept for the next call."""
        feed = {"x": x[None].astype(np.float32), "h": self._h, "dt": np.array([[dt]], np.float32)}
        y, self._h = self._session.run(["y", "h_next"], feed)
        return float(y[0, 0])


class IntegerDriver:
    """The fixed-point network. ``step`` computes (x [I], dt) -> outputs and next states.

    ``trace`` keeps what every step returned, [O + H], to be compared with another's.
    """

    def __init__(self, model: Model, step: Callable[[Integers, int], Integers]) -> None:
        self._model, self._step = model, step
        self.trace: list[Integers] = []

    def __call__(self, x: Samples, dt: float) -> float:
        """One step: x and dt are quantised, the first output is the steering."""
        sample = Recording(np.asarray(x, np.float64)[None, None], np.array([[dt]]))
        x_int, dt_int = to_integers(sample, self._model)
        self.trace.append(self._step(x_int[0, 0], int(dt_int[0, 0])))
        return float(dequantise(self.trace[-1][0], self._model.outputs[0].frac))


def reference_driver(model: Model) -> IntegerDriver:
    """The integer reference (NumPy) drives."""
    h = np.zeros(len(model.states), np.int64)

    def step(x: Integers, dt: int) -> Integers:
        nonlocal h
        y, h = reference.step(model, x, np.array([dt]), h)
        return np.concatenate([y, h])

    return IntegerDriver(model, step)


def board_driver(model: Model, link: Link) -> IntegerDriver:
    """The board drives, over its serial port."""
    controller = Controller(link)

    def step(x: Integers, dt: int) -> Integers:
        y, h = controller.step(x, dt)
        return np.concatenate([y, h]).astype(np.int64)

    return IntegerDriver(model, step)
