"""The activations that ONNX's LSTM, GRU and RNN may name, as nodes of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from elegans.exporter.frontend.recurrent.series.step_nodes import StepNodes

# By their names in lower case: the attributes alpha and beta that they take, with the values that
# hold if the node gives none.
_TAKEN: dict[str, tuple[float, ...]] = {
    "relu": (),
    "tanh": (),
    "sigmoid": (),
    "softsign": (),
    "softplus": (),
    "leakyrelu": (0.01,),
    "thresholdedrelu": (1.0,),
    "elu": (1.0,),
    "affine": (1.0, 0.0),
    "scaledtanh": (1.0, 1.0),
    "hardsigmoid": (0.2, 0.5),
}


def activations(
    nodes: StepNodes, names: Sequence[str], given: Mapping[str, Any]
) -> list[Callable[[str], str]]:
    """Functions that add the nodes of each activation to the step.

    given  the attributes of the node; each activation that takes alpha or beta takes the next one

    Raises ValueError for a name that ONNX does not have.
    """
    alphas, betas = (list(given.get(f"activation_{key}", ())) for key in ("alpha", "beta"))
    found: list[Callable[[str], str]] = []
    for name in names:
        taken = _TAKEN.get(name.lower())
        if taken is None:
            raise ValueError(f"the activation {name!r:.40}")
        values = [
            float(listed.pop(0)) if listed else default
            for listed, default in zip((alphas, betas), taken, strict=False)
        ]
        found.append(partial(_added, nodes, name.lower(), values))
    return found


def _added(nodes: StepNodes, name: str, values: list[float], z: str) -> str:
    def number(value: float) -> str:
        return nodes.constant(np.array([value]))

    match name:
        case "affine":
            return nodes.add("Add", nodes.add("Mul", z, number(values[0])), number(values[1]))
        case "scaledtanh":
            scaled = nodes.add("Tanh", nodes.add("Mul", z, number(values[1])))
            return nodes.add("Mul", scaled, number(values[0]))
        case "thresholdedrelu":
            passes = nodes.add("Greater", z, number(values[0]))
            return nodes.add("Where", passes, z, number(0.0))
        case "leakyrelu":
            return nodes.add("LeakyRelu", z, alpha=values[0])
        case "elu":
            return nodes.add("Elu", z, alpha=values[0])
        case "hardsigmoid":
            return nodes.add("HardSigmoid", z, alpha=values[0], beta=values[1])
        case _:
            return nodes.add(name.capitalize(), z)
