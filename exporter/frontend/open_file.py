"""Loads ONNX files that are not trusted: checked, limited in size, confined to their folder."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper, shape_inference
from onnx.inliner import inline_local_functions
from scipy.sparse import csr_array

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.ir.affine import Matrix
from elegans.exporter.ir.interface import METADATA_KEY
from elegans.exporter.numbers.fixed import LARGEST_REAL, Reals

# Limits that bound the time and the memory that a file can take; no network that fits a
# microcontroller comes near them.
_LARGEST_FILE = 1 << 28  # bytes
_MOST_NODES = 50_000
_WIDEST_MATRIX = 1 << 16  # rows or columns of a sparse tensor
# Versions of ONNX's operators that are accepted: 17 to 23 are tested; before 13, axes are
# attributes of Squeeze and ReduceSum, not inputs.
_OPSETS = range(13, 27)
# The remedy for everything that is not one step of a network.
EXPORT_ONE_STEP = (
    "export one step: inputs x [1, I], h [1, H] and optionally dt [1, 1], outputs y and h_next; "
    "elegans.trainer.export_onnx does it for ncps"
)
_SUBGRAPH_OPERATORS = ("Loop", "Scan", "If", "SequenceMap")
_SEQUENCE_OPERATORS = ("LSTM", "GRU", "RNN")
_NUMERIC_TYPES = {
    *(TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE),
    *(TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64),
    *(TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.BOOL),
}


def load(path: Path) -> onnx.ModelProto:
    """The model at `path`, with local functions inlined and all shapes inferred.

    Dimensions without a size, as a batch or the length of a sequence, become 1. Raises
    `ElegansError` if the file is not a valid ONNX model of one step within the limits.
    """
    model = _parse(path)
    _check(model, path)
    _read_external_weights(model, path)
    for value in model.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if not dim.HasField("dim_value"):
                dim.dim_value = 1
    try:
        onnx.checker.check_model(model)
        return shape_inference.infer_shapes(inline_local_functions(model), data_prop=True)
    except (onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise _broken(path, error) from None


def _parse(path: Path) -> onnx.ModelProto:
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            limit = f"export one step of the network: {_LARGEST_FILE >> 20} MB at most"
            raise ElegansError(path, f"has {size >> 20} MB", limit)
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise WrongUseError(path, reason, "give the path of an ONNX file") from None
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        raise _broken(path, error) from None
    if not model.graph.node:
        raise ElegansError(path, "holds no graph", "export one step of your network to ONNX")
    return model


def _broken(path: Path, error: Exception) -> ElegansError:
    return ElegansError(
        path,
        f"is not a whole, valid ONNX model ({_first_line(error)})",
        "export it again, or download it again if it was cut off",
    )


def _check(model: onnx.ModelProto, path: Path) -> None:
    if len(model.graph.node) > _MOST_NODES:
        count = len(model.graph.node)
        raise ElegansError(path, f"has {count} nodes", f"export one step: {_MOST_NODES} at most")
    version = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if version not in _OPSETS:
        raise ElegansError(
            path, f"is of opset {version}", "export it with opset 17 to 23 (opset_version=18)"
        )
    for number, node in enumerate(model.graph.node):
        if node.op_type in _SUBGRAPH_OPERATORS:
            place = f"{path}, node {number} ({node.op_type} {node.name!r})"
            raise ElegansError(place, "runs a subgraph, as a loop over time", EXPORT_ONE_STEP)
        if node.op_type in _SEQUENCE_OPERATORS:
            place = f"{path}, node {number} ({node.op_type} {node.name!r})"
            remedy = f"{EXPORT_ONE_STEP}, and for torch's nn.{node.op_type}Cell"
            raise ElegansError(place, "runs over a whole sequence", remedy)


def _read_external_weights(model: onnx.ModelProto, path: Path) -> None:
    """Read tensors that are stored in other files, which must be in the folder of the model."""
    for tensor in model.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        place = f"{path}, tensor {tensor.name!r}"
        given = {entry.key: entry.value for entry in tensor.external_data}
        name = given.get("location", "")
        beside = path.parent / name
        folder = path.parent.resolve()
        if not name or Path(name).is_absolute() or beside.resolve().parent != folder:
            raise ElegansError(
                place,
                f"keeps its weights in {name!r:.80}, outside of its own folder",
                "save the model as one file (external_data=False)",
            )
        try:
            size, offset = beside.stat().st_size, int(given.get("offset", 0))
            length = int(given.get("length", size - offset))
            needed = _size_in_bytes(tensor)
            if not (offset >= 0 and length == needed and offset + length <= size):
                fact = (
                    f"needs {needed} bytes, but has {length} at {offset} of the {size} in {name!r}"
                )
                raise ElegansError(place, fact, "export the model again")
            with beside.open("rb") as file:
                file.seek(offset)
                tensor.raw_data = file.read(length)
        except (OSError, ValueError) as error:
            raise ElegansError(
                place, f"its weights cannot be read ({error})", "keep both files in one folder"
            ) from None
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _size_in_bytes(tensor: onnx.TensorProto) -> int:
    if tensor.data_type not in _NUMERIC_TYPES or any(d < 0 for d in tensor.dims):
        raise ValueError("not a tensor of numbers")
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return int(math.prod(tensor.dims) * np.dtype(kind).itemsize)


def metadata(model: onnx.ModelProto) -> str | None:
    """The interface that the file declares, as JSON (`interface.from_metadata`), or None."""
    return {p.key: p.value for p in model.metadata_props}.get(METADATA_KEY)


def constants(model: onnx.ModelProto, path: Path) -> dict[str, Reals]:
    """The graph's dense initializers by name: floats as float64, others in their own type.

    Raises `ElegansError` for tensors that are damaged, not numeric, or not finite.
    """
    return {
        tensor.name: finite(_array(tensor, path), f"{path}, tensor {tensor.name!r}")
        for tensor in model.graph.initializer
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
    if at.ndim == 1:  # ONNX allows indices into the flattened matrix, or (row, column) pairs
        at = np.stack([at // shape[1], at % shape[1]], axis=1)
    fits = at.shape == (values.size, 2) and values.ndim == 1 and at.dtype == np.int64
    if not fits or np.any(at < 0) or np.any(at >= shape):
        raise ElegansError(place, "is damaged (its indices do not fit)", "export it again")
    return csr_array((values.astype(np.float64), (at[:, 0], at[:, 1])), shape=shape)


def _array(tensor: onnx.TensorProto, path: Path) -> Reals:
    place = f"{path}, tensor {tensor.name!r}"
    if tensor.data_type not in _NUMERIC_TYPES:
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

    Raises `ElegansError` naming `place` and the element otherwise.
    """
    if array.dtype.kind != "f":
        return array
    wide = array.astype(np.float64)
    bad = np.flatnonzero(~(np.abs(wide.ravel()) <= LARGEST_REAL))
    if len(bad):
        raise ElegansError(
            place,
            f"element {bad[0]} is {wide.ravel()[bad[0]]:g}",
            "train again with a smaller learning rate or clipped gradients",
        )
    return wide


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:120]
