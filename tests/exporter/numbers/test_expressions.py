"""Expressions of one argument: their values, their ranges, and what is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elegans.exporter.errors import ElegansError
from elegans.exporter.numbers.expressions import MOST_NODES, Expression, function_named

_TEXTS = {
    "softplus(tanh(z))": lambda z: np.log1p(np.exp(np.tanh(z))),
    "exp((-0.5 * (z * z)))": lambda z: np.exp(-0.5 * z**2),
    "(1.0 / (exp((-3.0 * z + 1.0)) + 1.0))": lambda z: 1 / (1 + np.exp(1 - 3 * z)),
    "sqrt(((z * z) + 0.001))": lambda z: np.sqrt(z**2 + 0.001),
    "(z * sigmoid((1.7 * z)))": lambda z: z / (1 + np.exp(-1.7 * z)),
    "max((z - 1.0), min(z, -z))": lambda z: np.maximum(z - 1, np.minimum(z, -z)),
    "power((abs(z) + 0.5), -1.5)": lambda z: (abs(z) + 0.5) ** -1.5,
    "sin((3.0 * z))": lambda z: np.sin(3 * z),
    "hard_sigmoid(relu(z))": lambda z: np.clip(z, 0, 1),
    "normal_cdf(z)": lambda z: 0.5 + 0.5 * torch.erf(torch.from_numpy(z) / 2**0.5).numpy(),
}


@pytest.mark.parametrize("text", _TEXTS)
def test_an_expression_is_its_function_for_arrays_and_for_tensors(text):
    z = np.linspace(-3.0, 3.0, 101)
    found = Expression(text)
    np.testing.assert_allclose(found.function(z), _TEXTS[text](z), atol=1e-12)
    np.testing.assert_allclose(found.function(torch.from_numpy(z)).numpy(), found.function(z))


@pytest.mark.parametrize("text", _TEXTS)
def test_the_range_holds_every_value_and_little_else(text):
    rng = np.random.default_rng(302)
    lo = rng.uniform(-4.0, 3.0, 50)
    hi = lo + rng.uniform(0.0, 4.0, 50)
    least, most = Expression(text).spans(lo, hi)
    values = _TEXTS[text](np.linspace(lo, hi, 1001))
    assert np.all(least <= values.min(axis=0) + 1e-9)
    assert np.all(most >= values.max(axis=0) - 1e-9)
    width = np.ptp(values, axis=0)
    assert np.all(most - least <= 1.05 * width + 0.05)


def test_a_range_without_an_end_is_known_where_the_function_has_one():
    least, most = Expression("tanh((z * z))").spans(np.array([-np.inf]), np.array([np.inf]))
    assert (least[0], most[0]) == (0.0, 1.0)
    least, most = Expression("(1.0 / (z + 1.0))").spans(np.array([-2.0]), np.array([2.0]))
    assert (least[0], most[0]) == (-np.inf, np.inf)


def test_an_expression_is_defined_where_all_of_its_parts_are():
    assert Expression("log((sin(z) + 1.5))").holds(-100.0, 100.0)
    assert not Expression("log((sin(z) + 0.5))").holds(-100.0, 100.0)
    assert not Expression("(1.0 / z)").holds(-1.0, 1.0)
    assert Expression("sqrt(((z * z) + 0.0))").holds(-1.0, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "z +", "z ** 2", "open('z')", "exp(z, 1.0)", "power(z)", "power(z, z)", "'z'"),
        *("z.real", "(lambda: z)()", "__import__('os')", "exp(*z)", "exp(z=z)", "True", "1e999"),
        *("z if z else z", "max(z)", "[z]", "+".join(["z"] * 1000), "(" * 500 + "z" + ")" * 500),
    ],
)
def test_what_is_no_function_of_z_is_refused(text):
    with pytest.raises(ElegansError, match="function"):
        function_named(text)


def test_parts_are_counted():
    assert Expression("(z * exp((-0.5 * z)))").nodes == 5
    assert MOST_NODES < 100
