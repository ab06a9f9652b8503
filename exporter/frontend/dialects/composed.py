"""Operators of ONNX that are a few others."""

from __future__ import annotations

import onnx

from elegans.exporter.frontend.dialects.writer import Attributes, Table, Writer


def _mean(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    total = write("Sum", *node.input)
    return [write("Mul", total, write.constant(1.0 / len(node.input)))]


def _thresholded(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """x where it is above alpha, else 0."""
    above = write("Greater", node.input[0], write.constant(given.get("alpha", 1.0)))
    return [write("Where", above, node.input[0], write.constant(0.0))]


def _shrink(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    """x + bias below -lambd, x - bias above lambd, else 0."""
    (x,), bias = node.input, write.constant(given.get("bias", 0.0))
    lo, hi = (write.constant(sign * given.get("lambd", 0.5)) for sign in (-1.0, 1.0))
    up = write("Where", write("Greater", x, hi), write("Sub", x, bias), write.constant(0.0))
    return [write("Where", write("Less", x, lo), write("Add", x, bias), up)]


def _log_sum(write: Writer, node: onnx.NodeProto, given: Attributes) -> list[str]:
    return [write("Log", write("ReduceSum", *node.input, **given))]


TABLE: Table = {
    ("", "Mean"): _mean,
    ("", "ReduceLogSum"): _log_sum,
    ("", "Shrink"): _shrink,
    ("", "ThresholdedRelu"): _thresholded,
}
