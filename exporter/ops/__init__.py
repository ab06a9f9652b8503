"""Fixed-point ops, one in each module: `<op>.py` here, `el_<op>.h` and `el_<op>.c` in C.

Each module defines one frozen dataclass and binds it to `OP`. The op is written once, for
every kind of `fixed.Value`; its C kernel is the only second implementation. `kinds` finds
the modules by themselves, so adding an op is adding its files. May import `numbers`.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.numbers.sparse_matrix import SparseMatrix

PLAIN, WIDE, RELATIVE = "plain", "wide", "relative"
"""How an op's result is written in int16 (`form`)."""
ALONE = "alone"
"""What an element-wise op reads as a whole for each of its elements, as the elapsed time."""

# The bytes of one element, by its type in C.
CTYPE_BYTES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}
CTYPE_BYTES["el_window"] = CTYPE_BYTES["uint16_t"]  # a structure of such fields


@dataclasses.dataclass(frozen=True)
class Table:
    """A constant array of the generated C: `static const <ctype> <step>_<suffix>[]`.

    suffix   distinguishes the arrays of one step
    ctype    a key of `CTYPE_BYTES`
    values   of any shape, in the order in which C has them
    comment  printed above the array
    shared   whether steps share the array although their other ones differ
    aligned  whether it begins at a multiple of four bytes, as loads of several words need it
    trained  whether training changes the values and no kernel computes an address from them: such
             a table can be replaced on the device (`delivery/weights_block.py`)
    """

    suffix: str
    ctype: str
    values: Integers
    comment: str
    shared: bool = False
    aligned: bool = False
    trained: bool = False

    @property
    def bytes(self) -> int:
        """The size of the array in flash."""
        return CTYPE_BYTES[self.ctype] * self.values.size


def trained(suffix: str, ctype: str, values: Integers, comment: str) -> Table:
    """A table of weights, biases or shifts."""
    return Table(suffix, ctype, values, comment, trained=True)


class Op(Protocol):
    """The interface of all ops. Vectors are `[..., size]`, with any leading dimensions.

    kernel    the name of the C function, `el_<kernel>`, and of its header
    in_place  whether the kernel's output may be the same array as its first input

    The fields of the dataclass are the op's constants, which every model stores.

    An op may have `elementwise`, which is not inherited: the forms of its inputs, of which it reads
    element i for element i of its result. The header of its kernel then has the function
    `el_<kernel>1` of one element (`el_lanes.h`). With a method `near`, of the bounds of its inputs,
    it says where the function `el_<kernel>_near1` computes the same with less.
    """

    kernel: ClassVar[str]
    in_place: ClassVar[bool]

    @property
    def integer(self) -> Callable[..., Any]:
        """The op itself: int16 vectors in, an int16 vector out, exactly as in C; or a tuple of its
        parts (`form`)."""

    @property
    def real(self) -> Callable[..., Any]:
        """The same function of real numbers, without rounding; 1.0 is one unit of an integer.

        Training differentiates it, and the report compares `integer` with it.
        """

    @property
    def range(self) -> Callable[..., Any]:
        """Bounds of the output for bounds of the inputs. Raises `RangeError` if an
        intermediate value could leave int32, or an input break what the op requires."""

    def tables(self) -> list[Table]:
        """The constant arrays, in the order of the C kernel's arguments."""

    def scalars(self) -> list[int]:
        """The constant numbers, which follow the arrays in the C kernel's arguments."""


def form(op: Op) -> str:
    """How the result of an op is written in int16; ops that say nothing are plain.

    PLAIN     each element is a number
    WIDE      n upper halves, then n lower halves of n 32-bit integers (`fixed.halves`)
    RELATIVE  n mantissas, then n exponents of each kind: numbers of any magnitude
    """
    return str(getattr(op, "form", PLAIN))


def parts(op: Op) -> int:
    """The number of parts, of n elements each, that the result of an op has."""
    plain = {PLAIN: 1, WIDE: 2, RELATIVE: 2}[form(op)]
    return int(getattr(op, "parts", plain))


def kinds() -> dict[str, type[Any]]:
    """The class of every op, by the name of its kernel."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").OP for name in modules}


def to_json(op: Op) -> dict[str, Any]:
    """An op as plain data: its kernel's name and its fields. Part of a model's digest."""
    return {"kernel": op.kernel} | {name: _plain(value) for name, value in _fields(op).items()}


def from_json(data: dict[str, Any]) -> Op:
    """The op that `to_json` wrote. Raises KeyError, TypeError or ValueError for other data."""
    fields = {key: value for key, value in data.items() if key != "kernel"}
    op: Op = kinds()[data["kernel"]](**fields)
    return op


def same_op(one: Op, other: Op) -> bool:
    """Whether two ops compute the same: they are of one kind and their fields are equal."""
    if type(one) is not type(other):
        return False
    fields = zip(_fields(one).values(), _fields(other).values(), strict=True)
    return all(_equal(a, b) for a, b in fields)


def _fields(op: Op) -> dict[str, Any]:
    names = (f.name for f in dataclasses.fields(op))  # type: ignore[arg-type]
    return {name: getattr(op, name) for name in names}


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, SparseMatrix) and isinstance(b, SparseMatrix):
        parts = ("counts", "columns", "values")
        same = all(np.array_equal(getattr(a, part), getattr(b, part)) for part in parts)
        return a.cols == b.cols and same
    return np.array_equal(a, b)


def _plain(value: Any) -> Any:
    if isinstance(value, SparseMatrix):
        return value.to_json()
    return value.tolist() if isinstance(value, np.ndarray) else value


def frozen_integers(values: Any, ndim: int) -> NDArray[np.int64]:
    """A field, given as an array or as JSON's nested lists, as a read-only int64 array.

    Raises ValueError unless it has `ndim` dimensions.
    """
    array = np.array(values, dtype=np.int64)
    if array.ndim != ndim:
        raise ValueError(f"expected {ndim} dimensions, found {array.ndim}")
    array.setflags(write=False)
    return array
