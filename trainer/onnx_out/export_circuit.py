"""A trained circuit as one ONNX file of one step, and a recording of its inputs beside it.

The file is checked before it appears: onnx.checker reads it, and onnxruntime runs it beside
torch. The same weights give the same bytes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import npz, write_file
from elegans.exporter.ir.interface import Interface, to_metadata
from elegans.trainer.networks.scaled_circuit import ScaledCircuit
from elegans.trainer.onnx_out.signals import limits
from elegans.trainer.onnx_out.torch_to_onnx import step_to_onnx
from elegans.trainer.onnx_out.verify import check_finite, compare_with_torch

Array = npt.NDArray[np.float32]


def export_circuit(circuit: ScaledCircuit, interface: Interface, path: Path) -> None:
    """Write `circuit` as an ONNX step graph to `path`, whole or not at all.

    Inputs `x [1, I]`, `h [1, H]`, `dt [1, 1]`; outputs `y [1, O]`, `h_next [1, H]`; float32,
    in physical units: the scales are folded into the weights. Raises ElegansError for
    weights that are not finite, an interface that does not fit the circuit, or a file that
    onnxruntime runs differently from the circuit in torch.
    """
    check_finite(circuit)
    wiring = circuit.wiring
    sizes = (len(interface.inputs), len(interface.outputs))
    if sizes != (wiring.inputs, wiring.outputs):
        raise ElegansError(
            f"network {interface.name}",
            f"its interface names {sizes[0]} inputs and {sizes[1]} outputs",
            f"name {wiring.inputs} and {wiring.outputs}, as the circuit has",
        )
    synapses = {
        "sensory_adjacency": wiring.sensory.tolist(),
        "adjacency": wiring.adjacency.tolist(),
    }
    metadata = to_metadata(replace(interface, layers=wiring.layers), {"wiring": synapses})
    data = step_to_onnx(circuit.folded().eval(), interface, wiring.neurons, metadata)

    def unfolded(x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        y, h_next = circuit(x[:, None], dt, h)
        return y[:, 0], h_next

    (shortest,), (longest,) = limits([interface.dt])
    x_range, dt_ranges = limits(interface.inputs), [(shortest, longest)]
    compare_with_torch(data, unfolded, interface.name, x_range, dt_ranges)
    write_file(path, data)


def write_recording(
    x: Array, dt: Array, interface: Interface, path: Path, **more: npt.NDArray[np.generic]
) -> None:
    """Write x [T, I] and dt [T], or N series x [N, T, I] and dt [N, T], to an .npz at `path`.

    `more` adds arrays, such as labels. Raises ElegansError for shapes that do not fit, or a
    value outside the range that `interface` declares for its signal.
    """
    if x.shape[:-1] != dt.shape or x.shape[-1] != len(interface.inputs):
        raise ElegansError(
            path.name,
            f"x has shape {list(x.shape)}, dt {list(dt.shape)}",
            f"give x [T, {len(interface.inputs)}] and dt [T]",
        )
    signals = (interface.dt, *interface.inputs)
    channels = [dt, *(x[..., index] for index in range(len(interface.inputs)))]
    for signal, values, low, high in zip(signals, channels, *limits(signals), strict=True):
        exact = values.astype(np.float64)
        if not ((exact >= low) & (exact <= high)).all():
            raise ElegansError(
                f"{path.name}, {signal.name}",
                f"values run from {values.min()} to {values.max()} {signal.unit}",
                f"keep them in [{low}, {high}]",
            )
    write_file(path, npz({"x": x.astype(np.float32), "dt": dt.astype(np.float32), **more}))
