"""Operators of onnxruntime (`com.microsoft`), which its optimiser fuses others to, written out."""

from __future__ import annotations

import onnx

from elegans.exporter.frontend.dialects.writer import Attributes, Rewrite, Table, Writer

DOMAIN = "com.microsoft"
_LAYER_NORM_EPSILON = 1e-12  # onnxruntime's default in its Skip operators


def _only(given: Attributes, *names: str) -> Attributes:
    return {name: given[name] for name in names if name in given}


def _text(given: Attributes, name: str) -> str:
    value = given.get(name, b"")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _activated(write: Writer, made: str, given: Attributes) -> str:
    """The result of what a fused operator ends with, as `activation` names it."""
    kind = _text(given, "activation")
    parameters = given.get("activation_params")
    if not kind:
        return made
    if parameters is None:
        own = {n: v for n, v in given.items() if n.startswith("activation_")}
        return write(kind, made, **{n.removeprefix("activation_"): v for n, v in own.items()})
    if kind == "Clip":
        return write("Clip", made, *(write.constant(value) for value in parameters[:2]))
    names = ("alpha", "beta")[: 2 if kind == "HardSigmoid" else int(kind in ("LeakyRelu", "Elu"))]
    return write(kind, made, **dict(zip(names, parameters, strict=False)))


def _gemm(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    made = write("Gemm", *node.input, **_only(given, "alpha", "beta", "transA", "transB"))
    return [_activated(write, made, given)]


def _matmul(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str] | None:
    """alpha A B, either of them transposed in its last two axes."""
    if given.get("transBatchA") or given.get("transBatchB"):
        return None
    sides = list(node.input[:2])
    for i, key in enumerate(("transA", "transB")):
        if given.get(key):
            rank = len(write.shape(sides[i]) or (1, 1))
            axes = [*range(rank - 2), rank - 1, rank - 2] if rank > 1 else None
            sides[i] = write("Transpose", sides[i], perm=axes)
    made = write("MatMul", *sides)
    alpha = given.get("alpha", 1.0)
    return [made if alpha == 1.0 else write("Mul", made, write.constant(alpha))]


def _conv(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """A convolution, to which another tensor may be added, and an activation."""
    names = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    made = write("Conv", *node.input[:3], **_only(given, *names))
    if len(node.input) > 3 and node.input[3]:
        made = write("Add", made, node.input[3])
    return [_activated(write, made, given)]


def _gelu(approximate: str | None = None) -> Rewrite:
    def rewrite(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
        """Of the first input, to which a bias is added where there is a second one."""
        z = node.input[0]
        if len(node.input) > 1 and node.input[1]:
            z = write("Add", z, node.input[1])
        return [write("Gelu", z, approximate=approximate)]

    return rewrite


def _quick_gelu(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """x sigmoid(alpha x)."""
    alpha = write.constant(given.get("alpha", 1.702))
    return [write("Mul", node.input[0], write("Sigmoid", write("Mul", node.input[0], alpha)))]


def _skip_norm(centre: bool) -> Rewrite:
    def rewrite(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str] | None:
        """The norm of a sum, which is the fourth output; the second and third are for training."""
        if any(node.output[1:3]):
            return None
        x, skip, gamma, *rest = node.input
        beta, bias = ([*rest, "", ""] if centre else ["", *rest, ""])[:2]
        total = write("Add", x, skip)
        if bias:
            total = write("Add", total, bias)
        epsilon = given.get("epsilon", _LAYER_NORM_EPSILON)
        return [_norm(write, centre, (total, gamma, beta), epsilon), "", "", total]

    return rewrite


def _norm(write: Writer, centre: bool, names: tuple[str, ...], epsilon: float) -> str:
    if centre:
        return write("LayerNormalization", *names, axis=-1, epsilon=epsilon)
    return write("RMSNormalization", *names[:2], axis=-1, epsilon=epsilon)


def _simplified_norm(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str] | None:
    if any(node.output[1:]) or given.get("axis", -1) != -1:
        return None
    return [_norm(write, False, tuple(node.input[:2]), given.get("epsilon", 1e-5))]


def _same(kind: str) -> Rewrite:
    """An operator that onnxruntime had before ONNX."""
    return lambda write, node, given: [write(kind, *node.input, **given)]


TABLE: Table = {
    (DOMAIN, kind): rewrite
    for kind, rewrite in {
        "FusedGemm": _gemm,
        "FusedMatMul": _matmul,
        "TransposeMatMul": _matmul,
        "FusedConv": _conv,
        "Gelu": _gelu(),
        "BiasGelu": _gelu(),
        "FastGelu": _gelu("tanh"),
        "QuickGelu": _quick_gelu,
        "SkipLayerNormalization": _skip_norm(centre=True),
        "SkipSimplifiedLayerNormalization": _skip_norm(centre=False),
        "SimplifiedLayerNormalization": _simplified_norm,
        "QuantizeLinear": _same("QuantizeLinear"),
        "DequantizeLinear": _same("DequantizeLinear"),
        "Trilu": _same("Trilu"),
    }.items()
}
# onnxruntime has these in ONNX's own domain, although ONNX does not know them.
FOREIGN = frozenset(("SimplifiedLayerNormalization",))
