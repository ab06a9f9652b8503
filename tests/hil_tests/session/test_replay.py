"""`elegans run` of a model whose states and elapsed time have 32 bits keeps all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.data.user_data import read_user_data
from elegans.exporter.ir.fixed_model import Model
from elegans.hil_tests.session.replay import Target, replay
from elegans.tests.places import WIDE_BUILD


@pytest.fixture
def build(tmp_path: Path) -> tuple[Path, Model]:
    """The wide BUILD; it is made by hand, so it has no steps that could be loaded and proved."""
    copy = Path(shutil.copytree(WIDE_BUILD, tmp_path / "BUILD"))
    read = read_build_folder(copy)
    model = Model(read.name, read.inputs, read.dt, read.states, read.outputs, (), (), ())
    assert (model.state_bits, model.dt_bits) == (32, 32)
    return copy, model


@pytest.mark.parametrize("on", ["host", "mps2-an386"])
def test_a_run_starts_and_ends_with_states_of_32_bits(build: tuple[Path, Model], on: str) -> None:
    folder, model = build
    v = np.load(folder / "vectors.npz")
    x, dt, h, y, h_next = (v[name][230:] for name in ("x", "dt", "h", "y", "h_next"))
    source = folder.parent / "recording.npz"
    np.savez(source, x=x / 2**15, dt=dt / 2**24, h0=h[0] / 2**31)
    data = read_user_data(source, model, period_fixed=False)
    found_y, found_h = replay(folder, model, data, Target(on))
    np.testing.assert_array_equal(found_y[0], y)
    np.testing.assert_array_equal(found_h[0], h_next)
