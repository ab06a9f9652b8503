"""The tables of Phi and of decay, over all of int16."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.special import ndtr

from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.ops import decay_share, gate_share
from elegans.exporter.ops.decay import Decay, halving_table
from elegans.exporter.ops.normal_cdf import NormalCdf, normal_table
from elegans.tests.places import RUNTIME

_ALL = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)
_SOURCES = RUNTIME / "src"


def _in_c(name, table):
    body = (_SOURCES / name).read_text().split(f"{table} = {{")[1].split("};")[0]
    return [int(n) for n in re.findall(r"-?\d+", body)]


def test_the_tables_in_c_are_the_ones_that_the_formulas_give():
    assert _in_c("el_normal_cdf.c", "normal_table[257]") == normal_table().tolist()
    values = halving_table()
    segments = (values[:-1] * 256 + 128) * 256 + values[:-1] - values[1:]
    assert _in_c("el_decay.c", "el_halvings[128]") == segments.tolist()


@pytest.mark.parametrize("op", [decay_share, gate_share], ids=["decay_share", "gate_share"])
def test_the_parabolas_in_c_are_those_of_python(op):
    name = op.__name__.split(".")[-1]
    assert _in_c(f"el_{name}.c", "curve[64]") == op.parabolas().ravel().tolist()


def test_every_int16_gives_the_same_phi_everywhere(everywhere):
    everywhere(NormalCdf(), _ALL.reshape(16, 4096))


def test_phi_is_within_2_units_of_the_rounded_truth_and_never_falls():
    found = NormalCdf().integer(_ALL)
    truth = np.minimum(np.floor(ndtr(_ALL / 8192) * 32768 + 0.5), 32767)
    assert np.abs(found - truth).max() <= 2
    assert np.diff(found).min() >= 0


def test_phi_and_its_mirror_make_one():
    inside = _ALL[1:]
    both = NormalCdf().integer(inside) + NormalCdf().integer(-inside)
    assert set(both.tolist()) <= {32767, 32768, 32769}


@pytest.mark.parametrize("shift", [0, 7, 15, 30])
def test_a_decay_gives_the_same_bits_everywhere(everywhere, shift):
    rng = np.random.default_rng(4)
    for dt in (0, 1, 2, 255, 16384, 32767):
        a = np.concatenate([np.arange(0, 400), rng.integers(0, 32768, 400), [32767, 32766]])
        everywhere(Decay(shift), a.reshape(1, -1), np.full((1, 1), dt))


def test_a_decay_is_within_2_units_of_the_rounded_truth_and_never_rises():
    a = np.arange(32768)
    for dt, shift in ((32767, 10), (32767, 15), (1, 0), (20000, 12)):
        found = Decay(shift).integer(a, np.array([dt]))
        halvings = np.floor(a * dt / 2.0**shift + 0.5) / 32768
        truth = np.minimum(np.floor(32768 * np.exp2(-halvings) + 0.5), 32767)
        assert np.abs(found - truth).max() <= 2
        assert np.diff(found).max() <= 0


def test_a_decay_whose_rate_could_grow_is_refused():
    with pytest.raises(RangeError, match="negative"):
        Decay(15).range(Interval.of([-1], [9]), Interval.of([0], [9]))
