"""The way out: a trained circuit as one ONNX file of one step, and a recording beside it.

The file is checked before anybody can see it: onnx.checker reads it, onnxruntime runs it
against torch over random steps, and only then it takes its name. The same weights give
the same bytes.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from elegans.exporter.errors import ElegansError
from elegans.trainer.circuit import Circuit, Step
from elegans.trainer.contract import METADATA_KEY, Contract, Signal

OPSET = 18
TOLERANCE = 2e-5
"""Allowed |onnxruntime - torch| in a state, and in an output as a fraction of its gain."""

Array = npt.NDArray[np.float32]


def freeze(circuit: Circuit, contract: Contract, path: Path) -> None:
    """Write `circuit` as an ONNX step graph to `path`, whole or not at all.

    Inputs `x [1, I]`, `h [1, H]`, `dt [1, 1]`; outputs `y [1, O]`, `h_next [1, H]`;
    float32. Raises ElegansError for weights that are not finite, a contract that does not
    fit the circuit, or a graph that onnxruntime runs differently from torch.
    """
    for name, value in circuit.state_dict().items():
        if not torch.isfinite(value).all():
            raise ElegansError(f"weight {name}", "it holds NaN or infinity", "train again")
    sizes = (len(contract.inputs), len(contract.outputs))
    if sizes != (circuit.wiring.inputs, circuit.wiring.outputs):
        raise ElegansError(
            f"network {contract.name}",
            f"its contract names {sizes[0]} inputs and {sizes[1]} outputs",
            f"name {circuit.wiring.inputs} and {circuit.wiring.outputs}, as the circuit has",
        )
    step = circuit.folded().eval()
    data = _step_graph(step, contract, circuit).SerializeToString(deterministic=True)
    _verify(data, circuit, contract)
    with beside(path) as draft:
        draft.write_bytes(data)


def record(
    x: Array, dt: Array, contract: Contract, path: Path, **more: npt.NDArray[np.generic]
) -> None:
    """Write a recording, x [T, I] and dt [T] or x [N, T, I] and dt [N, T], to `path`.

    Raises ElegansError where a value lies outside the range that `contract` declares.
    """
    if x.shape[:-1] != dt.shape or x.shape[-1] != len(contract.inputs):
        raise ElegansError(
            path.name, f"x {x.shape} and dt {dt.shape} differ", "give x [T, I], dt [T]"
        )
    channels: list[tuple[Signal, Array]] = [(contract.dt, dt)]
    channels += [(signal, x[..., index]) for index, signal in enumerate(contract.inputs)]
    for signal, values in channels:
        exact = values.astype(np.float64)
        if not ((exact >= signal.low) & (exact <= signal.high)).all():
            raise ElegansError(
                f"{path.name}, {signal.name}",
                f"values run from {values.min()} to {values.max()} {signal.unit}",
                f"keep them in [{signal.low}, {signal.high}]",
            )
    with beside(path) as draft, draft.open("wb") as file:
        arrays: dict[str, Any] = {"x": x.astype(np.float32), "dt": dt.astype(np.float32), **more}
        np.savez_compressed(file, **arrays)


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A draft in the folder of `path` that takes its name at the end, or leaves no trace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        draft.chmod(0o644)
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _step_graph(step: Step, contract: Contract, circuit: Circuit) -> onnx.ModelProto:
    wiring = circuit.wiring
    example = (torch.zeros(1, wiring.inputs), torch.zeros(1, wiring.neurons), torch.ones(1, 1))
    with _silence():
        program = torch.onnx.export(
            step,
            example,
            input_names=["x", "h", "dt"],
            output_names=["y", "h_next"],
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise ElegansError("torch.onnx", "it exported nothing", "use torch 2.6 or newer")
    model = program.model_proto
    model.graph.name = contract.name
    model.doc_string = ""
    # Tracing notes name source files and lines: they would differ from machine to machine.
    _forget_where(model.graph)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: contract.metadata(wiring)})
    onnx.checker.check_model(model, full_check=True)
    return model


def _forget_where(graph: onnx.GraphProto) -> None:
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del item.metadata_props[:]
        item.doc_string = ""


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter's progress, warnings and logs off the user's screen."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _verify(data: bytes, circuit: Circuit, contract: Contract, steps: int = 64) -> None:
    """Run the file free from h = 0 beside the unfolded circuit; seeded, over whole ranges."""
    import onnxruntime

    random = np.random.default_rng(0)
    low = np.array([signal.low for signal in contract.inputs])
    high = np.array([signal.high for signal in contract.inputs])
    x = random.uniform(low, high, (steps, len(low))).astype(np.float32)
    dt = random.uniform(contract.dt.low, contract.dt.high, (steps, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    h = np.zeros((1, circuit.wiring.neurons), np.float32)
    outputs = []
    for k in range(steps):
        y, h = session.run(["y", "h_next"], {"x": x[k : k + 1], "h": h, "dt": dt[k : k + 1]})
        outputs.append(y[0])
    with torch.no_grad():
        wanted, last = circuit(torch.from_numpy(x)[None], torch.from_numpy(dt)[None])
    error = (torch.from_numpy(np.stack(outputs)) - wanted[0]) / circuit.gain
    worst = max(float(error.abs().max()), float((torch.from_numpy(h) - last).abs().max()))
    if not worst <= TOLERANCE:
        raise ElegansError(
            f"network {contract.name}",
            f"onnxruntime and torch differ by {worst:.2g} after export",
            "this is a bug in the export: report it with the weights",
        )
