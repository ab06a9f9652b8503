"""Operators in the form that they had in older opsets, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.tests.exporter.frontend.dialects.one_node import difference, node, saved

_CUBE = node("Reshape", "v", "cube", outputs=("w",))  # [2, 2, 2]
_HELD = {"cube": np.array([2, 2, 2])}
_REDUCED = {"ReduceSum": 12} | dict.fromkeys(
    ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare"), 17
)
_OLD = {
    "Clip": ([node("Clip", "v", min=-0.5, max=0.25)], 8, (9, 10)),
    "Clip from below": ([node("Clip", "v", min=-0.5)], 8, (9, 10)),
    "Slice": ([node("Slice", "v", starts=[1], ends=[-1], axes=[1])], 6, (9,)),
    "Split": (
        [
            node("Split", "v", outputs=("a", "b"), axis=1, split=[3, 5]),
            node("Concat", "b", "a", axis=1),
        ],
        8,
        (9, 11, 12),
    ),
    "equal parts": (
        [node("Split", "v", outputs=("a", "b"), axis=1), node("Concat", "b", "a", axis=1)],
        8,
        (9, 12, 13, 17),
    ),
    "Squeeze": ([node("Squeeze", "v", axes=[0])], 8, (9, 12)),
    "Unsqueeze": ([node("Unsqueeze", "v", axes=[0, 3])], 8, (9, 12)),
    "Dropout": ([node("Dropout", "v", ratio=0.4)], 8, (9, 11)),
    "softmax of one axis": ([node("Softmax", "v", axis=1)], 8, (9, 12)),
    "softmax of all axes": ([_CUBE, node("Softmax", "w")], 8, (9, 12)),
    "softmax of two axes": ([_CUBE, node("Softmax", "w", axis=1)], 8, (9, 12)),
    "softmax of the last axis": ([_CUBE, node("LogSoftmax", "w", axis=2)], 8, (9, 12)),
    **{
        kind: ([_CUBE, node(kind, "w", axes=[-1], keepdims=0)], 4, (11, since))
        for kind, since in _REDUCED.items()
    },
}


@pytest.mark.parametrize("what", _OLD)
def test_an_older_form_computes_what_onnxruntime_does(tmp_path, what):
    nodes, width, versions = _OLD[what]
    for version in versions:
        path = saved(tmp_path / f"old_{version}.onnx", nodes, _HELD, version, width)
        assert difference(path) < 1e-5, version


def test_nodes_in_any_order_are_sorted(tmp_path):
    nodes = [node("Mul", "late", "late"), node("Tanh", "v", outputs=("late",))]
    assert difference(saved(tmp_path / "unsorted.onnx", nodes, {}, 17)) < 1e-5
