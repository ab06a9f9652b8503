"""Shapes that inference does not find, because constants of a graph decide them in many nodes.

torch's TorchScript exporter computes the widths of every Pad by a dozen nodes of constants, and
what comes behind it has no shape in the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from elegans.exporter.atoms.recogniser import Recogniser
from elegans.exporter.frontend import open_file, tensors
from elegans.exporter.frontend.folding.branches import shape_of
from elegans.exporter.frontend.reader import Reader

_MOST = 64  # elements of a constant that decides a shape


def with_known_shapes(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model with all shapes of its outputs, if constants decide them; itself if it has them."""
    graph = model.graph
    if all(shape_of(value) is not None for value in graph.output):
        return model
    reader = Reader(
        path, list(model.opset_import), tensors.constants(model, path), {}, Recogniser({}, ())
    )
    found = onnx.ModelProto()
    found.CopyFrom(model)
    del found.graph.node[:], found.graph.value_info[:]
    for number, node in enumerate(graph.node):
        known = reader.fold(f"{path}, node {number} ({node.op_type} {node.name!r})", node)
        value = reader.constants[node.output[0]] if known and len(node.output) == 1 else None
        if value is not None and value.dtype == np.int64 and value.size <= _MOST:
            found.graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
        else:
            found.graph.node.append(node)
    for output in found.graph.output:
        output.type.tensor_type.ClearField("shape")
    try:
        return shape_inference.infer_shapes(found, data_prop=True)
    except open_file.MISFITS:
        return model  # what is wrong with it is found by what reads it
