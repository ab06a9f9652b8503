"""Reads what a comparison needs of a BUILD: ``model.json`` and the golden ``vectors.npz``.

Both files are checked against the digests that `elegans export` has written before a byte is
sent to a board. So a damaged file is never taken for a wrong board. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Channel
from elegans.exporter.storage.npz_arrays import InputArrays
from elegans.exporter.storage.read_files import ARRAYS_FILE, read_input
from elegans.hil_tests.wire.messages import Ints, Shape

SECTIONS = ("corner", "random", "recorded")
"""The kinds of golden vectors: extreme values, random values, consecutive steps of a recording."""

_REMEDY = "run `elegans export` again"


@dataclass(frozen=True)
class Vectors:
    """N golden steps, each with what the reference computes.

    Inputs ``x [N, I]``, elapsed times ``dt [N]`` and states ``h [N, H]`` give outputs
    ``y [N, O]`` and next states ``h_next [N, H]``. All are int16, but states and times of 32 bits
    are int32; ``dt`` is zero for a model with a fixed sample period. ``section [N]`` indexes
    `SECTIONS`.
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
        """The vectors of one section in their order; there may be none."""
        return self[np.flatnonzero(self.section == SECTIONS.index(section))]

    def breaks(self) -> list[int]:
        """The vectors at which an unbroken sequence of states begins, and N behind them: in a
        sequence each vector starts from the states that the one before ended with, and all are of
        one section."""
        follows = (self.h[1:] == self.h_next[:-1]).all(axis=1)
        follows &= self.section[1:] == self.section[:-1]
        return [0, *(np.flatnonzero(~follows) + 1).tolist(), len(self)]


@dataclass(frozen=True)
class BuildModel:
    """The model of a BUILD as a test needs it: names and formats, digest, golden vectors.

    A `Channel` is the name and the format of one input, output or state; ``dt`` is that of the
    elapsed time, None if the sample period is fixed. ``shape`` has the numbers of them, and the
    bytes of states and elapsed time.
    """

    name: str
    digest: str
    inputs: tuple[Channel, ...]
    dt: Channel | None
    outputs: tuple[Channel, ...]
    states: tuple[Channel, ...]
    shape: Shape
    vectors: Vectors


def load_build(build: Path) -> BuildModel:
    """Read and check a BUILD. Raises `ElegansError`, which names the file and what is wrong."""
    folder = read_build_folder(build)
    if folder.has_model:
        folder.model()  # raises if the digest is wrong
    shape = Shape(
        inputs=len(folder.inputs),
        outputs=len(folder.outputs),
        states=len(folder.states),
        state_bytes=folder.state_bits // 8,
        dt_bytes=folder.dt_bits // 8 if folder.dt else 0,
    )
    return BuildModel(
        name=folder.name,
        digest=folder.digest,
        inputs=folder.inputs,
        dt=folder.dt,
        outputs=folder.outputs,
        states=folder.states,
        shape=shape,
        vectors=_vectors(build / "vectors.npz", shape, folder.files.get("vectors.npz")),
    )


def _vectors(place: Path, shape: Shape, stated: str | None) -> Vectors:
    """Read and check the golden vectors; ``stated`` is their SHA-256, None if unknown."""
    content = read_input(place, ARRAYS_FILE, _REMEDY, inside=place.parent)
    if stated is not None and hashlib.sha256(content).hexdigest() != stated:
        raise ElegansError(place, "has not the digest that model.json states", _REMEDY)
    arrays: Mapping[str, Any] = InputArrays(place, content, _REMEDY)
    count = len(arrays["x"]) if "x" in arrays and arrays["x"].ndim else 0
    wanted: dict[str, tuple[tuple[int, ...], DTypeLike]] = {
        "x": ((count, shape.inputs), np.int16),
        "dt": ((count,), f"i{shape.dt_bytes or 2}"),
        "h": ((count, shape.states), shape.state_type),
        "y": ((count, shape.outputs), np.int16),
        "h_next": ((count, shape.states), shape.state_type),
        "section": ((count,), np.uint8),
    }
    for name, (size, dtype) in wanted.items():
        if name not in arrays:
            raise ElegansError(place, f"has no array {name}", _REMEDY)
        array = arrays[name]
        if array.shape != size or array.dtype != dtype:
            fact = f"{name} is {array.dtype} {array.shape}, not {np.dtype(dtype)} {size}"
            raise ElegansError(place, fact, _REMEDY)
    if count == 0:
        raise ElegansError(place, "holds no vectors", _REMEDY)
    if arrays["section"].max() >= len(SECTIONS):
        raise ElegansError(place, f"section exceeds {len(SECTIONS) - 1}", _REMEDY)
    return Vectors(**{name: arrays[name] for name in wanted})
