"""A few hundred mutated files; `python -m benchmarks.fuzz` tries thousands."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.benchmarks.fuzz import mutated, tried
from elegans.tests.places import WORM


@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_file_is_read_or_refused_in_one_line(tmp_path, seed):
    random, path, read = np.random.default_rng(seed), tmp_path / "mutant.onnx", 0
    for _ in range(100):
        path.write_bytes(mutated(WORM.read_bytes(), random))
        read += tried(path) == "read"
    assert read < 50


def test_the_file_itself_is_read():
    assert tried(WORM) == "read"


def test_garbage_of_100_megabytes_is_refused(tmp_path):
    path = tmp_path / "garbage.onnx"
    path.write_bytes(np.random.default_rng(0).bytes(100 << 20))
    assert "not a whole, valid ONNX model" in tried(path)
