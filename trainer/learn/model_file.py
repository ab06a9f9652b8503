"""The bytes of model.onnx: one step of a network with physical units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from elegans.exporter.ir.interface import Interface, to_metadata
from elegans.trainer.learn.build_network import PhysicalNetwork
from elegans.trainer.onnx_out.export_step import step_of
from elegans.trainer.onnx_out.signals import limits
from elegans.trainer.onnx_out.torch_to_onnx import step_to_onnx
from elegans.trainer.onnx_out.verify import check_finite, compare_with_torch


def model_bytes(net: PhysicalNetwork, interface: Interface) -> bytes:
    """One step of the network as an ONNX file that takes and gives physical values.

    onnxruntime runs it beside torch. Raises ElegansError where they differ, or for a weight that
    is not finite.
    """
    check_finite(net)
    more: dict[str, Any] = {}
    wiring = net.wiring
    if wiring is not None:
        interface = replace(interface, layers=wiring.layers)
        more["wiring"] = {
            "sensory_adjacency": wiring.sensory.tolist(),
            "adjacency": wiring.adjacency.tolist(),
        }
    step = step_of(net).eval()
    data = step_to_onnx(step, interface, step.states, to_metadata(interface, more))
    (shortest,), (longest,) = limits([interface.dt])
    compare_with_torch(data, step, interface.name, limits(interface.inputs), [(shortest, longest)])
    return data
