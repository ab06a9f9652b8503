"""A traced decision in words."""

from __future__ import annotations

import numpy as np

from elegans.viewer.analysis.decisions import Flows
from elegans.viewer.analysis.nodes import DELAYED, SENSOR, Nodes
from elegans.viewer.analysis.subject import Inspected

Path = list[tuple[int, float]]  # (node, flow on the way into the node after it), sensor first
_TOLD = 3  # inputs that are named
_SMALL = 1e-9


def strongest_path(nodes: Nodes, flows: Flows, moment: int, output: int) -> Path:
    """The path of a decision from a sensor, or from the memory of a neuron, to its output.

    From the output backwards, each time along the flow that does most for the change, until a
    sensor, or a neuron of which the old state does more than any of its inputs.
    """
    flow, edges = flows.flow[moment], flows.edges
    sign = 1.0 if flows.total[moment] >= 0 else -1.0
    node = int(nodes.node_of["y"][output])
    path: Path = [(node, 0.0)]
    seen = {node}
    while nodes.nodes[node].kind not in (SENSOR, DELAYED):
        into = np.flatnonzero(edges[:, 1] == node)
        into = np.array([e for e in into if int(edges[e, 0]) not in seen], np.int64)
        if not len(into):
            break
        best = into[np.argmax(sign * flow[into])]
        if sign * flow[best] <= max(sign * float(flows.memory[moment, node]), 0.0):
            break
        node = int(edges[best, 0])
        seen.add(node)
        path.insert(0, (node, float(flow[best])))
    return path


def sentence(
    subject: Inspected, flows: Flows, moment: int, output: int, step: int, path: Path
) -> str:
    """What was decided, by how much it differs from the baseline, and what did it."""
    channel = subject.model.outputs[output]
    unit = f" {channel.unit}" if channel.unit else ""
    value, total = float(subject.real_y[step, output]), float(flows.total[moment])
    when = f"Step {step}"
    names = subject.circuit.nodes
    if abs(total) < _SMALL:
        return (
            f"{when}: {channel.name} is {value:.4g}{unit}, as it is with all inputs at their means."
        )
    word = "more" if total > 0 else "less"
    parts = [
        f"{when}: {channel.name} is {value:.4g}{unit}, {abs(total):.3g}{unit} {word} than if the "
        f"last {flows.steps} steps had all inputs at their means and began at rest."
    ]
    shares = flows.inputs[moment] / total
    order = np.argsort(-np.abs(shares), kind="stable")[:_TOLD]
    told = [f"{names[i].name} {shares[i]:+.0%}" for i in order.tolist() if abs(shares[i]) >= 0.005]
    memory = float(flows.memory[moment].sum() / total)
    if abs(memory) >= 0.005:
        told.append(f"what the neurons remember from before {memory:+.0%}")
    parts.append(f"This change comes from {', '.join(told)}.")
    if len(path) > 2:
        way = " → ".join(names[i].name for i, _ in path)
        carried = ", ".join(f"{f / total:.0%}" for _, f in path[:-1])
        parts.append(f"The strongest path is {way}; its synapses carry {carried} of the change.")
    return " ".join(parts)
