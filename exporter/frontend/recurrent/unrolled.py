"""An unrolled sequence: T copies of one step, of which the last one is taken.

A tensor belongs to the last step of whose input it depends. What one step reads of the step
before is a state, and the tensor that has the same part in the last step is its next value: both
are computed alike, from the same weights (`_Roles`).
"""

from __future__ import annotations

import hashlib

import onnx
from onnx import helper, shape_inference

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.recurrent.call import Recurrence, Scope
from elegans.exporter.frontend.recurrent.series.step_nodes import StepNodes
from elegans.exporter.frontend.recurrent.series.values import ONE_STEP, Shape, Value
from elegans.exporter.frontend.recurrent.walk import Walk

SHORTEST = 3  # steps: with fewer, copies cannot be told from layers
_DEEPEST = 4  # steps back in which tensors of one part must have been computed alike
_WEIGHED = ("Conv", "Gemm", "MatMul")


def fold(walk: Walk, inputs: Scope, outputs: dict[str, Value]) -> dict[str, str]:
    """Find the states of the last of the copies that a walk has kept apart.

    Adds the states to the walk's recurrences, and returns the tensors of the last step that the
    graph's outputs have. Raises `ElegansError` if the copies are not one step.
    """
    last = walk.length - 1
    levels = _levels(walk.nodes, inputs)
    tensors = {name: value.names[-1] if value.names else "" for name, value in outputs.items()}
    for name, tensor in tensors.items():
        if levels.get(tensor, -1) != last:
            fact = f"is known after step {levels.get(tensor, -1)}, before the last one of {last}"
            raise ElegansError(f"{walk.path}, {name!r}", fact, ONE_STEP)
    makers = {name: node for node in walk.nodes.nodes for name in node.output}
    roles = _Roles(walk.nodes, levels, min(walk.length - SHORTEST, _DEEPEST))
    after = {roles.of(name): name for name, level in levels.items() if level == last}
    pending, seen, weighed = [*tensors.values()], set[str](), False
    states: dict[str, str] = {}
    while pending:
        name = pending.pop()
        if (
            name in seen
            or levels.get(name, -1) < 0
            or (levels[name] == last and name not in makers)
        ):
            continue
        seen.add(name)
        if levels[name] < last - 1 or name not in makers:
            raise _no_step(walk, name, makers.get(name), levels[name])
        if levels[name] == last - 1 and roles.of(name) in after:
            states[name] = after[roles.of(name)]
            pending.append(states[name])
            continue
        # What is made of states alone, as R h, counts as made at the step before.
        weighed |= makers[name].op_type in _WEIGHED
        pending += makers[name].input
    if not states or not weighed:
        raise ElegansError(walk.path, "is no sequence of equal steps", ONE_STEP)
    _register(walk, inputs, levels, states)
    return tensors


def _no_step(walk: Walk, name: str, node: onnx.NodeProto | None, level: int) -> ElegansError:
    what = "the input" if node is None else node.op_type
    fact = f"the last step reads {what} of step {level} ({name!r:.60}), which is no state of it"
    remedy = f"a step knows its own inputs and its state; {ONE_STEP}"
    return ElegansError(walk.path, f"is unrolled over {walk.length} steps, but {fact}", remedy)


def _register(walk: Walk, inputs: Scope, levels: dict[str, int], states: dict[str, str]) -> None:
    """Add the states to the walk, each with its shape and with what it starts from."""
    shapes = _shapes(walk, inputs)
    starts = _starts(walk.nodes, levels, walk.length - 1, states)
    order = {name: at for at, node in enumerate(walk.nodes.nodes) for name in node.output}
    multiplied = {n for node in walk.nodes.nodes if node.op_type in _WEIGHED for n in node.input}
    # First those that weights multiply, as h of an LSTM, in the order in which a step makes them.
    ranked = sorted(states, key=lambda name: (name not in multiplied, order[states[name]]))
    for number, before in enumerate(ranked):
        name, start = walk.nodes.fresh(f"state{number}"), starts.get(before)
        walk.nodes.rename(before, name)
        walk.recurrences.append(
            Recurrence(str(walk.path), name, shapes[before], start, states[before])
        )


def _starts(
    nodes: StepNodes, levels: dict[str, int], last: int, states: dict[str, str]
) -> dict[str, str]:
    """What the first copy reads where the last one reads a state, if that is no constant."""
    roles = _Roles(nodes, levels, 0, any_start=True)
    makers = {name: node for node in nodes.nodes for name in node.output}
    first = {roles.of(n.output[0]): n for n in nodes.nodes if levels[n.output[0]] == 0}
    ends = [node for node in nodes.nodes if levels[node.output[0]] == last]
    pending = [(n, first[roles.of(n.output[0])]) for n in ends if roles.of(n.output[0]) in first]
    found, seen = dict[str, str](), set[str]()
    while pending:
        node, twin = pending.pop()
        for name, start in zip(node.input, twin.input, strict=False):
            if name in states and start not in nodes.held:
                found[name] = start
            elif (
                name in makers and start in makers and levels[name] == last - 1 and name not in seen
            ):
                seen.add(name)
                pending.append((makers[name], makers[start]))
    return found


def _shapes(walk: Walk, inputs: Scope) -> dict[str, Shape]:
    """The shapes of all tensors of the copies."""
    ports = [
        helper.make_tensor_value_info(name, value.kind, value.step_shape)
        for value in inputs.values()
        for name in value.names
    ]
    held = list(walk.nodes.held.values())
    graph = helper.make_graph(walk.nodes.nodes, "copies", ports, [], held)
    model = helper.make_model(graph, opset_imports=list(walk.model.opset_import))
    found = shape_inference.infer_shapes(model, data_prop=True)
    return {
        value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in found.graph.value_info
    }


def _levels(nodes: StepNodes, inputs: Scope) -> dict[str, int]:
    """The step that each tensor belongs to; -1 if it depends on none."""
    levels = {
        name: step if value.axis is not None else -1
        for value in inputs.values()
        for step, name in enumerate(value.names)
    }
    for node in nodes.nodes:
        level = max((levels.get(name, -1) for name in node.input), default=-1)
        levels |= dict.fromkeys(node.output, level)
    return levels


class _Roles:
    """What part a tensor has in its step: equal for tensors that are computed alike.

    depth      the steps before that are looked at, too: then tensors are only equal that have
               also been computed alike from equal states
    any_start  whether what comes from before the first step counts as a state
    """

    def __init__(
        self, nodes: StepNodes, levels: dict[str, int], depth: int, any_start: bool = False
    ) -> None:
        self._levels, self._any_start = levels, any_start
        self._held = {name: _content(tensor) for name, tensor in nodes.held.items()}
        self._found: dict[str, bytes] = {}
        for _ in range(depth + 1):
            self._found = self._next(nodes.nodes)

    def of(self, name: str) -> bytes:
        """The part of a tensor."""
        return self._found.get(name, b"")

    def _next(self, nodes: list[onnx.NodeProto]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for node in nodes:
            level = self._levels[node.output[0]]
            parts = [node.op_type.encode(), *(a.SerializeToString() for a in node.attribute)]
            parts += [self._part(name, level, found) for name in node.input]
            digest = hashlib.sha256(b"".join(map(_counted, parts))).digest()
            found |= {name: digest + bytes([n % 256]) for n, name in enumerate(node.output)}
        return found

    def _part(self, name: str, level: int, found: dict[str, bytes]) -> bytes:
        if name in self._held:
            return self._held[name]
        own = self._levels.get(name, -1)
        if self._any_start and own < level:
            return b"before"
        if own not in (-1, level):
            return b"before %d " % (level - own) + self._found.get(name, b"")
        return found.get(name, name.rsplit("@", 1)[0].encode())


def _content(tensor: onnx.TensorProto) -> bytes:
    """The digest of a constant, whatever its name."""
    unnamed = onnx.TensorProto()
    unnamed.CopyFrom(tensor)
    unnamed.ClearField("name")
    return hashlib.sha256(unnamed.SerializeToString()).digest()


def _counted(part: bytes) -> bytes:
    return b"%d:" % len(part) + part
