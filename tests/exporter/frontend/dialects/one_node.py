"""A step whose output is what one node, or a few, compute; and onnxruntime beside elegans' reading.

h_next = tanh(x + h) is also what the nodes read, under the name `v` [1, 8]. They write `out`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.oracles.onnx_float import OnnxStep

SIZE = 8


def node(kind, *inputs, outputs=("out",), domain="", **attributes):
    """A node that writes `out`."""
    return helper.make_node(kind, list(inputs), list(outputs), domain=domain, **attributes)


def saved(path: Path, nodes, held, opset: int, width: int = SIZE, dtype=np.float32) -> Path:
    """The step at `path`; `held` are constants by name, `width` the elements of its output."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    last = helper.make_node("Reshape", ["out", "flat"], ["y"])
    own = [helper.make_node("Add", ["x", "h"], ["sum"]), helper.make_node("Tanh", ["sum"], ["v"])]
    tensors = [numpy_helper.from_array(np.asarray(a), n) for n, a in held.items()]
    tensors.append(numpy_helper.from_array(np.array([1, width]), "flat"))
    ports = {"x": SIZE, "h": SIZE, "y": width, "h_next": SIZE}
    info = [helper.make_tensor_value_info(n, kind, [1, size]) for n, size in ports.items()]
    copy = helper.make_node("Identity", ["v"], ["h_next"])
    graph = helper.make_graph([*own, *nodes, last, copy], "step", info[:2], info[2:], tensors)
    domains = {node.domain for node in nodes} - {""}
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def difference(path: Path, reach: float = 2.0) -> float:
    """The greatest difference of an output between elegans' reading and onnxruntime, in 50 steps
    from states in [-1, 1] with inputs in [-reach, reach]."""
    graph = open_graph(path)
    interface = with_ranges(read_interface(graph, "m"), [(-reach, reach)], None, None)
    network, step = read_network(graph, interface), OnnxStep(graph)
    random = np.random.default_rng(0)
    x, h = random.uniform(-reach, reach, (50, SIZE)), random.uniform(-1, 1, (50, SIZE))
    y, _, _ = real_network.step(network, x, np.zeros((50, 1)), h)
    wanted = np.stack([step(a, 0.0, b)[0] for a, b in zip(x, h, strict=True)])
    assert wanted.std() > 0.01, "the output does not depend on the input"
    return float(np.abs(y - wanted).max())


@cache
def products_saturate() -> bool:
    """Whether onnxruntime's sums of products of uint8 and int8 saturate at 16 bits, as they do on
    processors of x86 without VNNI."""
    weights = numpy_helper.from_array(np.full((64, 16), 127, np.int8), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "products",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [1, 16])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, {"x": np.full((1, 64), 255, np.uint8)})
    return bool((found != 64 * 255 * 127).any())
