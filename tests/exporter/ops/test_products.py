"""The gated ops of GRU and self-gated units, and rectifier and rescale."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.ops.gated_drive import GatedDrive
from elegans.exporter.ops.product import Product
from elegans.exporter.ops.relu import Relu
from elegans.exporter.ops.rescale import Rescale
from elegans.tests.exporter.ops.grid import grid

_ENDS = [-32768, -32767, -1, 0, 1, 16384, 32767]
_GATES = [0, 1, 16384, 32766, 32767]


@pytest.mark.parametrize(("align", "shift"), [(0, 0), (0, 15), (7, 11), (14, 30)])
def test_the_gated_drive_gives_the_same_bits_everywhere(everywhere, align, shift):
    reach = min(32767, (2**29) >> align)
    everywhere(GatedDrive(align, shift), *grid(_ENDS, [-reach, -1, 0, 1, reach], _GATES))


@pytest.mark.parametrize("shift", [15, 14, 9])
def test_the_product_gives_the_same_bits_everywhere(everywhere, shift):
    everywhere(Product(shift), *grid(_GATES, _ENDS))


def test_a_gate_never_makes_anything_larger():
    u, v = grid(_GATES, _ENDS)
    assert np.all(np.abs(Product().integer(u, v)) <= np.abs(v))


@pytest.mark.parametrize(("left", "right"), [(0, 0), (1, 0), (15, 0), (0, 1), (0, 15)])
def test_rescaling_gives_the_same_bits_everywhere(everywhere, left, right):
    everywhere(Rescale(left, right), *grid(_ENDS))


def test_the_rectifier_gives_the_same_bits_everywhere(everywhere):
    everywhere(Relu(), *grid(_ENDS))


def test_a_gated_drive_that_could_overflow_is_refused():
    everything = Interval.of([-32768], [32767])
    with pytest.raises(RangeError, match="int32"):
        GatedDrive(16, 20).range(everything, everything, everything)
