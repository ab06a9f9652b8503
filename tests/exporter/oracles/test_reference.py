"""Long series: compiled C finds the states, and NumPy repeats every step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from elegans.exporter.build_folder import load_model
from elegans.exporter.data.user_data import UserData
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.native.compiled_run import Compiled, compiled_run
from elegans.exporter.oracles import reference
from elegans.tests.places import GOLDEN


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(GOLDEN / "worm")


@pytest.fixture
def data(model: Model, monkeypatch: pytest.MonkeyPatch) -> UserData:
    """Two series, which are long here."""
    monkeypatch.setattr(reference, "_LONG", 200)
    monkeypatch.setattr(reference, "_PIECE", 90)
    rng = np.random.default_rng(0)
    lo, hi = np.array([[c.lo, c.hi] for c in model.inputs]).T
    h_lo, h_hi = np.array([[c.lo, c.hi] for c in model.states]).T
    assert model.dt is not None
    return UserData(
        names=("first", "second"),
        several=True,
        lengths=np.array([200, 181]),
        x=rng.integers(lo, hi + 1, (2, 200, len(lo))),
        dt=rng.integers(model.dt.lo, model.dt.hi + 1, (2, 200)),
        h0=rng.integers(h_lo, h_hi + 1, (2, len(h_lo))),
        labels=None,
        changes=(),
    )


def test_compiled_c_finds_what_numpy_finds_step_after_step(model: Model, data: UserData) -> None:
    compiled = compiled_run(model)
    if compiled.run is None:
        pytest.skip(compiled.story)
    told: list[int] = []
    y, h = reference.run_series(model, data, told.append)
    assert told == [90, 180, 200, 290, 380, 381]
    for i, length in enumerate(data.lengths):
        expected = reference.run(model, data.x[i, :length], data.dt[i, :length], data.h0[i])
        np.testing.assert_array_equal(y[i, :length], expected.y)
        np.testing.assert_array_equal(h[i, :length], expected.h_next)
        assert not y[i, length:].any()
        assert not h[i, length:].any()


def test_a_wrong_bit_of_compiled_c_is_found(
    model: Model, data: UserData, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def wrong(x, dt, h0):
        found = reference.run(model, x, dt, h0)
        h = found.h_next.copy()
        calls.append(len(x))
        h[17, 3] ^= len(calls) == 5
        return found.y, h

    monkeypatch.setattr(reference, "compiled_run", lambda _: Compiled(wrong, ""))
    with pytest.raises(ElegansError, match="differs from NumPy in step 107 of second"):
        reference.run_series(model, data)


def test_without_a_compiler_numpy_gives_the_same(
    model: Model, data: UserData, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = reference.run_series(model, data)
    monkeypatch.setattr(reference, "compiled_run", lambda _: Compiled(None, "no C compiler"))
    for found, same in zip(reference.run_series(model, data), expected, strict=True):
        np.testing.assert_array_equal(found, same)


def test_short_and_many_series_are_left_to_numpy(data: UserData) -> None:
    assert reference.is_long(data)
    assert not reference.is_long(replace(data, lengths=data.lengths - 1))
    assert not reference.is_long(replace(data, lengths=np.full(65, 200)))
