"""Operators on integers, as quantised models have them, on what the integers stand for.

An operator of the form QLinear dequantises, computes and quantises. What is computed on integers
alone (MatMulInteger) is computed on the same numbers as floats.
"""

from __future__ import annotations

import numpy as np
import onnx

from elegans.exporter.frontend.dialects.microsoft import DOMAIN
from elegans.exporter.frontend.dialects.writer import Attributes, Rewrite, Table, Writer

_FLOAT = int(onnx.TensorProto.FLOAT)
_ALONG_ONE_AXIS = 13  # the opset since which a softmax is


def _real(write: Writer, names: list[str], axis: int | None = None) -> str:
    """A tensor of integers by its name, and those of its scale and zero point, as real numbers.

    axis  along which a scale has its elements, if it has several
    """
    return write("DequantizeLinear", *names, axis=axis)


def _qlinear(kind: str, operands: int) -> Rewrite:
    """The operands, each with its scale and zero point, then those of the result."""

    def rewrite(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str] | None:
        if given.get("channels_last") or given.get("opset", _ALONG_ONE_AXIS) < _ALONG_ONE_AXIS:
            return None
        names = [*node.input, ""]
        real = [_real(write, names[3 * i : 3 * i + 3]) for i in range(operands)]
        scale, zero = names[3 * operands : 3 * operands + 2]
        keys = given.keys() - {"channels_last", "opset"}
        made = write(kind, *real, **{key: given[key] for key in keys})
        return [write("QuantizeLinear", made, scale, zero)]

    return rewrite


def _qlinear_matmul(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """A scale of the first factor and of the result may have an element for each row, and one of
    the second factor one for each column."""
    real = [_real(write, list(node.input[:3]), -2), _real(write, list(node.input[3:6]), -1)]
    return [write("QuantizeLinear", write("MatMul", *real), *node.input[6:8], axis=-2)]


def _qlinear_conv(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str] | None:
    """Its bias is of integers, too, in units of the product of both scales."""
    if given.pop("channels_last", 0):
        return None
    x, w = list(node.input[:3]), list(node.input[3:6])
    real = [_real(write, x), _real(write, w, 0)]
    if len(node.input) > 8 and node.input[8]:
        bias = write("Cast", node.input[8], to=_FLOAT)
        real.append(write("Mul", bias, write("Mul", x[1], w[1])))
    made = write("Conv", *real, **given)
    return [write("QuantizeLinear", made, *node.input[6:8])]


def _qgemm(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """alpha A B + C; C is of integers, in units of alpha and both scales. Without a scale of the
    result, that is real."""
    names = [*node.input, "", "", ""]
    a, b, c, result = names[:3], names[3:6], names[6], names[7:9]
    axis = 0 if given.get("transB") else 1
    real = [_real(write, a), _real(write, b, axis)]
    alpha = given.get("alpha", 1.0)
    if c:
        unit = write("Mul", write("Mul", a[1], b[1]), write.constant(alpha))
        real.append(write("Mul", write("Cast", c, to=_FLOAT), unit))
    keys = ("transA", "transB")
    made = write("Gemm", *real, alpha=alpha, **{key: given[key] for key in keys if key in given})
    return [write("QuantizeLinear", made, *result) if result[0] else made]


def _qlinear_concat(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """The scale and zero point of the result come first."""
    scale, zero, *rest = node.input
    real = [_real(write, rest[i : i + 3]) for i in range(0, len(rest), 3)]
    return [write("QuantizeLinear", write("Concat", *real, **given), scale, zero)]


def _less_zero(write: Writer, name: str, zero: str) -> str:
    """A tensor of integers less its zero point, as floats."""
    real = write("Cast", name, to=_FLOAT)
    return write("Sub", real, write("Cast", zero, to=_FLOAT)) if zero else real


def _matmul_integer(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """a, b and the zero points of both: one for each row of a, one for each column of b."""
    a, b, a_zero, b_zero = [*node.input, "", ""][:4]
    if a_zero and len(write.shape(a_zero) or ()) == 1:
        single = write.shape(a_zero) == (1,)
        to = () if single else (-1, 1)
        a_zero = write("Reshape", a_zero, write.constant(to, np.int64))
    return [write("MatMul", _less_zero(write, a, a_zero), _less_zero(write, b, b_zero))]


def _conv_integer(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """x, w and the zero points of both: one of x, one for each output channel of w."""
    x, w, x_zero, w_zero = [*node.input, "", ""][:4]
    if w_zero and write.shape(w_zero):
        ones = [1] * (len(write.shape(w) or (1,)) - 1)
        w_zero = write("Reshape", w_zero, write.constant([-1, *ones], np.int64))
    return [write("Conv", _less_zero(write, x, x_zero), _less_zero(write, w, w_zero), **given)]


def _to_float(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """MatMulIntegerToFloat: a, b, the scales of both, the zero points of both, a bias."""
    a, b, a_scale, b_scale, a_zero, b_zero, bias = [*node.input, "", "", ""][:7]
    product = write("MatMul", _less_zero(write, a, a_zero), _less_zero(write, b, b_zero))
    made = write("Mul", product, write("Mul", a_scale, b_scale))
    return [write("Add", made, bias) if bias else made]


def _dynamic_matmul(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """DynamicQuantizeMatMul: real a, then b with its scale and zero point, and a bias."""
    a, b, b_scale, b_zero, bias = [*node.input, "", ""][:5]
    made = write("Mul", write("MatMul", a, _less_zero(write, b, b_zero)), b_scale)
    return [write("Add", made, bias) if bias else made]


def _dynamic_lstm(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """DynamicQuantizeLSTM: the inputs of an LSTM, whose W and R are of integers and transposed,
    then a scale and a zero point of W and of R: one, or one for each gate."""
    inputs = [*node.input, *[""] * (12 - len(node.input))]
    for at, scale, zero in ((1, *inputs[8:10]), (2, *inputs[10:12])):
        wide = write.shape(scale) not in ((), (1,))
        names = [write("Reshape", n, write.constant([-1], np.int64)) for n in (scale, zero)]
        whole = write("DequantizeLinear", inputs[at], *names, axis=2 if wide else 0)
        inputs[at] = write("Transpose", whole, perm=[0, 2, 1])
    return write.several("LSTM", len(node.output), *inputs[:8], **given)


def _dynamic(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """DynamicQuantizeLinear, whose scale is as fine as its input allows: the input itself, at a
    scale of one and a zero point of zero."""
    return [node.input[0], write.constant(1.0), write.constant(0, np.uint8)]


TABLE: Table = {
    ("", "QLinearMatMul"): _qlinear_matmul,
    ("", "QLinearConv"): _qlinear_conv,
    ("", "MatMulInteger"): _matmul_integer,
    ("", "ConvInteger"): _conv_integer,
    ("", "DynamicQuantizeLinear"): _dynamic,
    (DOMAIN, "QGemm"): _qgemm,
    (DOMAIN, "QLinearConv"): _qlinear_conv,
    (DOMAIN, "QLinearConcat"): _qlinear_concat,
    (DOMAIN, "MatMulIntegerToFloat"): _to_float,
    (DOMAIN, "DynamicQuantizeMatMul"): _dynamic_matmul,
    (DOMAIN, "DynamicQuantizeLSTM"): _dynamic_lstm,
    **{
        (DOMAIN, f"QLinear{kind}"): _qlinear(kind, operands)
        for kind, operands in {
            "Add": 2,
            "Mul": 2,
            "Sigmoid": 1,
            "LeakyRelu": 1,
            "Softmax": 1,
            "AveragePool": 1,
            "GlobalAveragePool": 1,
        }.items()
    },
}
