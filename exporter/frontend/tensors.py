"""The constants of an ONNX graph as arrays: dense and sparse tensors, finite, within bounds."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from scipy.sparse import csr_array

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Matrix
from elegans.exporter.numbers.fixed import LARGEST_REAL, Reals

MOST_ELEMENTS = 1 << 26
"""Of all tensors of a file: half a GiB of float64."""
# What exporters write where they mean infinity: it, or the greatest bfloat16, float32 or float64.
_ENDLESS = np.array([np.inf, 2.0**128 - 2.0**120, 2.0**128 - 2.0**104, np.finfo(float).max])
ENDLESS_REMEDY = (
    "a mask may take a finite number, as -1e4 before a softmax; a weight is to be trained "
    "again, with a smaller learning rate or clipped gradients"
)
_PIECE = 1 << 20  # elements that are checked at a time, to save memory
_WIDEST_MATRIX = 1 << 16  # rows or columns of a sparse tensor
NUMERIC_TYPES = {
    *(TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE),
    *(TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64),
    *(TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.BOOL),
    *(TensorProto.INT4, TensorProto.UINT4),
}


def constants(
    model: onnx.ModelProto, path: Path, wanted: Collection[str] | None = None
) -> dict[str, Reals]:
    """The graph's dense initializers by name, or those that are wanted: floats as float64, others
    in their own type.

    Raises `ElegansError` for tensors that are damaged, not numeric, or not finite.
    """
    return {
        tensor.name: finite(_array(tensor, path), f"{path}, tensor {tensor.name!r}")
        for tensor in model.graph.initializer
        if wanted is None or tensor.name in wanted
    }


def sparse_constants(model: onnx.ModelProto, path: Path) -> dict[str, Matrix]:
    """The graph's sparse initializers by name: matrices of finite float64.

    Raises `ElegansError` as `constants` does, and for other shapes than a matrix's.
    """
    return {t.values.name: _sparse(t, path) for t in model.graph.sparse_initializer}


def _sparse(tensor: onnx.SparseTensorProto, path: Path) -> Matrix:
    place = f"{path}, sparse tensor {tensor.values.name!r}"
    shape = tuple(tensor.dims)
    values = finite(_array(tensor.values, path), place)
    at = _array(tensor.indices, path)
    if len(shape) != 2 or not all(0 < d <= _WIDEST_MATRIX for d in shape):
        raise ElegansError(place, f"has the shape {list(shape)}", "export a smaller network")
    if values.size > MOST_ELEMENTS >> 4:
        raise ElegansError(place, f"has {values.size} entries", "export a smaller network")
    if at.ndim == 1:  # ONNX allows indices into the flattened matrix, or (row, column) pairs
        at = np.stack([at // shape[1], at % shape[1]], axis=1)
    fits = at.shape == (values.size, 2) and values.ndim == 1 and at.dtype == np.int64
    if not fits or np.any(at < 0) or np.any(at >= shape):
        raise ElegansError(place, "is damaged (its indices do not fit)", "export it again")
    return csr_array((values.astype(np.float64), (at[:, 0], at[:, 1])), shape=shape)


def _array(tensor: onnx.TensorProto, path: Path) -> Reals:
    place = f"{path}, tensor {tensor.name!r}"
    if tensor.data_type not in NUMERIC_TYPES:
        known = TensorProto.DataType.values()
        kind = TensorProto.DataType.Name(tensor.data_type) if tensor.data_type in known else "?"
        raise ElegansError(place, f"holds {kind}", "export weights in float32")
    try:
        array = numpy_helper.to_array(tensor)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ElegansError(place, f"is damaged ({error})", "export it again") from None
    return array.astype(np.float64) if tensor.data_type == TensorProto.BFLOAT16 else array


def finite(array: Reals, place: str) -> Reals:
    """The array, floats as float64, if no element is NaN or above `LARGEST_REAL` in magnitude.

    The greatest float32 or infinity, if it is a single number, is `LARGEST_REAL`: as an end of a
    Clip it means that there is none. So is the least in a mask, whose other elements are zero.
    Raises `ElegansError` naming `place` and the element otherwise.
    """
    if array.dtype.kind != "f":
        return array
    wide = array.astype(np.float64)
    endless = np.isin(np.abs(wide), _ENDLESS)
    if (wide.size == 1 and endless) or np.all((wide == 0.0) | (endless & (wide < 0.0))):
        wide = np.clip(wide, -LARGEST_REAL, LARGEST_REAL)
    flat = wide.ravel()
    for start in range(0, flat.size, _PIECE):
        bad = np.flatnonzero(~(np.abs(flat[start : start + _PIECE]) <= LARGEST_REAL))
        if not len(bad):
            continue
        fact = f"element {start + bad[0]} is {flat[start + bad[0]]:g}"
        raise ElegansError(place, fact, ENDLESS_REMEDY)
    return wide
