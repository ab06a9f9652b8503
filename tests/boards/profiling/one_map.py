"""The smallest networks for kernels: one linear map, with tanh or without, or ops of the inputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.files import npz, write_folder
from elegans.exporter.ir.fixed_model import Channel, Model, Step, Window, to_json
from elegans.exporter.ir.proof import prove
from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.ops import Op
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.tanh import Tanh
from elegans.exporter.oracles.reference import step


def one_map(folder: Path, op: Linear, x: Integers, activation: Tanh | None = None) -> Path:
    """A BUILD of one map. Its golden vectors are ``x [N, I]`` and the reference's results."""
    rows, cols = op.weights.shape
    any_int16 = Clamp(np.full(cols, -32768), np.full(cols, 32767))
    steps = [
        Step("x_in", "inputs", any_int16, ((Window("x", 0, cols),),), cols, (15,) * cols),
        Step("sum", "layer", op, ((Window("x_in", 0, cols),),), rows, (12,) * rows),
    ]
    if activation:
        whole = ((Window("sum", 0, rows),),)
        steps.append(Step("new", "layer", activation, whole, rows, (15,) * rows))
    return _written(folder, steps, x, steps[-1:])


def ops_of_inputs(folder: Path, cases: Sequence[tuple[Op, *tuple[Integers, ...]]]) -> Path:
    """A BUILD of ops and the vectors [N, size] that each reads, which are one after the other in x.
    What the ops give between the least and the greatest of each element is proved."""
    x = np.concatenate([vector for _, *inputs in cases for vector in inputs], axis=1)
    held, cols = Clamp(x.min(axis=0), x.max(axis=0)), x.shape[1]
    steps = [Step("x_in", "inputs", held, ((Window("x", 0, cols),),), cols, (15,) * cols)]
    at = 0
    for number, (op, *inputs) in enumerate(cases):
        ends = np.cumsum([at, *(vector.shape[1] for vector in inputs)]).tolist()
        at = ends[-1]
        windows = tuple((Window("x_in", lo, hi),) for lo, hi in pairwise(ends))
        found = op.integer(*inputs)
        parts = found if isinstance(found, tuple) else (found,)
        size = sum(part.shape[1] for part in parts)
        steps.append(Step(f"new{number}", "layer", op, windows, size, (12,) * size))
    return _written(folder, steps, x, steps[1:])


def _written(folder: Path, steps: list[Step], x: Integers, last: list[Step]) -> Path:
    """A BUILD of these steps: what the last ones give are its states; the first is its output."""
    frac, cols = [f for step in last for f in step.frac], x.shape[1]
    model = Model(
        "one_map",
        tuple(Channel(f"x{i}", "", 15, -32768, 32767) for i in range(cols)),
        None,
        tuple(Channel(f"layer[{i}]", "", f, -32768, 32767) for i, f in enumerate(frac)),
        (Channel("y0", "", frac[0], -32768, 32767),),
        tuple(steps),
        (Window(last[0].name, 0, 1),),
        tuple(Window(step.name, 0, step.size) for step in last),
    )
    h = np.zeros((len(x), len(frac)), np.int64)
    y, h_next = step(model, x, np.zeros((len(x), 1)), h)
    arrays = {"x": x, "dt": np.zeros(len(x)), "h": h, "y": y, "h_next": h_next}
    golden = {name: values.astype(np.int16) for name, values in arrays.items()}
    golden["section"] = np.ones(len(x), np.uint8)
    files = {path: text.encode() for path, text in emit(plan(model, prove(model))).items()}
    files["vectors.npz"] = npz(golden)
    files["model.json"] = json.dumps(to_json(model) | {"digest": model.digest}).encode()
    write_folder(folder, files)
    return folder
