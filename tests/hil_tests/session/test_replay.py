"""`elegans run` of a model whose states and elapsed time have 32 bits keeps all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.ir.fixed_model import Model
from elegans.hil_tests.session import replay
from elegans.tests.places import WIDE_BUILD


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wide BUILD; it is made by hand, so it has no steps that could be loaded and proved."""
    copy = Path(shutil.copytree(WIDE_BUILD, tmp_path / "BUILD"))
    read = read_build_folder(copy)
    model = Model(read.name, read.inputs, read.dt, read.states, read.outputs, (), (), ())
    assert (model.state_bits, model.dt_bits) == (32, 32)
    monkeypatch.setattr(replay, "load_model", lambda _: model)
    return copy


@pytest.mark.parametrize("on", ["host", "mps2-an386"])
def test_a_run_starts_and_ends_with_states_of_32_bits(build: Path, on: str) -> None:
    v = np.load(build / "vectors.npz")
    x, dt, h, y, h_next = (v[name][230:] for name in ("x", "dt", "h", "y", "h_next"))
    source = build.parent / "recording.npz"
    np.savez(source, x=x / 2**15, dt=dt / 2**24, h0=h[0] / 2**31)
    found = replay.replay(build, source, replay.Target(on))
    assert (found["y_int"].dtype, found["h_int"].dtype) == (np.int16, np.int32)
    np.testing.assert_array_equal(found["y_int"], y)
    np.testing.assert_array_equal(found["h_int"], h_next)
    np.testing.assert_array_equal(found["h"], h_next / 2**31)
