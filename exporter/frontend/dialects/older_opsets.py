"""What operators of opsets 9 to 17 wrote in another way than opset 18 does.

Most of it is one fact: what was an attribute has become an input. The rest are a softmax over all
the last axes at once, and operators with another name.

onnx.version_converter would do the same for these operators. They are here because those of
onnxruntime and of quantised files, which it leaves as they are, are rewritten on the same way, and
because each row of this table is compared with onnxruntime.
"""

from __future__ import annotations

import numpy as np
import onnx

from elegans.exporter.frontend.dialects.writer import Attributes, Rewrite, Table, Writer

# operator: the opset that changed it, and its attributes that are inputs since, in their order
# from the second input on, with their types.
_BECAME_INPUTS: dict[str, tuple[int, tuple[str, ...], type]] = {
    "Clip": (11, ("min", "max"), np.float32),
    "Slice": (10, ("starts", "ends", "axes"), np.int64),
    "Split": (13, ("split",), np.int64),
    "TopK": (10, ("k",), np.int64),
    **dict.fromkeys(("Squeeze", "Unsqueeze", "ReduceSum"), (13, ("axes",), np.int64)),
    **dict.fromkeys(
        (
            *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax"),
            *("ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"),
        ),
        (18, ("axes",), np.int64),
    ),
}
_RENAMED = {"Scatter": (11, "ScatterElements")}
_COERCED = dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), 13)
STANDARD = 21
"""An opset in which all operators have the form that the importer reads. From 18 on it is the same,
but ONNX's reference implementation lacks operators on integers before 21."""
_NUMBERED = 18  # the opset since which Split says its number of parts


def table(version: int) -> Table:
    """The rewrites for a graph of this opset."""
    found: dict[tuple[str, str], Rewrite] = {}
    if version < _NUMBERED:
        found["", "Split"] = _split
    for kind, (since, names, dtype) in _BECAME_INPUTS.items():
        if version < since:
            found["", kind] = _inputs(names, dtype)
    for kind, (since, name) in _RENAMED.items():
        if version < since:
            found["", kind] = _renamed(name)
    for kind, since in _COERCED.items():
        if version < since:
            found["", kind] = _coerced
    if version < 11:
        found["", "Pad"] = _pad
    return found


def _inputs(names: tuple[str, ...], dtype: type) -> Rewrite:
    def rewrite(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
        values = [given.pop(name, None) for name in names]
        if node.op_type == "TopK":
            values = [[value] for value in values]
        more = ["" if v is None else write.constant(v, dtype) for v in values]
        if node.op_type == "Split" and values[0] is None:
            given["num_outputs"] = len(node.output)
        return write.several(node.op_type, len(node.output), node.input[0], *more, **given)

    return rewrite


def _split(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """Opsets 13 to 17: without sizes the parts are equal, which is said since."""
    if len(node.input) < 2 or not node.input[1]:
        given["num_outputs"] = len(node.output)
    return write.several("Split", len(node.output), *node.input, **given)


def _renamed(name: str) -> Rewrite:
    return lambda write, node, given: [write(name, *node.input, **given)]


def _coerced(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """All axes from `axis` on are one, which is the second one if nothing is said."""
    flat = write("Flatten", node.input[0], axis=given.get("axis", 1))
    made = write(node.op_type, flat, axis=-1)
    return [write("Reshape", made, write("Shape", node.input[0]))]


def _pad(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    pads = write.constant(given["pads"], np.int64)
    value = write.constant(given.get("value", 0.0))
    return [write("Pad", node.input[0], pads, value, mode=given.get("mode"))]
