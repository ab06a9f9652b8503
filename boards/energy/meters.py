"""Records traces with a Joulescope or a Power Profiler Kit 2, whose libraries are optional.

Both have digital inputs: connect input 0 to the pin of the descriptor's [mark]. The PPK2 measures
no voltage, so the one of the descriptor's [current] is taken, and supplies nothing: it is an ampere
meter in the supply of the board.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np

from elegans.boards.descriptors.board import Board
from elegans.boards.energy.trace import Trace
from elegans.exporter.errors import ElegansError

METERS = ("joulescope", "ppk2")
_PPK2_HZ = 100_000
_SETTLING_S = 0.05


def record(meter: str, board: Board, seconds: float) -> Trace:
    """Record with one of `METERS` for so many seconds, while the board executes steps.

    Raises `ElegansError` if the library is not installed, or no such meter is connected."""
    return {"joulescope": _joulescope, "ppk2": _ppk2}[meter](board, seconds)


def _joulescope(board: Board, seconds: float) -> Trace:
    library = _library("joulescope", "joulescope")
    try:
        device = library.scan_require_one(config="auto")
    except (RuntimeError, OSError) as error:
        raise _absent("joulescope", error) from None
    with device:
        device.parameter_set("current_lsb", "gpi0")
        found = device.read(
            contiguous_duration=seconds,
            out_format="samples_get",
            fields=["current", "voltage", "current_lsb"],
        )
    signals = {name: np.asarray(one["value"], float) for name, one in found["signals"].items()}
    hz = found["time"]["sampling_frequency"]["value"]
    times = np.arange(len(signals["current"])) / hz
    return Trace(times, signals["current"], signals["voltage"], signals["current_lsb"])


def _ppk2(board: Board, seconds: float) -> Trace:
    if board.current is None:
        fact = "has no [current], whose voltage is needed with a PPK2"
        raise ElegansError(board.name, fact, "add it to the descriptor, as docs/boards.md shows")
    library = _library("ppk2_api.ppk2_api", "ppk2")
    ports = library.PPK2_API.list_devices()
    if not ports:
        raise _absent("ppk2", "no port belongs to one")
    device = library.PPK2_API(ports[0])
    device.get_modifiers()
    device.set_source_voltage(board.current.millivolts)
    device.use_ampere_meter()
    device.start_measuring()
    microamperes: list[float] = []
    bits: list[int] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(_SETTLING_S)
        data = device.get_data()
        if data:
            samples, digital = device.get_samples(data)
            microamperes += samples
            bits += digital
    device.stop_measuring()
    current = np.array(microamperes, float) * 1e-6
    mark = (np.array(bits, dtype=np.int64)[: len(current)] & 1).astype(float)
    voltage = np.full(len(current), board.current.millivolts / 1000)
    return Trace(np.arange(len(current)) / _PPK2_HZ, current, voltage, mark)


def _library(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        fact = "its library is not installed"
        raise ElegansError(f"--measure {extra}", fact, f"pip install 'elegans[{extra}]'") from None


def _absent(meter: str, why: object) -> ElegansError:
    return ElegansError(f"--measure {meter}", f"none was found ({why})", "connect it, or use csv")
