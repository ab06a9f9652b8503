"""What `export` writes: whole, the same every time, and all of one meaning."""

from __future__ import annotations

import hashlib
import itertools
import json
import re

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elegans.exporter.build_folder import load_model
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import from_json, to_json
from elegans.exporter.oracles import reference
from elegans.trainer import straight_through


def _contents(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_the_same_file_gives_the_same_bytes(worm, tmp_path):
    for name in ("one", "two", "two"):
        export(Request(worm), tmp_path / name)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")


def test_a_build_has_everything_a_user_needs(built):
    found = set(_contents(built))
    assert {
        "worm.h",
        "worm.c",
        "worm_layers.S",
        "reference.onnx",
        "vectors.npz",
        "model.json",
    } <= found
    assert {"README.md", "runtime/src/el_mix.c", "runtime/include/elegans/el_mix.h"} <= found


def test_only_the_kernels_that_the_model_uses_are_delivered(built):
    assert "runtime/src/el_gated_sum.c" not in _contents(built)


def test_model_json_tells_the_digest_of_every_other_file(built):
    stated = json.loads((built / "model.json").read_text())["files"]
    found = {k: hashlib.sha256(v).hexdigest() for k, v in _contents(built).items()}
    del found["model.json"], found["report.txt"]  # neither is the same on every machine
    assert stated == found


def test_nothing_of_this_machine_or_this_day_is_in_a_build(worm, tmp_path):
    export(Request(worm), tmp_path / "B")
    for path, content in _contents(tmp_path / "B").items():
        assert str(tmp_path).encode() not in content, path
        assert not re.search(rb"\b20\d\d-\d\d-\d\d\b|\d\d:\d\d:\d\d", content), path


@pytest.mark.parametrize("word", ["float", "double", "malloc", "printf", "static int16_t", "goto"])
def test_the_generated_c_has_no(built, word):
    takes_floats = {"worm_float.h", "worm_health.h", "el_real.h"}
    sources = [p for p in built.rglob("*.[ch]") if p.name not in takes_floats]
    code = "\n".join(re.sub(r"/\*.*?\*/", "", p.read_text(), flags=re.DOTALL) for p in sources)
    assert not re.search(rf"\b{word}\b", code)


def test_vectors_come_corners_first_then_random_then_the_recording(worm, tmp_path):
    rng = np.random.default_rng(0)
    lo, hi = np.array([-1, 0, -0.3]), np.array([1, 40, 0.1])
    np.savez(tmp_path / "r.npz", x=rng.uniform(lo, hi, (40, 3)), dt=rng.uniform(0.01, 0.2, 40))
    export(Request(worm, recording=tmp_path / "r.npz"), tmp_path / "B")
    section = np.load(tmp_path / "B" / "vectors.npz")["section"]
    assert [key for key, _ in itertools.groupby(section)] == [0, 1, 2]
    assert (section == 2).sum() == 40
    assert len(section) > 5000


def test_vectors_hold_the_extremes_of_every_input_and_state(built):
    model, vectors = load_model(built), np.load(built / "vectors.npz")
    assert vectors["x"].min() == -32768
    assert vectors["x"].max() == 32767
    assert np.all(vectors["h"].min(axis=0) == [c.lo for c in model.states])
    assert np.all(vectors["h"].max(axis=0) == [c.hi for c in model.states])


def test_a_run_of_several_series_restarts_at_rest(worm, tmp_path):
    x = np.random.default_rng(0).uniform(0, 0.1, (4, 10, 3))
    np.savez(tmp_path / "r.npz", x=x, dt=np.full((4, 10), 0.1))
    export(Request(worm, recording=tmp_path / "r.npz"), tmp_path / "B")
    vectors = np.load(tmp_path / "B" / "vectors.npz")
    h = vectors["h"][vectors["section"] == 2]
    assert np.all(h[::10] == 0)
    assert np.all(np.any(h.reshape(4, 10, -1)[:, 1:] != 0, axis=-1))


@pytest.mark.parametrize("blend", ["ncps", "no_gate"])
@pytest.mark.parametrize("dt", [None, 0.07])
def test_numpy_torch_and_onnxruntime_agree_on_the_whole_model(graph, save, tmp_path, blend, dt):
    source = save(graph().cfc(blend=blend))
    model = export(Request(source, dt=dt), tmp_path / "B")
    v = {k: a.astype(np.int64) for k, a in np.load(tmp_path / "B" / "vectors.npz").items()}
    y, h = reference.step(model, v["x"], v["dt"][:, None], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])
    tensors = (torch.from_numpy(a) for a in (v["x"], v["dt"][:, None], v["h"]))
    for found, key in zip(straight_through.step(model, *tensors), ("y", "h_next"), strict=True):
        np.testing.assert_array_equal(found.numpy(), v[key])
    session = ort.InferenceSession(str(tmp_path / "B" / "reference.onnx"))
    feed = {i.name: v[i.name].astype(np.int16) for i in session.get_inputs() if i.name != "dt"}
    if dt is None:
        feed["dt"] = v["dt"][:, None].astype(np.int16)
    for found, key in zip(session.run(["y", "h_next"], feed), ("y", "h_next"), strict=True):
        np.testing.assert_array_equal(found, v[key])


def test_gradients_flow_through_the_integers(built):
    model = load_model(built)
    x = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    y, _ = straight_through.step(model, x, torch.full((1, 1), 9000.0), torch.zeros(1, 6))
    y.sum().backward()
    assert torch.all(torch.isfinite(x.grad))
    assert torch.any(x.grad != 0)


def test_the_straight_gradient_is_that_of_the_smooth_network(built):
    """Against a central difference of the integers, wide enough to see past rounding."""
    model = load_model(built)
    dt, h = torch.full((1, 1), 9000.0), torch.full((1, 6), 500.0)
    x = torch.tensor([[0.0, 600.0, 0.0]], requires_grad=True)
    straight_through.step(model, x, dt, h)[1].sum().backward()
    for i in range(3):
        step = torch.zeros(1, 3)
        step[0, i] = 64
        ends = (x.detach() + step, x.detach() - step)
        high, low = (straight_through.step(model, end, dt, h)[1].sum() for end in ends)
        slope = (high - low).item() / 128
        assert slope == pytest.approx(x.grad[0, i].item(), rel=0.05, abs=0.1)


def test_a_model_survives_json(built):
    model = load_model(built)
    again = from_json(json.loads(json.dumps(to_json(model))))
    assert again.digest == model.digest
    x, h = np.full((1, 3), 77), np.full((1, 6), -99)
    dt = np.full((1, 1), 500)
    for a, b in zip(reference.step(model, x, dt, h), reference.step(again, x, dt, h), strict=True):
        np.testing.assert_array_equal(a, b)


_INT16 = st.integers(-32768, 32767)


@pytest.fixture
def loaded(built):
    return load_model(built)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(x=st.lists(_INT16, min_size=3, max_size=3), dt=_INT16, data=st.data())
def test_no_input_whatever_takes_a_state_out_of_its_proved_bounds(loaded, x, dt, data):
    model = loaded
    h = [data.draw(st.integers(c.lo, c.hi)) for c in model.states]
    y, h_next = reference.step(model, np.array([x]), np.array([[dt]]), np.array([h]))
    for value, channel in zip(h_next[0], model.states, strict=True):
        assert channel.lo <= value <= channel.hi
    for value, channel in zip(y[0], model.outputs, strict=True):
        assert channel.lo <= value <= channel.hi
