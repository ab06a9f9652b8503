"""The smallest network for a kernel: one linear map, with tanh or without, of any int16."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.files import npz, write_folder
from elegans.exporter.ir.fixed_model import Channel, Model, Step, Window, to_json
from elegans.exporter.ir.proof import prove
from elegans.exporter.numbers.fixed import Integers
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
    last = steps[-1].name
    model = Model(
        "one_map",
        tuple(Channel(f"x{i}", "", 15, -32768, 32767) for i in range(cols)),
        None,
        tuple(Channel(f"layer[{i}]", "", steps[-1].frac[0], -32768, 32767) for i in range(rows)),
        (Channel("y0", "", steps[-1].frac[0], -32768, 32767),),
        tuple(steps),
        (Window(last, 0, 1),),
        (Window(last, 0, rows),),
    )
    h = np.zeros((len(x), rows), np.int64)
    y, h_next = step(model, x, np.zeros((len(x), 1)), h)
    arrays = {"x": x, "dt": np.zeros(len(x)), "h": h, "y": y, "h_next": h_next}
    golden = {name: values.astype(np.int16) for name, values in arrays.items()}
    golden["section"] = np.ones(len(x), np.uint8)
    files = {path: text.encode() for path, text in emit(plan(model, prove(model))).items()}
    files["vectors.npz"] = npz(golden)
    files["model.json"] = json.dumps(to_json(model) | {"digest": model.digest}).encode()
    write_folder(folder, files)
    return folder
