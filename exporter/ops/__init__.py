"""One op, one room: `<op>.py` here, `el_<op>.h` and `el_<op>.c` in the runtime.

A module in this folder defines one frozen dataclass, called `OP`. Its integer meaning is
written once and executed by every kind of `fixed.Value`; C is the only second text.
Nothing else lists the ops: adding one is adding its files.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.numbers.fixed import Integers, Interval, Value
from elegans.exporter.numbers.sparse_matrix import SparseMatrix

# The size of one element, by its type in C.
CTYPE_BYTES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}


@dataclasses.dataclass(frozen=True)
class Table:
    """A constant array of the generated C: `static const <ctype> <step>_<suffix>[]`."""

    suffix: str
    ctype: str
    values: Integers
    comment: str

    @property
    def bytes(self) -> int:
        """The flash that the array takes."""
        return CTYPE_BYTES[self.ctype] * self.values.size


class Op(Protocol):
    """What a fixed-point op can do. Inputs are row vectors, `[..., size]`."""

    kernel: ClassVar[str]
    in_place: ClassVar[bool]  # whether the kernel's output may be its first input

    @property
    def integer(self) -> Callable[..., Value]:
        """The meaning: int16 vectors in, an int16 vector out."""

    @property
    def real(self) -> Callable[..., Value]:
        """`integer` without rounding and saturation, on real numbers at the same scales."""

    @property
    def range(self) -> Callable[..., Interval]:
        """Bounds of the output; raises `RangeError` if an intermediate could leave int32."""

    def tables(self) -> list[Table]:
        """The constant arrays, in the order in which the C kernel takes them."""

    def scalars(self) -> list[int]:
        """The constants that follow the tables in the C kernel's arguments."""


def kinds() -> dict[str, type[Any]]:
    """Every op by the name of its kernel."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").OP for name in modules}


def to_json(op: Op) -> dict[str, Any]:
    """An op as plain data: its kernel's name and its fields."""
    fields = {
        f.name: _plain(getattr(op, f.name))
        for f in dataclasses.fields(op)  # type: ignore[arg-type]
    }
    return {"kernel": op.kernel, **fields}


def from_json(data: dict[str, Any]) -> Op:
    """The op that `to_json` wrote."""
    fields = {key: value for key, value in data.items() if key != "kernel"}
    op: Op = kinds()[data["kernel"]](**fields)
    return op


def _plain(value: Any) -> Any:
    if isinstance(value, SparseMatrix):
        return value.to_json()
    return value.tolist() if isinstance(value, np.ndarray) else value


def integers(values: Any, ndim: int) -> NDArray[np.int64]:
    """A field given as an array or as JSON's nested lists, frozen."""
    array = np.array(values, dtype=np.int64)
    if array.ndim != ndim:
        raise ValueError(f"expected {ndim} dimensions, found {array.ndim}")
    array.setflags(write=False)
    return array
