"""General arithmetic in 32 bits, in each core's own instructions: bits, and no branch on data."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.profiling.profile import profile
from elegans.exporter.ops.wide_advance import WideAdvance
from elegans.exporter.ops.wide_extremum import WideExtremum
from elegans.exporter.ops.wide_keep import WideKeep
from elegans.exporter.ops.wide_product import WideProduct
from elegans.exporter.ops.wide_quotient import WideQuotient
from elegans.exporter.ops.wide_sums import WideSums
from elegans.exporter.ops.wide_turn import WideTurn
from elegans.tests.boards.conftest import M0_M3_M4, M55, skip_without
from elegans.tests.boards.profiling.one_map import ops_of_inputs

_STEPS, _UNITS = 48, 3
_BUILDS = [
    *((board, "gcc", level) for board in M0_M3_M4 for level in "2s"),
    *(("microbit", "gcc", "0"), ("microbit", "zig", "2"), ("mps2-an386", "zig", "2")),
    pytest.param(*M55.values, "gcc", "2", marks=M55.marks),
]


def _sums(rng):
    """Rows of every mixture: columns of 32 bits, single ones, and runs of each remainder by 4."""
    rows, cols, wide = 12, 16, 5
    weights = rng.integers(-(1 << 27), 1 << 27, (rows, cols))
    kept = rng.random((rows, cols)) < 0.4
    for row in range(1, rows):
        kept[row, wide : wide + row] = True
    kept[0], kept[3, :wide], kept[5, :wide] = False, False, True
    kept[0, 1] = True
    weights = np.where(kept, weights, 0)
    coarse = (weights + (1 << 14)) >> 15
    shift = rng.integers(24, 31, rows)
    bias = rng.integers(-(1 << 20), 1 << 20, rows)
    op = WideSums(weights - (coarse << 15), coarse, bias, shift, wide)
    x = rng.integers(-300, 301, (_STEPS, cols))
    return op, np.concatenate([x, rng.integers(-32768, 32768, (_STEPS, wide))], 1)


def _vector(rng, upper=32767, least=None):
    """[N, 2 n] halves of magnitudes of every kind."""
    size = np.exp2(rng.uniform(0, np.log2(upper << 16), (_STEPS, _UNITS))).astype(np.int64)
    a = np.maximum(size, least) if least else size * rng.choice([-1, 1], size.shape)
    a[:2] = [[upper << 16], [least or -(upper << 16)]]
    half = (a + (1 << 15)) >> 16
    return np.concatenate([half, a - (half << 16)], 1)


def _share(rng):
    u = rng.integers(-32768, 32768, (_STEPS, _UNITS))
    u[:2] = [[-32768], [32767]]
    return u


def _ends(most):
    return np.full(_UNITS, -most), np.array([most, most // 2, 5])


def _cases(rng):
    small, other = _vector(rng, 8000), _vector(rng, 8000)
    yield _sums(rng)
    yield WideProduct(_UNITS, 15), _vector(rng), _vector(rng)
    yield WideProduct(_UNITS, 3), _vector(rng, 90), _vector(rng, 90)
    yield WideQuotient([-3, 15, 28], *_ends(16384)), _vector(rng), _vector(rng, least=1)
    yield WideExtremum(1, *_ends(9000)), _vector(rng), _vector(rng)
    yield WideKeep(3, 2, -2, *_ends(8192), 1 << 24), small, _share(rng), _vector(rng)
    turn = WideTurn(3, 2, -1, *_ends(8192), 1 << 24)
    yield turn, small, _share(rng), other, _share(rng), _vector(rng)
    yield WideAdvance(-3, *_ends(8192), 1 << 27), small, _vector(rng)
    yield WideAdvance(4, *_ends(8192), 1 << 27), small, _vector(rng)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    cases = list(_cases(np.random.default_rng(32)))
    return ops_of_inputs(tmp_path_factory.mktemp("ops") / "BUILD", cases)


@pytest.mark.parametrize(("board", "compiler", "level"), _BUILDS)
def test_ops_of_32_bits_have_the_reference_s_bits_by_one_path(build, board, compiler, level):
    skip_without(find_board(board), compiler)
    firmware = build_firmware(build, find_board(board), compiler, level)
    measured = profile(build, firmware, _STEPS)
    assert (measured.steps, measured.mismatches) == (_STEPS, 0)
    assert (measured.paths, measured.data_dependent) == (1, ())
