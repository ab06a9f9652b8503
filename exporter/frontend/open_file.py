"""Loads ONNX files that are not trusted: checked, limited in size, confined to their folder."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, shape_inference
from onnx.inliner import inline_local_functions

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.dialects.standard import checkable, opset, standard
from elegans.exporter.frontend.tensors import MOST_ELEMENTS, NUMERIC_TYPES
from elegans.exporter.ir.interface import METADATA_KEY
from elegans.exporter.storage.file_types import FileType, of_folder, of_message, recognised
from elegans.exporter.storage.onnx_bounds import check_inlined, check_parts
from elegans.exporter.storage.read_files import ONNX_FILE, read_input

# Limits that bound the time and the memory that a file can take; no network that fits a
# microcontroller comes near them.
_MOST_NODES = 50_000
_MOST_INTEGERS = 1 << 20  # of all tensors of integers, from which ONNX infers shapes
_WIDEST_PORT = 1 << 16  # elements of an input or an output
_MOST_ENTRIES = 100  # of a folder that is given instead of a file
_OPSETS = range(9, 26)  # versions of ONNX's operators that are accepted
MISFITS = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError),
    *(ValueError, shape_inference.InferenceError),
)
"""What reading a graph, rewriting it and inferring its shapes raise for one that does not fit."""
# The remedy for everything that is not one step of a network.
EXPORT_ONE_STEP = (
    "export one step: inputs x [1, I], h [1, H] and optionally dt [1, 1], outputs y and h_next; "
    "elegans.trainer.export_onnx does it for ncps"
)
_SUBGRAPH_OPERATORS = ("SequenceMap",)
_WHOLE_TYPES = (TensorProto.INT32, TensorProto.INT64)
_PACKED = (TensorProto.INT4, TensorProto.UINT4)  # two a byte


def read(path: Path) -> onnx.ModelProto:
    """The model at `path` as it is, with its weights and with local functions inlined.

    Raises `ElegansError` if the file is not a valid ONNX model within the limits.
    """
    model = _parse(path)
    _check(model, path)
    _read_external_weights(model, path)
    try:
        onnx.checker.check_model(checkable(model))
        return inline_local_functions(model)
    except (onnx.checker.ValidationError, *MISFITS) as error:
        raise _broken(path, error) from None


def plain(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """A model that was read, with the operators that the importer reads (`dialects.standard`)."""
    try:
        return standard(checkable(model))
    except MISFITS as error:
        raise _broken(path, error) from None


def with_shapes(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model of a step with all shapes inferred.

    Dimensions without a size, as a batch or the length of a sequence, become 1.
    """
    fix_sizes(model)
    try:
        return shape_inference.infer_shapes(model, data_prop=True)
    except MISFITS as error:
        raise _broken(path, error) from None


def fix_sizes(model: onnx.ModelProto) -> None:
    """Let inputs have the size 1 wherever they have none."""
    for value in model.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if not dim.HasField("dim_value"):
                dim.dim_value = 1


def _parse(path: Path) -> onnx.ModelProto:
    if path.is_dir():
        _refuse(path, of_folder({entry.name for entry in islice(path.iterdir(), _MOST_ENTRIES)}))
    data = read_input(path, ONNX_FILE, "give the path of an ONNX file")
    _refuse(path, recognised(data))
    try:
        check_parts(data)
    except ValueError as error:
        raise ElegansError(path, f"is too large: {error}", EXPORT_ONE_STEP) from None
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        _refuse(path, of_message(data, path.name))
        raise _broken(path, error) from None
    if not model.graph.node:
        _refuse(path, of_message(data, path.name))
        raise ElegansError(path, "holds no graph", "export one step of your network to ONNX")
    return model


def _refuse(path: Path, found: FileType | None) -> None:
    """Refuse a file that is known to be of another kind than ONNX."""
    if found is not None:
        remedy = found.remedy.format(path=str(path), folder=path.parent)
        raise ElegansError(path, f"is {found.fact}", remedy)


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
    if opset(model) not in _OPSETS:
        fact, ends = f"is of opset {opset(model)}", f"{_OPSETS[0]} to {_OPSETS[-1]}"
        raise ElegansError(path, fact, f"export it with opset {ends} (opset_version=18)")
    _check_sizes(model, path)
    for number, node in enumerate(model.graph.node):
        if node.op_type in _SUBGRAPH_OPERATORS:
            place = f"{path}, node {number} ({node.op_type} {node.name!r})"
            raise ElegansError(place, "runs a subgraph on each of a list", EXPORT_ONE_STEP)


def _check_sizes(model: onnx.ModelProto, path: Path) -> None:
    """Refuse tensors, ports and functions that would take far more memory than the file."""
    tensors = model.graph.initializer
    elements = [_elements(tensor) for tensor in tensors]
    whole = [n for t, n in zip(tensors, elements, strict=True) if t.data_type in _WHOLE_TYPES]
    if sum(elements) > MOST_ELEMENTS or sum(whole) > _MOST_INTEGERS:
        fact = f"its tensors have {sum(elements)} elements, {sum(whole)} of them integers"
        limit = f"export a smaller network: {MOST_ELEMENTS} and {_MOST_INTEGERS} at most"
        raise ElegansError(path, fact, limit)
    for port in (*model.graph.input, *model.graph.output):
        size = math.prod(max(d.dim_value, 1) for d in port.type.tensor_type.shape.dim)
        if size > _WIDEST_PORT:
            fact = f"has {size} elements, {_WIDEST_PORT} is the most"
            raise ElegansError(f"{path}, {port.name!r:.80}", fact, EXPORT_ONE_STEP)
    try:
        check_inlined(model, _MOST_NODES)
    except ValueError as error:
        raise ElegansError(path, f"is too large: {error}", EXPORT_ONE_STEP) from None


def _elements(tensor: onnx.TensorProto) -> int:
    return math.prod(max(d, 0) for d in tensor.dims)


def _read_external_weights(model: onnx.ModelProto, path: Path) -> None:
    """Read tensors that are stored in other files, which must be in the folder of the model."""
    files: dict[str, bytes] = {}
    for tensor in model.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        place = f"{path}, tensor {tensor.name!r:.80}"
        given = {entry.key: entry.value for entry in tensor.external_data}
        name = given.get("location", "")
        if name not in files:
            files[name] = _beside(path, name, place)
        if sum(map(len, files.values())) > ONNX_FILE.most:
            fact = f"its files have more than {ONNX_FILE.most >> 20} MB together"
            raise ElegansError(path, fact, "export a smaller network")
        tensor.raw_data = _external_part(files[name], given, tensor, place)
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _beside(path: Path, name: str, place: str) -> bytes:
    """The content of a file of weights, which is no link, and in the folder of the model."""
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise ElegansError(
            place,
            f"keeps its weights in {name!r:.80}, outside of its own folder",
            "save the model as one file (external_data=False)",
        )
    remedy = "keep both files in one folder"
    try:
        return read_input(path.parent / name, ONNX_FILE, remedy, inside=path.parent)
    except ElegansError as error:
        raise ElegansError(place, f"its weights: {error.place}: {error.fact}", remedy) from None


def _external_part(
    content: bytes, given: dict[str, str], tensor: onnx.TensorProto, place: str
) -> bytes:
    try:
        size, offset = len(content), int(given.get("offset", 0))
        length = int(given.get("length", size - offset))
        needed = _size_in_bytes(tensor)
    except ValueError as error:
        fact = f"its weights cannot be read ({error!s:.80})"
        raise ElegansError(place, fact, "export the model again") from None
    if not (offset >= 0 and length == needed and offset + length <= size):
        fact = f"needs {needed} bytes, but has {length} at {offset} of {size}"
        raise ElegansError(place, fact, "export the model again")
    return content[offset : offset + length]


def _size_in_bytes(tensor: onnx.TensorProto) -> int:
    if tensor.data_type not in NUMERIC_TYPES or any(d < 0 for d in tensor.dims):
        raise ValueError("not a tensor of numbers")
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    size = int(math.prod(tensor.dims) * np.dtype(kind).itemsize)
    return (size + 1) // 2 if tensor.data_type in _PACKED else size


def metadata(model: onnx.ModelProto) -> str | None:
    """The interface that the file declares, as JSON (`interface.from_metadata`), or None."""
    return {p.key: p.value for p in model.metadata_props}.get(METADATA_KEY)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:120]
