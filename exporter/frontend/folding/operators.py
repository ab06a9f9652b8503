"""The operators that are evaluated when all their inputs are constant, and bounds of their results.

All are deterministic. `result_size` is asked before anything is computed, because a file of a few
bytes can describe a constant of terabytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from elegans.exporter.numbers.fixed import Reals

Arrays = list[Reals]
Given = dict[str, onnx.AttributeProto]

FOLDABLE = frozenset(
    (
        *("Abs", "Acos", "Acosh", "Add", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan"),
        *("Atanh", "BatchNormalization", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr"),
        *("BitwiseXor", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Compress", "Concat"),
        *("Constant", "ConstantOfShape", "Conv", "Cos", "Cosh", "CumSum", "DequantizeLinear"),
        *("Div", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor"),
        *("Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "Greater", "GreaterOrEqual"),
        *("HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN", "LayerNormalization"),
        *("LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax"),
        *("LpNormalization", "MatMul", "Max", "Mean", "Min"),
        *("Mish", "Mod", "Mul", "Neg", "NonZero", "Not", "OneHot", "Or", "PRelu", "Pad", "Pow"),
        *("QuantizeLinear", "Range", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum"),
        *("ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"),
        *("ReduceSumSquare", "Relu", "Reshape", "Round", "ScatterElements", "ScatterND", "Selu"),
        *("Shape", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice", "Softmax", "Softplus"),
        *("Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tan", "Tanh"),
        *("ThresholdedRelu", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where", "Xor"),
    )
)


def result_size(node: onnx.NodeProto, arrays: Arrays) -> tuple[float, float]:
    """The most elements that a node makes of arrays, and the products that it computes.

    The bound is the size of the broadcast inputs, or the shape that the node is given.
    """
    given = {a.name: a for a in node.attribute}
    rank = max((a.ndim for a in arrays), default=0)
    dims = np.ones(rank)
    for a in arrays:
        dims[rank - a.ndim :] = np.maximum(dims[rank - a.ndim :], a.shape)
    size, products = float(np.prod(dims)), 0.0
    bound = _BOUNDS.get(node.op_type)
    if bound is not None and arrays:
        size = bound(size, arrays, given)
    if node.op_type in ("MatMul", "Gemm"):
        products = size * max((n for a in arrays for n in a.shape), default=1)
    return size, size if node.op_type == "Einsum" else products


def _numbers(array: Reals) -> Any:
    return array.astype(np.float64)


def _shaped(size: float, arrays: Arrays, given: Given) -> float:
    return max(size, float(np.prod(np.maximum(_numbers(arrays[-1]), 1))))


def _range(size: float, arrays: Arrays, given: Given) -> float:
    if len(arrays) != 3:
        return size
    start, limit, step = (float(a.reshape(-1)[0]) if a.size else 0.0 for a in arrays)
    return float(abs((limit - start) / step)) + 1 if step else math.inf


def _tiled(size: float, arrays: Arrays, given: Given) -> float:
    return size * float(np.prod(np.maximum(_numbers(arrays[-1]), 1)))


def _joined(size: float, arrays: Arrays, given: Given) -> float:
    return float(sum(a.size for a in arrays))


def _gathered(size: float, arrays: Arrays, given: Given) -> float:
    if len(arrays) != 2 or not arrays[0].ndim:
        return size
    axis = given["axis"].i % arrays[0].ndim if "axis" in given else 0
    return float(arrays[1].size * arrays[0].size / max(arrays[0].shape[axis], 1))


def _gathered_slices(size: float, arrays: Arrays, given: Given) -> float:
    """Each index may select all of the data."""
    return float(arrays[-1].size) * max(arrays[0].size, 1)


def _convolved(size: float, arrays: Arrays, given: Given) -> float:
    if len(arrays) < 2 or not arrays[1].ndim:
        return size
    padded = max((abs(n) for n in given["pads"].ints), default=0) if "pads" in given else 0
    area = float(np.prod([n + 2.0 * padded for n in arrays[0].shape[2:]]))
    return max(size, float(arrays[0].shape[0] * arrays[1].shape[0] * area))


def _padded(size: float, arrays: Arrays, given: Given) -> float:
    """Every axis grows by no more than all pads together."""
    more = float(np.abs(_numbers(arrays[1])).sum()) if len(arrays) > 1 else 0.0
    return float(math.prod(n + more for n in arrays[0].shape))


def _indices(size: float, arrays: Arrays, given: Given) -> float:
    return float(arrays[0].size) * max(arrays[0].ndim, 1)


def _one_hot(size: float, arrays: Arrays, given: Given) -> float:
    depth = _numbers(arrays[1]).reshape(-1) if len(arrays) > 1 else np.ones(1)
    return float(arrays[0].size * depth.max(initial=1.0))


def _contracted(size: float, arrays: Arrays, given: Given) -> float:
    """All combinations of indices, of which each operand has some."""
    return math.prod(float(max(a.size, 1)) for a in arrays)


_BOUNDS: dict[str, Callable[[float, Arrays, Given], float]] = {
    "Concat": _joined,
    "ConstantOfShape": _shaped,
    "Conv": _convolved,
    "Einsum": _contracted,
    "Expand": _shaped,
    "Gather": _gathered,
    "GatherND": _gathered_slices,
    "NonZero": _indices,
    "OneHot": _one_hot,
    "Pad": _padded,
    "Range": _range,
    "Tile": _tiled,
}
