"""The way out: a trained circuit as one ONNX file of one step, and a recording beside it.

The file is checked before anybody can see it: onnx.checker reads it, onnxruntime runs it
against torch over random steps, and only then it takes its name. The same weights give
the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import npz, write_file
from elegans.trainer.networks.scaled_circuit import Circuit
from elegans.trainer.onnx_out.signals import Contract, Signal
from elegans.trainer.onnx_out.torch_to_onnx import trace

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
    document = contract.metadata(circuit.wiring)
    data = trace(step, circuit.wiring.inputs, circuit.wiring.neurons, contract.name, document)
    _verify(data, circuit, contract)
    write_file(path, data)


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
    write_file(path, npz({"x": x.astype(np.float32), "dt": dt.astype(np.float32), **more}))


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
