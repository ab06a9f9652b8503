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

_WINDOWED = ("AveragePool", "Conv", "ConvTranspose")
_SLOW = 16.0  # products of matrices in the time of one that the reference makes in Python


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
    elif node.op_type in _WINDOWED:
        products = _window_products(node, size, arrays, given)
    return size, size if node.op_type == "Einsum" else products


def _window_products(node: onnx.NodeProto, size: float, arrays: Arrays, given: Given) -> float:
    """The products of a convolution or a pooling, weighed by what the reference takes for one."""
    if node.op_type == "AveragePool":
        return _SLOW * size * math.prod(float(n) for n in given["kernel_shape"].ints)
    if len(arrays) < 2:
        return 0.0
    products = size * math.prod(map(float, arrays[1].shape[1:]))
    if node.op_type == "ConvTranspose":
        return _SLOW * products
    each = products / max(arrays[0].shape[0], 1)  # of a batch, which costs little
    return float(max(products / _SLOW, each))


def _numbers(array: Reals) -> Any:
    return array.astype(np.float64)


def _shaped(size: float, arrays: Arrays, given: Given) -> float:
    return max(size, float(np.prod(np.maximum(_numbers(arrays[-1]), 1))))


def _expanded(size: float, arrays: Arrays, given: Given) -> float:
    """Each axis has the greater of both sizes."""
    sides = arrays[0].shape, _numbers(arrays[-1]).reshape(-1)
    rank = max(map(len, sides))
    dims = np.ones(rank)
    for side in sides:
        dims[rank - len(side) :] = np.maximum(dims[rank - len(side) :], side)
    return float(np.prod(dims))


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


def _most(given: Given, name: str, default: float) -> float:
    """The greatest magnitude of an attribute's integers."""
    ints = given[name].ints if name in given else ()
    return max((abs(float(n)) for n in ints), default=default)


def _planes(shape: tuple[int, ...], given: Given) -> float:
    """The elements of one channel with its padding."""
    padded = 2 * _most(given, "pads", 0.0)
    return math.prod(n + padded for n in shape[2:])


def _kernels(w: Reals, given: Given) -> float:
    """The elements of all kernels, dilated."""
    wide = _most(given, "dilations", 1.0)
    return float(math.prod(w.shape[:2]) * math.prod(k * wide + 1 for k in w.shape[2:]))


def _convolved(size: float, arrays: Arrays, given: Given) -> float:
    if len(arrays) < 2 or not arrays[1].ndim:
        return size
    x, w = arrays[:2]
    found = x.shape[0] * w.shape[0] * _planes(x.shape, given)
    return max(size, float(found), _kernels(w, given))


def _transposed(size: float, arrays: Arrays, given: Given) -> float:
    if len(arrays) < 2 or arrays[1].ndim < 2:
        return size
    x, w = arrays[:2]
    stride = _most(given, "strides", 1.0)
    more = 2 * _most(given, "pads", 0.0) + _most(given, "output_padding", 0.0)
    reach = max(w.shape[2:], default=1) * _most(given, "dilations", 1.0)
    least = _most(given, "output_shape", 0.0)
    area = math.prod(max(n * stride + more + reach, least) for n in x.shape[2:])
    groups = float(max(given["group"].i, 1)) if "group" in given else 1.0
    found = x.shape[0] * w.shape[1] * groups * area
    return max(size, float(found), _kernels(w, given))


def _pooled(size: float, arrays: Arrays, given: Given) -> float:
    return max(size, math.prod(arrays[0].shape[:2]) * _planes(arrays[0].shape, given))


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
    "AveragePool": _pooled,
    "Concat": _joined,
    "ConstantOfShape": _shaped,
    "Conv": _convolved,
    "ConvTranspose": _transposed,
    "Einsum": _contracted,
    "Expand": _expanded,
    "Gather": _gathered,
    "GatherND": _gathered_slices,
    "NonZero": _indices,
    "OneHot": _one_hot,
    "Pad": _padded,
    "Range": _range,
    "Tile": _tiled,
}
