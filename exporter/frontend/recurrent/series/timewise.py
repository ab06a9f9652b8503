"""Operators that compute, applied to tensors that have a time axis: where time is in the result.

What works on each step by itself keeps its axis; what mixes steps is refused with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.recurrent.series.values import ONE_STEP, Value

Attributes = dict[str, Any]
_Rule = Callable[[str, list[Value | None], Attributes, int], int]
_ELEMENTWISE = frozenset(
    (
        *("Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "Cast", "Ceil"),
        *("Celu", "Clip", "Cos", "Cosh", "Div", "Dropout", "Elu", "Equal", "Erf", "Exp", "Floor"),
        *("Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "LeakyRelu", "Less"),
        *("LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or"),
        *("PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Sinh"),
        *("Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu"),
        *("Where", "Xor", "Shrink", "IsNaN", "IsInf", "QuantizeLinear", "DequantizeLinear"),
    )
)


def time_axis(
    place: str, node: onnx.NodeProto, inputs: list[Value | None], given: Attributes, rank: int
) -> int:
    """The axis of time in the result of a node, which has `rank` axes.

    Raises `ElegansError` if the node mixes steps, or is no operator that is known not to.
    """
    operator = node.op_type
    rule = _RULES.get(operator)
    if operator.startswith("Reduce"):
        rule = _reduced
    if rule is None:
        raise _mixes(place, _UNKNOWN)
    return rule(place, inputs, given, rank)


def _elementwise(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    axes = {v.axis + rank - len(v.shape) for v in inputs if v is not None and v.axis is not None}
    if len(axes) != 1:
        raise _mixes(place, _ATTENTION)
    return axes.pop()


def _product(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    """MatMul keeps the rows of its first factor, the columns of its second one, and batches."""
    a, b = (v for v in inputs if v is not None)
    summed = a.axis == len(a.shape) - 1, b.axis is not None and b.axis == max(len(b.shape) - 2, 0)
    if any(summed):
        raise _mixes(place, _POOLING)
    axes = {v.axis + rank - len(v.shape) for v in (a, b) if v.axis is not None}
    in_both = a.axis is not None and b.axis is not None
    if len(axes) != 1 or (in_both and not all(axis < rank - 2 for axis in axes)):
        raise _mixes(place, _ATTENTION)
    return axes.pop()


def _gemm(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    """Gemm keeps the rows of its first factor, if its second one is the same at each step."""
    a, b = inputs[0], inputs[1]
    rows = 1 if given.get("transA") else 0
    if a is None or b is None or a.axis != rows or b.axis is not None:
        raise _mixes(place, _POOLING)
    return 0


def _along_one_axis(default: int, to_the_end: bool) -> _Rule:
    """Of softmax and its like, which mix the elements of an axis, or of all axes from there."""

    def rule(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
        axis = _axis_of_first(place, inputs)
        first = given.get("axis", default) % rank
        if axis == first or (to_the_end and axis > first):
            raise _mixes(place, _ATTENTION)
        return axis

    return rule


def _reduced(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    axis = _axis_of_first(place, inputs)
    whole = inputs[0]
    axes = given.get("axes")
    if len(inputs) > 1 and inputs[1] is not None:
        axes = inputs[1].array
        if axes is None:
            raise _mixes(place, "reduces axes that are no constant")
    n = len(whole.shape) if whole is not None else 0
    if axes is None or not np.size(axes):
        axes = [] if given.get("noop_with_empty_axes") else range(n)
    reduced = {int(a) % n for a in axes}
    if axis in reduced:
        raise _mixes(place, _POOLING)
    return axis if given.get("keepdims", 1) else axis - sum(a < axis for a in reduced)


def _greatest(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    return _reduced(place, inputs[:1], {**given, "axes": [given.get("axis", 0)]}, rank)


def _batch_only(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    """Of convolutions, poolings and norms of channels: only the axis of the batch is kept."""
    if _axis_of_first(place, inputs) != 0:
        raise _mixes(
            place,
            "looks at several steps at once, as a convolution or a norm over time does",
            _PAST,
        )
    return 0


def _padded(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    """Of Pad: steps before the first one are there for a convolution."""
    axis = _axis_of_first(place, inputs)
    pads = inputs[1].array if len(inputs) > 1 and inputs[1] is not None else None
    if pads is not None and pads.size == 2 * rank and not pads[axis] and not pads[rank + axis]:
        raise _mixes(place, _UNKNOWN)
    raise _mixes(place, "adds steps to a sequence, as a causal convolution over time does", _PAST)


def _per_channel(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    axis = _axis_of_first(place, inputs)
    if axis == 1:
        raise _mixes(place, "has other numbers at each step, which are its channels")
    return axis


def _running_sum(place: str, inputs: list[Value | None], given: Attributes, rank: int) -> int:
    axis = _axis_of_first(place, inputs)
    along = inputs[1].array if len(inputs) > 1 and inputs[1] is not None else None
    if along is None or int(along.reshape(-1)[0]) % rank == axis:
        remedy = f"write the sum as a state of the step, s_next = s + x; {ONE_STEP}"
        raise _mixes(place, "adds up the steps", remedy)
    return axis


def _axis_of_first(place: str, inputs: list[Value | None]) -> int:
    axis = inputs[0].axis if inputs and inputs[0] is not None else None
    if axis is None:
        raise _mixes(place, "takes its parameters from a sequence")
    return axis


def _mixes(place: str, fact: str, remedy: str = ONE_STEP) -> ElegansError:
    return ElegansError(place, fact, remedy)


_ATTENTION = "combines each step with other ones, as attention over the past does"
_PAST = (
    "keep the last samples in a state of the step, x_past_next = [x_past[I:], x], and compute it "
    "from them"
)
_UNKNOWN = "works on a whole sequence, and it is not known to work on each step by itself"
_POOLING = "takes all steps together, as a pooling over time or attention does"
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), _along_one_axis(-1, False)),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _along_one_axis(-1, True)),
    **dict.fromkeys(("ArgMax", "ArgMin"), _greatest),
    **dict.fromkeys(
        (
            *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool"),
            *("GlobalMaxPool", "InstanceNormalization", "GroupNormalization"),
        ),
        _batch_only,
    ),
    "BatchNormalization": _per_channel,
    "CumSum": _running_sum,
    "Gemm": _gemm,
    "LpNormalization": _along_one_axis(-1, False),
    "MatMul": _product,
    "Pad": _padded,
}
