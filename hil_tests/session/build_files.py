"""A BUILD as the link sees it: ``model.json`` (names and formats) and ``vectors.npz`` (golden).

Both are checked whole before a byte goes to a board, by the digests that `elegans export`
states: a damaged yardstick must not pass for a wrong board. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import from_json
from elegans.hil_tests.wire.messages import Ints, Shape

SECTIONS = ("corner", "random", "recorded")

_AGAIN = "run `elegans export` again"
_MISSING = object()
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
# TypeError: np.load gives the bare array of an .npy file, which is no context.
_UNREADABLE = (ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError, MemoryError)

T = TypeVar("T")


@dataclass(frozen=True)
class Signal:
    """One integer of the model: its name and format; real value = integer / 2**frac."""

    name: str
    unit: str
    frac: int
    lo: int
    hi: int


@dataclass(frozen=True)
class Vectors:
    """Golden steps: ``x [N, I]``, ``dt [N]`` and ``h [N, H]`` give ``y [N, O]``, ``h_next [N, H]``.

    All int16; ``dt`` is zero for a model with a fixed sample period. ``section [N]``
    indexes `SECTIONS`.
    """

    x: Ints
    dt: Ints
    h: Ints
    y: Ints
    h_next: Ints
    section: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, pick: slice | NDArray[np.intp]) -> Vectors:
        return Vectors(
            self.x[pick],
            self.dt[pick],
            self.h[pick],
            self.y[pick],
            self.h_next[pick],
            self.section[pick],
        )

    def of(self, section: str) -> Vectors:
        """The vectors of one section, in their order; maybe none."""
        return self[np.flatnonzero(self.section == SECTIONS.index(section))]


@dataclass(frozen=True)
class Model:
    """What a board must be running: its names and formats, its digest and its golden vectors."""

    name: str
    digest: str
    inputs: tuple[Signal, ...]
    dt: Signal | None
    outputs: tuple[Signal, ...]
    states: tuple[Signal, ...]
    vectors: Vectors

    @property
    def shape(self) -> Shape:
        return Shape(len(self.inputs), len(self.outputs), len(self.states), self.dt is not None)


def load(build: Path) -> Model:
    """Read and check a BUILD directory; `ElegansError` names the file and what is wrong."""
    place = build / "model.json"
    try:
        text = json.loads(place.read_text("utf-8"))
    except OSError as error:
        raise ElegansError(place, error.strerror or "cannot be read", _AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise ElegansError(place, f"is not JSON ({error})", _AGAIN) from error
    if not isinstance(text, dict):
        raise ElegansError(place, "is not a JSON object", _AGAIN)
    inputs = _signals(place, text, "inputs")
    outputs = _signals(place, text, "outputs")
    states = _signals(place, text, "states")
    dt = None if text.get("dt") is None else _signal(place, text["dt"], "dt")
    digest = _field(place, text, "digest", str)
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ElegansError(place, "digest is not 64 hexadecimal digits", _AGAIN)
    if "steps" in text and _digest(text) != digest:
        raise ElegansError(place, "does not match its own digest", _AGAIN)
    if not outputs or not states:
        raise ElegansError(place, "names no outputs or no states", _AGAIN)
    shape = Shape(len(inputs), len(outputs), len(states), dt is not None)
    files = text.get("files")
    stated = files.get("vectors.npz") if isinstance(files, dict) else None
    vectors = _vectors(build / "vectors.npz", shape, stated)
    name = _field(place, text, "name", str)
    return Model(name, digest, inputs, dt, outputs, states, vectors)


def _digest(text: dict[str, Any]) -> str | None:
    """What the digest of a model.json should be; None where it holds no model."""
    try:
        return from_json(text).digest
    except _DAMAGED:
        return None


def _vectors(place: Path, shape: Shape, stated: object) -> Vectors:
    """The golden vectors, if their SHA-256 is as ``stated``, where it is."""
    try:
        content = place.read_bytes()
        if stated is not None and hashlib.sha256(content).hexdigest() != stated:
            raise ElegansError(place, "has not the digest that model.json states", _AGAIN)
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise ElegansError(place, error.strerror or "cannot be read", _AGAIN) from error
    except _UNREADABLE as error:
        raise ElegansError(place, f"is no archive of plain arrays ({error})", _AGAIN) from error
    count = len(arrays["x"]) if "x" in arrays and arrays["x"].ndim else 0
    wanted: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
        "x": ((count, shape.inputs), np.int16),
        "dt": ((count,), np.int16),
        "h": ((count, shape.neurons), np.int16),
        "y": ((count, shape.outputs), np.int16),
        "h_next": ((count, shape.neurons), np.int16),
        "section": ((count,), np.uint8),
    }
    for name, (size, dtype) in wanted.items():
        if name not in arrays:
            raise ElegansError(place, f"has no array {name}", _AGAIN)
        array = arrays[name]
        if array.shape != size or array.dtype != dtype:
            fact = f"{name} is {array.dtype} {array.shape}, {np.dtype(dtype)} {size} belongs"
            raise ElegansError(place, fact, _AGAIN)
    if count == 0:
        raise ElegansError(place, "holds no vectors", _AGAIN)
    if arrays["section"].max() >= len(SECTIONS):
        raise ElegansError(place, f"section exceeds {len(SECTIONS) - 1}", _AGAIN)
    return Vectors(**{name: arrays[name] for name in wanted})


def _signals(place: Path, text: dict[str, Any], key: str) -> tuple[Signal, ...]:
    items = _field(place, text, key, list)
    return tuple(_signal(place, item, f"{key}[{index}]") for index, item in enumerate(items))


def _signal(place: Path, item: object, where: str) -> Signal:
    if not isinstance(item, dict):
        raise ElegansError(place, f"{where} is not an object", _AGAIN)
    name = _field(place, item, "name", str, where)
    frac, lo, hi = (_field(place, item, key, int, where) for key in ("frac", "lo", "hi"))
    return Signal(name, str(item.get("unit", "")), frac, lo, hi)


def _field(place: Path, item: dict[str, Any], key: str, kind: type[T], where: str = "") -> T:
    value = item.get(key, _MISSING)
    if not isinstance(value, kind):
        label = f"{where}.{key}" if where else key
        fact = "is missing" if value is _MISSING else f"is not of type {kind.__name__}"
        raise ElegansError(place, f"{label} {fact}", _AGAIN)
    return value
