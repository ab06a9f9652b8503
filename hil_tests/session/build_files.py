"""A BUILD as the link sees it: ``model.json`` (names and formats) and ``vectors.npz`` (golden).

Both are checked whole before a byte goes to a board, by the digests that `elegans export`
states: a damaged yardstick must not pass for a wrong board. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Channel
from elegans.hil_tests.wire.messages import Ints, Shape

SECTIONS = ("corner", "random", "recorded")

_AGAIN = "run `elegans export` again"
# TypeError: np.load gives the bare array of an .npy file, which is no context.
_UNREADABLE = (ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError, MemoryError)


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
class BuildModel:
    """What a board must be running: its names and formats, its digest and its golden vectors."""

    name: str
    digest: str
    inputs: tuple[Channel, ...]
    dt: Channel | None
    outputs: tuple[Channel, ...]
    states: tuple[Channel, ...]
    vectors: Vectors

    @property
    def shape(self) -> Shape:
        return Shape(len(self.inputs), len(self.outputs), len(self.states), self.dt is not None)


def load_build(build: Path) -> BuildModel:
    """Read and check a BUILD directory; `ElegansError` names the file and what is wrong."""
    told = read_build_folder(build)
    if told.has_model:
        told.model()  # checks the digest
    shape = Shape(len(told.inputs), len(told.outputs), len(told.states), told.dt is not None)
    vectors = _vectors(build / "vectors.npz", shape, told.files.get("vectors.npz"))
    return BuildModel(
        told.name, told.digest, told.inputs, told.dt, told.outputs, told.states, vectors
    )


def _vectors(place: Path, shape: Shape, stated: str | None) -> Vectors:
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
        "h": ((count, shape.states), np.int16),
        "y": ((count, shape.outputs), np.int16),
        "h_next": ((count, shape.states), np.int16),
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
