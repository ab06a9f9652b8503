"""Long runs in parts that run side by side: what one step after the other finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elegans.exporter.build_folder import load_model
from elegans.exporter.frontend.import_graph import open_graph
from elegans.exporter.oracles import in_parts, reference
from elegans.exporter.oracles.in_parts import Numbers, run_in_parts, worthwhile
from elegans.exporter.oracles.onnx_float import OnnxStep
from elegans.tests.places import GOLDEN


def _one_by_one(step: in_parts.Step, x: Numbers, dt: Numbers, h: Numbers) -> tuple[Numbers, ...]:
    outputs, states = [], [h]
    for now, elapsed in zip(x, dt, strict=True):
        y, h = step(now, elapsed, h)
        outputs.append(y)
        states.append(h)
    return np.stack(outputs), np.stack(states)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1 << 30),
    steps=st.integers(1, 90),
    runs=st.integers(1, 4),
    parts=st.integers(1, 12),
    kept=st.sampled_from([0, 3, 60, 127, 128]),
    mixed=st.integers(0, 4),
)
def test_networks_that_forget_and_others_have_the_same_integers(
    seed: int, steps: int, runs: int, parts: int, kept: int, mixed: int
) -> None:
    rng = np.random.default_rng(seed)
    size = 5
    among, into = rng.integers(-mixed, mixed + 1, (size, size)), rng.integers(-40, 41, (3, size))

    def step(x: Numbers, dt: Numbers, h: Numbers) -> tuple[Numbers, Numbers]:
        h = np.clip((kept * h + h @ among + x @ into * dt[:, None] + 64) >> 7, -30_000, 30_000)
        return h[:, :2] ^ x[:, :2], h

    x, dt = rng.integers(-900, 900, (steps, runs, 3)), rng.integers(1, 9, (steps, runs))
    h0 = rng.integers(-30_000, 30_000, (runs, size))
    found, expected = run_in_parts(step, x, dt, h0, parts), _one_by_one(step, x, dt, h0)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("rate", [0.02, 0.5, 1.0])
def test_real_numbers_meet_within_their_own_rounding(rate: float) -> None:
    rng = np.random.default_rng(0)
    among, into = rng.normal(size=(6, 6)) / 5, rng.normal(size=(3, 6))

    def step(x: Numbers, dt: Numbers, h: Numbers) -> tuple[Numbers, Numbers]:
        h = h + rate * dt[:, None] * (np.tanh(h @ among + x @ into) - h)
        return h[:, :1], h

    x, dt = rng.normal(size=(400, 4, 3)), rng.uniform(0.1, 1.0, (400, 4))
    found = run_in_parts(step, x, dt, np.zeros((4, 6)), 8)
    for one, other in zip(found, _one_by_one(step, x, dt, np.zeros((4, 6))), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-10)


def test_few_steps_are_not_taken_in_parts() -> None:
    assert worthwhile(100, 50) == 1
    assert worthwhile(1000, 3) == 1
    assert worthwhile(1000, 50) == 20


def test_a_model_runs_in_parts_as_it_does_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(GOLDEN / "worm")
    assert model.dt is not None
    rng = np.random.default_rng(0)
    x = rng.integers(-(1 << 15), 1 << 15, (401, 3, len(model.inputs)))
    dt = rng.integers(model.dt.lo, model.dt.hi + 1, x.shape[:2])
    found = reference.run(model, x, dt)
    monkeypatch.setattr(in_parts, "_FEWEST", 1 << 30)
    expected = reference.run(model, x, dt)
    for name in ("y", "h", "h_next"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_onnxruntime_has_the_same_bits_in_a_series_as_step_by_step() -> None:
    step = OnnxStep(open_graph(GOLDEN / "worm.onnx"))
    rng = np.random.default_rng(0)
    x, dt = rng.uniform(-1.0, 1.0, (50, 2, 3)), rng.uniform(0.01, 0.1, (50, 2))
    h0 = rng.uniform(-1.0, 1.0, (2, 6))
    assert step._series is not None
    found = step.run(x, dt, h0)
    step.__dict__["_series"] = None  # as if onnxruntime did not take it
    for one, other in zip(found, step.run(x, dt, h0), strict=True):
        np.testing.assert_array_equal(one, other)
