"""Which tensors of a graph depend on which, and how: element by element, blended by a gate, or
only through another tensor."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import onnx

# Operators in whose results each element may depend on every element of an input.
_MIXING = frozenset(
    (
        *("MatMul", "Gemm", "Conv", "LSTM", "GRU", "RNN", "ArgMax", "ArgMin", "Softmax"),
        *("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"),
        *("ReduceLogSumExp", "ReduceSumSquare", "LayerNormalization", "RMSNormalization"),
        *("GroupNormalization", "InstanceNormalization", "LpNormalization", "LogSoftmax"),
        *("ConvTranspose", "CumSum", "Einsum", "Hardmax"),
    )
)
_MULTIPLYING = frozenset(("Mul", "Div", "Pow", "Reciprocal"))
# Operators whose result has the elements of their first input, or of all inputs (Concat).
_COPYING = frozenset(
    (
        *("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast"),
        *("QuantizeLinear", "DequantizeLinear"),
    )
)
_MOVING = _COPYING | {"Concat", "Split", "Slice", "Gather", "Expand", "Transpose"}


class Dataflow:
    """The dependences between the tensors of one graph, by their names."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        self.makers: dict[str, onnx.NodeProto] = {}
        self._blended: dict[str, set[str]] = {}
        for node in model.graph.node:
            for name in node.output:
                self.makers[name] = node
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def dependents(
        self, start: str, elementwise: bool = False, avoiding: Collection[str] = ()
    ) -> set[str]:
        """Every tensor that depends on `start`.

        elementwise  only those of which each element depends on one element of `start`
        avoiding     only those that depend on it otherwise than through these tensors
        """
        found, pending = {start}, [start]
        while pending:
            for node in self.readers.get(pending.pop(), ()):
                if elementwise and node.op_type in _MIXING:
                    continue
                fresh = set(node.output) - found - set(avoiding)
                found |= fresh
                pending += fresh
        return found

    def blended(self, start: str) -> set[str]:
        """Tensors to which `start` is added after a gate, a decay or a step of time scaled it.

        On the way are only products, sums and movements of elements: `z h + (1 - z) n`,
        `f c + i k`, `v + dt / tau (u - v)`, but neither `x + tanh(W h)` nor `g x`.
        """
        if start in self._blended:
            return self._blended[start]
        pending, seen = [(start, False, False)], {(start, False, False)}
        while pending:
            name, scaled, added = pending.pop()
            for node in self.readers.get(name, ()):
                kind = node.op_type
                if kind not in _MOVING and kind not in ("Mul", "Div", "Add", "Sub", "Sum", "Neg"):
                    continue
                for output in node.output:
                    way = (
                        output,
                        scaled or kind in ("Mul", "Div"),
                        added or kind in ("Add", "Sub", "Sum"),
                    )
                    if way not in seen:
                        seen.add(way)
                        pending.append(way)
        found = {name for name, scaled, added in seen if scaled and added}
        return self._blended.setdefault(start, found)

    def origin(self, name: str) -> str:
        """The tensor that this one is a copy of, in any shape, or this one."""
        seen = {name}
        while name in self.makers and self.makers[name].op_type in _COPYING:
            name = self.makers[name].input[0]
            if name in seen:
                break
            seen.add(name)
        return name

    def parts(self, name: str) -> set[str]:
        """The tensors that this one is put together from, by copies and concatenations."""
        found, pending = {name}, [name]
        while pending:
            node = self.makers.get(pending.pop())
            if node is not None and (node.op_type in _COPYING or node.op_type == "Concat"):
                sources = node.input if node.op_type == "Concat" else node.input[:1]
                fresh = set(sources) - found
                found |= fresh
                pending += fresh
        return found

    def only_through(self, start: str, name: str, others: Collection[str]) -> bool:
        """Whether `name` depends on `start` through the tensors `others` alone, or is one."""
        between = set().union(*(self.parts(other) for other in others)) - {start}
        if self.origin(name) in between:
            return True
        return name not in self.dependents(start, avoiding=between)

    @cached_property
    def _varying(self) -> set[str]:
        """Every tensor that is no constant."""
        return set().union(*(self.dependents(v.name) for v in self.model.graph.input))

    def multiplies(self, name: str) -> bool:
        """Whether a varying tensor is multiplied or divided by this one, or by a multiple of it."""
        varying = self._varying
        own = self.dependents(name)
        alone, pending = {name}, [name]  # tensors that depend on `name` and constants only
        while pending:
            for node in self.readers.get(pending.pop(), ()):
                others = set(node.input) - alone
                if not others & varying:
                    pending += set(node.output) - alone
                    alone |= set(node.output)
                elif node.op_type in _MULTIPLYING and others - own:
                    return True
        # A constant divided by it, as LTC's C / dt, or an exponential of it: what the result is
        # multiplied by was not seen above, because the result depends on `name` alone.
        return any(
            node.op_type in ("Div", "Reciprocal", "Exp") and set(node.input) & alone
            for node in self.model.graph.node
        )
