"""Step graphs built by hand, so that the exporter is tested without torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.lowering.lower import lower

INPUTS, LAYERS = 3, (4, 2)


class Graph:
    """Builds the ONNX graph of one step; `cfc` adds a wired CfC, written in one of many ways.

    linear  how maps are written: gemm, matmul, or mask (dense weights times a mask)
    blend   how f (1 - t) + g t is written: ncps, difference, expanded, negated or late; or the
            other cell, no_gate
    split   how the states of the two layers are sliced from h: split, slice or gather
    """

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.held: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: object) -> str:
        """Add a node of an operator; returns the name of its first output."""
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def hold(self, array: object, dtype: type = np.float32) -> str:
        """Add an initializer; returns its name."""
        name = f"w{len(self.held)}"
        self.held.append(numpy_helper.from_array(np.asarray(array, dtype=dtype), name))
        return name

    def weights(self, cols: int, rows: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
        w = self.rng.normal(0, scale, (rows, cols)) * (self.rng.random((rows, cols)) < 0.7)
        return w, self.rng.normal(0, 0.2, rows)

    def linear(self, x: str, cols: int, rows: int, spelling: str, scale: float = 0.5) -> str:
        w, b = self.weights(cols, rows, scale)
        if spelling == "matmul":
            return self.node("Add", self.node("MatMul", x, self.hold(w.T)), self.hold(b))
        if spelling == "mask":
            mask = self.hold(w != 0)
            dense = self.hold(np.where(w == 0, 9.0, w))
            w_name = self.node("Transpose", self.node("Mul", dense, mask), perm=[1, 0])
            return self.node("Add", self.hold(b), self.node("MatMul", x, w_name))
        return self.node("Gemm", x, self.hold(w), self.hold(b), transB=1)

    def blend(self, f: str, g: str, t: str, spelling: str) -> str:
        one = self.hold([1.0])
        if spelling == "no_gate":
            return self.node("Add", self.node("Mul", g, t), f)
        if spelling == "difference":
            return self.node("Add", f, self.node("Mul", t, self.node("Sub", g, f)))
        if spelling == "late":
            early = self.node("Add", self.node("Mul", t, g), f)
            return self.node("Sub", early, self.node("Mul", f, t))
        if spelling == "expanded":
            tail = self.node("Sub", self.node("Mul", t, g), self.node("Mul", f, t))
            return self.node("Add", tail, f)
        rest = self.node("Sub", one, t)
        if spelling == "negated":
            rest = self.node("Neg", self.node("Sub", t, one))
        return self.node("Add", self.node("Mul", f, rest), self.node("Mul", t, g))

    def cell(self, x: str, h: str, cols: int, rows: int, linear: str, blend: str) -> str:
        joined = self.node("Concat", x, h, axis=-1)
        f = self.node("Tanh", self.linear(joined, cols, rows, linear))
        g = self.node("Tanh", self.linear(joined, cols, rows, linear))
        a = self.linear(joined, cols, rows, linear)
        b = self.linear(joined, cols, rows, linear)
        t = self.node("Sigmoid", self.node("Add", b, self.node("Mul", a, "dt")))
        return self.blend(f, g, t, blend)

    def split(self, spelling: str) -> tuple[str, str]:
        first, second = LAYERS
        if spelling == "slice":
            ints = [self.hold([n], np.int64) for n in (0, first, first + second, 1, -1)]
            zero, middle, end, axis, last = ints
            return (
                self.node("Slice", "h", zero, middle, axis),
                self.node("Slice", "h", middle, end, last),
            )
        if spelling == "gather":
            picks = (range(first), range(first, first + second))
            names = [self.node("Gather", "h", self.hold(list(p), np.int64), axis=1) for p in picks]
            return names[0], names[1]
        head = self.node("Split", "h", self.hold(LAYERS, np.int64), outputs=2, axis=1)
        return head, head[:-1] + "1"

    def cfc(self, linear: str = "gemm", blend: str = "ncps", split: str = "split") -> Graph:
        first, second = self.split(split)
        inter = self.cell("x", first, INPUTS + LAYERS[0], LAYERS[0], linear, blend)
        motor = self.cell(inter, second, sum(LAYERS), LAYERS[1], linear, blend)
        self.rename(motor, "y", "Identity")
        self.nodes.append(helper.make_node("Concat", [inter, motor], ["h_next"], axis=1))
        return self

    def rename(self, name: str, output: str, kind: str) -> None:
        self.nodes.append(helper.make_node(kind, [name], [output]))

    def model(self, metadata: object = None, outputs: int = LAYERS[1]) -> onnx.ModelProto:
        sizes = {"x": INPUTS, "h": sum(LAYERS), "dt": 1}
        proto = helper.make_model(
            helper.make_graph(
                self.nodes,
                "step",
                [_port(name, size) for name, size in sizes.items()],
                [_port("y", outputs), _port("h_next", sum(LAYERS))],
                self.held,
            ),
            opset_imports=[helper.make_opsetid("", 18)],
            ir_version=8,
        )
        if metadata is not None:
            helper.set_model_props(proto, {"elegans": json.dumps(metadata)})
        return proto


def _port(name: str, size: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])


METADATA = {
    "schema": 1,
    "name": "worm",
    "inputs": [
        {"name": "touch", "unit": "N", "range": [-1.0, 1.0]},
        {"name": "heat", "unit": "K", "range": [0.0, 40.0]},
        {"name": "salt", "unit": "", "range": [-0.3, 0.1]},
    ],
    "dt": {"unit": "s", "range": [0.01, 0.2]},
    "outputs": [{"name": "left", "unit": ""}, {"name": "right", "unit": ""}],
    "layers": [{"name": "inter", "size": 4}, {"name": "motor", "size": 2}],
}


@pytest.fixture
def graph() -> type[Graph]:
    return Graph


@pytest.fixture
def metadata() -> dict[str, object]:
    return json.loads(json.dumps(METADATA))


@pytest.fixture
def save(tmp_path: Path, metadata: dict[str, object]) -> Callable[..., Path]:
    """Save a graph, by default with the worm's metadata."""

    def write(graph: Graph, meta: object = metadata, name: str = "worm.onnx", **more) -> Path:
        path = tmp_path / name
        onnx.save(graph.model(meta, **more), path)
        return path

    return write


@pytest.fixture
def lowered(save) -> Callable[..., Model]:
    def build(graph: Graph) -> Model:
        path = save(graph)
        return lower(read_file(path))

    return build


@pytest.fixture
def worm(graph, save) -> Path:
    return save(graph().cfc())


@pytest.fixture
def wild(graph, metadata, tmp_path) -> Path:
    """A tanh cell of six neurons that amplifies the rounding of its own state."""
    made = graph(12)
    own = made.hold(np.random.default_rng(12).normal(0, 1.5, (6, 6)))
    drive = made.node("Add", made.linear("x", 3, 6, "gemm", 0.05), made.node("MatMul", "h", own))
    made.rename(drive, "h_next", "Tanh")
    made.rename(made.linear("h_next", 6, 2, "gemm"), "y", "Identity")
    del metadata["layers"]
    proto = made.model(metadata)
    proto.graph.input.pop()  # no elapsed time
    onnx.save(proto, tmp_path / "wild.onnx")
    return tmp_path / "wild.onnx"


@pytest.fixture(scope="session")
def _exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    onnx.save(Graph().cfc().model(METADATA), folder / "worm.onnx")
    export(Request(folder / "worm.onnx"), folder / "BUILD")
    return folder / "BUILD"


@pytest.fixture
def built(_exported_once, tmp_path) -> Path:
    """The BUILD of a small wired CfC, to read and to damage."""
    return Path(shutil.copytree(_exported_once, tmp_path / "BUILD"))
