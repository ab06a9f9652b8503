"""Files that a stranger may hand over, made by hand: each is small, and asks for much more."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from elegans.tests.places import WORM


def worm() -> onnx.ModelProto:
    """The golden network, to be changed."""
    return onnx.load_model_from_string(WORM.read_bytes())


def with_nodes(nodes: Iterable[onnx.NodeProto], *tensors: onnx.TensorProto) -> bytes:
    """The golden network with more nodes before its own."""
    model = worm()
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *kept])
    model.graph.initializer.extend(tensors)
    return bytes(model.SerializeToString())


def doubling_functions(levels: int = 30) -> bytes:
    """Functions of which each calls the next one twice: 2^30 nodes."""
    model = worm()
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    for level in range(levels):
        kind, domain = (f"F{level + 1}", "own") if level + 1 < levels else ("Identity", "")
        calls = [
            helper.make_node(kind, ["a"], ["b"], domain=domain),
            helper.make_node(kind, ["b"], ["c"], domain=domain),
        ]
        model.functions.append(
            helper.make_function("own", f"F{level}", ["a"], ["c"], calls, opsets)
        )
    model.opset_import.append(helper.make_opsetid("own", 1))
    call = helper.make_node("F0", [model.graph.input[0].name], ["unused"], domain="own")
    model.graph.node.insert(0, call)
    return bytes(model.SerializeToString())


def functions_in_a_circle() -> bytes:
    """A function that calls itself."""
    model = worm()
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    call = helper.make_node("F", ["a"], ["b"], domain="own")
    model.functions.append(helper.make_function("own", "F", ["a"], ["b"], [call], opsets))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node.insert(
        0, helper.make_node("F", [model.graph.input[0].name], ["unused"], domain="own")
    )
    return bytes(model.SerializeToString())


def empty_nodes(count: int = 20_000_000) -> bytes:
    """Two bytes for each node, for which the parser takes 150."""
    graph = b"\x0a\x00" * count
    length, number = b"", len(graph)
    while number > 127:
        length, number = length + bytes([number & 127 | 128]), number >> 7
    return b"\x3a" + length + bytes([number]) + graph


def many_nodes(count: int = 60_000) -> bytes:
    """A chain of nodes that change nothing."""
    name = worm().graph.input[0].name
    chain = [name, *(f"same{i}" for i in range(count))]
    return with_nodes(
        helper.make_node("Identity", [chain[i]], [chain[i + 1]]) for i in range(count)
    )


def loops_in_loops(depth: int = 6, rounds: int = 1000) -> bytes:
    """Loops of a thousand rounds, one in the other: 10^18 rounds."""
    body = [helper.make_node("Identity", ["h"], ["h0"])]
    for level in range(depth):
        ports = [("i", TensorProto.INT64, []), ("on", TensorProto.BOOL, [])]
        given = [(f"{name}{level}", kind, dims) for name, kind, dims in ports]
        state = helper.make_tensor_value_info(f"s{level}", TensorProto.FLOAT, None)
        made = helper.make_tensor_value_info(f"h{level}", TensorProto.FLOAT, None)
        graph = helper.make_graph(
            [*body, helper.make_node("Identity", [f"on{level}"], [f"go{level}"])],
            f"body{level}",
            [*(helper.make_tensor_value_info(*port) for port in given), state],
            [helper.make_tensor_value_info(f"go{level}", TensorProto.BOOL, []), made],
        )
        inputs, outputs = ["rounds", "", "h"], [f"h{level + 1}"]
        body = [helper.make_node("Loop", inputs, outputs, body=graph)]
    return with_nodes(body, numpy_helper.from_array(np.array(rounds, np.int64), "rounds"))


def _shape(name: str, dims: list[int]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(dims, np.int64), name)


def huge_constant() -> bytes:
    """ConstantOfShape of 2^40 elements."""
    node = helper.make_node("ConstantOfShape", ["shape"], ["huge"])
    return with_nodes([node], _shape("shape", [1 << 20, 1 << 20]))


def many_constants() -> bytes:
    """A hundred constants of 2^25 elements."""
    nodes = [helper.make_node("ConstantOfShape", ["shape"], [f"c{i}"]) for i in range(100)]
    return with_nodes(nodes, _shape("shape", [1 << 25]))


def expanded_input() -> bytes:
    """An input that Expand repeats 2^33 times."""
    node = helper.make_node("Expand", [worm().graph.input[0].name, "shape"], ["wide"])
    return with_nodes([node], _shape("shape", [1 << 33, 1]))


def tiled_input() -> bytes:
    """An input that Tile repeats 2^33 times."""
    node = helper.make_node("Tile", [worm().graph.input[0].name, "repeats"], ["wide"])
    return with_nodes([node], _shape("repeats", [1 << 33, 1]))


def gathered() -> bytes:
    """Gather of 2^13 columns for each of 2^26 indices."""
    nodes = [
        helper.make_node("ConstantOfShape", ["data_shape"], ["data"]),
        helper.make_node(
            "ConstantOfShape",
            ["index_shape"],
            ["index"],
            value=helper.make_tensor("v", TensorProto.INT64, [1], [0]),
        ),
        helper.make_node("Gather", ["data", "index"], ["wide"], axis=0),
    ]
    shapes = _shape("data_shape", [1, 1 << 13]), _shape("index_shape", [1 << 12, 1 << 12])
    return with_nodes(nodes, *shapes)


def range_of_numbers() -> bytes:
    """Range(0, 1e12, 1)."""
    ends = {"start": 0.0, "limit": 1e12, "delta": 1.0}
    tensors = [numpy_helper.from_array(np.float32(v), name) for name, v in ends.items()]
    return with_nodes([helper.make_node("Range", [*ends], ["wide"])], *tensors)


def huge_dims() -> bytes:
    """An initializer of 2^50 elements without their data."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 25, 1 << 25])
    return with_nodes([], tensor)


def wide_port() -> bytes:
    """An input of 2^40 elements."""
    model = worm()
    model.graph.input[0].type.tensor_type.shape.dim[-1].dim_value = 1 << 40
    return bytes(model.SerializeToString())


def external(name: str) -> bytes:
    """A tensor whose data is said to be in another file."""
    model = worm()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.external_data.add(key="location", value=name)
    return bytes(model.SerializeToString())


def with_metadata(text: str) -> bytes:
    """The golden network with another declaration."""
    model = worm()
    for entry in model.metadata_props:
        if entry.key == "elegans":
            entry.value = text
    return bytes(model.SerializeToString())


def npz_of_zeros(shape: tuple[int, ...], stated: int | None = None) -> bytes:
    """An .npz file of 3 MB whose array x has 3 GiB of zeros; its header says `shape`.

    stated  what the archive says that the array's size is, if it lies
    """
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(header.getvalue()) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = first + piece * (3 << 10) + packer.flush()
    size = len(header.getvalue()) + (3 << 30) if stated is None else stated
    sizes = (zlib.crc32(b""), len(data), size)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, *sizes, 5, 0) + b"x.npy"
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 33, *sizes, 5, 0, 0, 0, 0, 0, 0)
    entry += b"x.npy"
    at = len(local) + len(data)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), at, 0)
    return local + data + entry + end


def fifo(path: Path) -> Path:
    """A FIFO that nobody writes to."""
    os.mkfifo(path)
    return path
