"""Opening a stranger's ONNX file: checked, bounded, and nothing else read from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper, shape_inference
from onnx.inliner import inline_local_functions

from elegans.exporter.errors import ElegansError
from elegans.exporter.fixed import Reals

KEY = "elegans"
_WIDEST = 8192
_STEP = "a step graph has inputs x [1, I], h [1, H] and optionally dt [1, 1], outputs y and h_next"


def load(path: Path) -> onnx.ModelProto:
    """The model at `path`, its local functions inlined and its shapes inferred."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ElegansError(path, reason, "give the path of an ONNX step model") from None
    try:
        model = onnx.load_model_from_string(data)
        if not model.graph.node:
            raise ElegansError(path, "holds no graph", "export the step of your network to it")
        for tensor in model.graph.initializer:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                raise ElegansError(
                    f"{path}, tensor {tensor.name!r}",
                    "keeps its weights in another file",
                    "save the model as one file (external_data=False)",
                )
        onnx.checker.check_model(model)
        return shape_inference.infer_shapes(inline_local_functions(model))
    except (DecodeError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise ElegansError(
            path,
            f"is not a whole, valid ONNX model ({_first_line(error)})",
            "export it again; a download may have been cut off",
        ) from None


def metadata(model: onnx.ModelProto) -> str | None:
    """What the file says of itself under elegans' key."""
    return {p.key: p.value for p in model.metadata_props}.get(KEY)


def ports(model: onnx.ModelProto, path: Path) -> dict[str, int]:
    """The sizes of x, h, dt, y and h_next. Raises unless they are those of a step."""
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = {v.name: _size(v, path) for v in model.graph.input if v.name not in held}
    outputs = {v.name: _size(v, path) for v in model.graph.output}
    for what, found, needed in (
        ("inputs", inputs, ({"x", "h"}, {"x", "h", "dt"})),
        ("outputs", outputs, ({"y", "h_next"},)),
    ):
        if set(found) not in needed:
            raise ElegansError(path, f"has the {what} {', '.join(sorted(found))}", _STEP)
    if inputs["h"] != outputs["h_next"]:
        raise ElegansError(
            path, f"takes a state of {inputs['h']} and gives one of {outputs['h_next']}", _STEP
        )
    if inputs.get("dt", 1) != 1:
        raise ElegansError(path, f"takes elapsed times of size {inputs['dt']}", _STEP)
    return inputs | outputs


def constants(model: onnx.ModelProto, path: Path) -> dict[str, Reals]:
    """The graph's initializers, all of them finite."""
    return {
        tensor.name: finite(_array(tensor, path), f"{path}, tensor {tensor.name!r}")
        for tensor in model.graph.initializer
    }


def _array(tensor: onnx.TensorProto, path: Path) -> Reals:
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, KeyError, TypeError) as error:
        place = f"{path}, tensor {tensor.name!r}"
        raise ElegansError(place, f"is damaged ({error})", "export it again") from None


def shapes(model: onnx.ModelProto) -> dict[str, list[int | None]]:
    """The inferred shape of every value, None for a symbolic dimension."""
    return {
        v.name: [d.dim_value if d.HasField("dim_value") else None for d in dims]
        for v in (*model.graph.input, *model.graph.value_info)
        if (dims := v.type.tensor_type.shape.dim)
    }


def finite(array: Reals, place: str) -> Reals:
    """The array itself, if no element of it is NaN or infinite."""
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        bad = int(np.flatnonzero(~np.isfinite(array.ravel()))[0])
        raise ElegansError(
            place,
            f"element {bad} is {array.ravel()[bad]}",
            "train again with a smaller learning rate or clipped gradients",
        )
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _size(value: onnx.ValueInfoProto, path: Path) -> int:
    dims = value.type.tensor_type.shape.dim
    floats = value.type.tensor_type.elem_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
    if len(dims) != 2 or not dims[1].HasField("dim_value") or not floats:
        shape = [d.dim_value or d.dim_param or "?" for d in dims]
        raise ElegansError(f"{path}, {value.name!r}", f"is not a float row vector: {shape}", _STEP)
    if not 1 <= dims[1].dim_value <= _WIDEST:
        raise ElegansError(
            f"{path}, {value.name!r}",
            f"has {dims[1].dim_value} elements",
            f"elegans takes vectors of 1 to {_WIDEST}",
        )
    if dims[0].HasField("dim_value") and dims[0].dim_value != 1:
        raise ElegansError(
            f"{path}, {value.name!r}", f"has a batch of {dims[0].dim_value}", "export a batch of 1"
        )
    return int(dims[1].dim_value)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:120]
