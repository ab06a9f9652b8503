"""The free-running error against float: measured, told, and refused where it is too large."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import onnx.parser
import pytest

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir.fixed_model import Channel
from elegans.exporter.lowering.lower import lower
from elegans.exporter.numbers.fixed import dequantise
from elegans.exporter.oracles.free_run import (
    FreeRunError,
    described,
    float_run,
    free_run_error,
    relative_errors,
    remedy,
    used_ranges,
)
from elegans.exporter.oracles.reference import Trajectory, run
from elegans.exporter.quantised import quantised


def _runs(model, steps=300, runs=3):
    rng = np.random.default_rng(5)
    ends = [c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs]
    x = rng.integers(*ends, (steps, runs, 3))
    dt = rng.integers(model.dt.lo, model.dt.hi + 1, (steps, runs))
    return x, dt, run(model, x, dt)


def test_the_error_of_a_network_is_small_and_names_a_state_or_an_output(worm):
    network = read_file(worm)
    model = lower(network)
    error = free_run_error("random", model, network, _runs(model))
    assert 0 < error.rms < error.worst < 1e-2
    assert error.steps == 900
    assert error.name in {c.name for c in (*model.states, *model.outputs)}
    assert 0.99 < error.decisions <= 1.0


def test_an_index_that_differs_in_few_steps_has_their_share_as_its_error(tmp_path):
    """Two classes of 0 and 2 are no further apart than those of 0 and 1."""
    text = '<ir_version: 8, opset_import: ["" : 18]> policy (float[1,3] x, float[1,3] h) =>'
    text += " (int64[1,1] y, float[1,3] h_next) <float half = {0.5}> { a = Mul(h, half)"
    text += "  b = Mul(x, half)  c = Add(a, b)  h_next = Tanh(c)  y = ArgMax<axis = 1>(h_next) }"
    path = tmp_path / "policy.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    network = read_file(path)
    ranges = [replace(s, range=(-1.0, 1.0)) for s in network.interface.inputs]
    network = replace(network, interface=replace(network.interface, inputs=tuple(ranges)))
    model = lower(network)
    x = np.random.default_rng(5).integers(-(1 << 14), 1 << 14, (500, 2, 3))
    dt = np.zeros((500, 2), np.int64)
    found, truth = run(model, x, dt), float_run(model, network, x, dt)
    y = truth[0].astype(np.int64)
    y[7, 0, 0] = 2 - y[7, 0, 0] if y[7, 0, 0] != 1 else 0
    given = truth, Trajectory(y << model.outputs[0].frac, found.h, found.h_next)
    assert relative_errors(model, network, *given)[..., -1].max() == 1 / 1000


@pytest.mark.parametrize("shift", [-40, 25])
def test_an_error_that_is_put_in_is_found_at_its_state_and_in_its_size(worm, shift):
    network = read_file(worm)
    model = lower(network)
    x, dt, found = _runs(model)
    wrong = found.h_next.copy()
    at = np.unravel_index(np.abs(wrong[..., 3]).argmin(), wrong.shape[:2])
    wrong[(*at, 3)] += shift << 8
    error = free_run_error("random", model, network, (x, dt, Trajectory(found.y, found.h, wrong)))
    assert error.name == model.states[3].name
    state = dequantise(found.h_next[..., 3], model.states[3].frac)
    used = max(state.max(), 0) - min(state.min(), 0)
    assert error.worst == pytest.approx(abs(shift) * 2.0**-7 / used, rel=0.02)


def test_a_state_that_hardly_moves_is_measured_against_a_part_of_its_proved_range(worm):
    """Otherwise the error of a state at rest would be a division by zero."""
    network = read_file(worm)
    model = lower(network)
    x, dt, _ = _runs(model, steps=1)
    still = run(model, 0 * x, dt)
    error = free_run_error("random", model, network, (0 * x, dt, still))
    assert np.isfinite(error.worst)


def test_an_output_that_is_constant_has_an_error_and_no_division_by_zero(worm):
    network = read_file(worm)
    model = lower(network)
    zero = replace(model.outputs[0], lo=0, hi=0)
    flat = replace(model, outputs=(zero, model.outputs[1]))
    still = replace(network, y=network.y.scaled(np.array([0.0, 1.0])))
    x, dt, found = _runs(model)
    y = found.y * [0, 1]
    error = free_run_error("random", flat, still, (x, dt, Trajectory(y, found.h, found.h_next)))
    assert np.isfinite(error.worst)
    assert error.worst < 1e-2


def test_export_states_the_error_in_the_report_and_in_model_json(built):
    error, *_ = read_build_folder(built).errors
    assert (error.source, error.steps) == ("random", 15_000)
    text = (built / "report.txt").read_text()
    assert f"{error.worst:.1e}" in text
    assert "decisions equal" in text


def test_an_error_beyond_what_is_accepted_refuses_the_export(worm, tmp_path):
    with pytest.raises(ElegansError, match=r"away from the float network.*take --weights int16"):
        export(Request(worm, weight_bits=8), tmp_path / "BUILD")
    assert not (tmp_path / "BUILD").exists()
    export(Request(worm, weight_bits=8, accept_error=1.0), tmp_path / "BUILD")
    assert read_build_folder(tmp_path / "BUILD").errors[0].worst > 5e-2


def test_the_recording_is_told_first(worm, tmp_path):
    rng = np.random.default_rng(2)
    x = rng.uniform([-1.0, 0.0, -0.3], [1.0, 40.0, 0.1], (2, 70, 3))
    np.savez(tmp_path / "r.npz", x=x, dt=np.full((2, 70), 0.1))
    export(Request(worm, recording=tmp_path / "r.npz"), tmp_path / "BUILD")
    errors = read_build_folder(tmp_path / "BUILD").errors
    steps = {error.source: error.steps for error in errors}
    assert (steps["random"], steps["recording"]) == (15_000, 140)
    line = described(errors)
    assert line.index("recording, 140 steps") < line.index("random, 15,000 steps")


@pytest.mark.parametrize(
    "wrong",
    [7, [7], [{"source": "random"}], [{"source": "r", "name": "h", "steps": 1, "worst": "x"}]],
    ids=["number", "no_object", "missing", "type"],
)
def test_damaged_errors_in_model_json_are_reported(built, wrong):
    path = built / "model.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"errors": wrong}))
    with pytest.raises(ElegansError, match=r"model\.json: is damaged: errors"):
        read_build_folder(built)


def test_where_the_error_is_not_small_rare_ones_are_sought_while_inputs_hold(worm, monkeypatch):
    network = read_file(worm)
    found = quantised(network, 16, None, lambda _: None)
    assert found.worst.worst > 4e-4 or "held" not in found.runs
    monkeypatch.setattr("elegans.exporter.quantised._RARE", 0.0)
    found = quantised(network, 16, None, lambda _: None)
    x, dt, _ = found.runs["held"]
    dt_range = found.model.dt
    assert [error.source for error in found.errors] == ["random", "held", "long"]
    assert np.all(x == x[:1])
    assert np.all(dt == dt[:1])
    assert set(dt[0]) == {dt_range.lo, (dt_range.lo + dt_range.hi) // 2, dt_range.hi}
    assert len(np.unique(x[0], axis=0)) == x.shape[1]
    x, dt, _ = found.runs["long"]
    assert len(x) == 1000
    changes = np.any(x[1:] != x[:-1], axis=-1).sum(axis=0)
    assert changes[::2].min() > 900
    assert changes[1::2].max() < 20
    assert dt.std(axis=0).min() > 0


@pytest.mark.parametrize(("worst", "told"), [(6e-4, False), (8e-4, True), (2e-3, False)])
def test_an_error_that_may_pass_1e_3_in_a_long_run_is_told(worm, worst, told):
    """Above 1e-3 there is a warning."""
    found = quantised(read_file(worm), 16, None, lambda _: None)
    found.__dict__["errors"] = [FreeRunError("random", 10, worst, 1e-5, "inter[3]", None)]
    assert any("may pass 0.001" in note for note in found.notes) is told


def test_a_remedy_names_elapsed_time_only_where_a_network_has_it(worm):
    network = read_file(worm)
    assert "--dt-range" in remedy(16, network)
    fixed = replace(network, interface=replace(network.interface, dt_fixed=0.1))
    assert "--dt-range" not in remedy(16, fixed)
    assert "sample no faster" in remedy(16, fixed)
    still = replace(network, atoms={})
    assert remedy(16, still) == "declare no wider --input-range than occur"


def test_one_output_has_no_decisions():
    error = FreeRunError("random", 10, 2.2e-4, 1e-5, "inter[3]", None)
    assert described([error]) == (
        "worst error against float, free-running: "
        "2.2e-04 of the range that inter[3] uses (random, 10 steps)"
    )


def test_an_output_whose_format_has_no_digits_for_what_occurs_is_an_error():
    """A proof may reach a million times as far: half a unit of its format is no measure."""
    channels = (
        Channel("far", "", -15, -30_000, 30_000),
        Channel("near", "", 15, -32_768, 32_767),
        Channel("still", "", 15, -32_768, 32_767),
    )
    truth = np.zeros((4, 1, 3))
    truth[:, 0, 0], truth[:, 0, 1] = [0.5, -0.5, 0.2, 0.1], [0.9, 0.1, 0.0, 0.3]
    np.testing.assert_allclose(used_ranges(truth, channels), [1.0, 0.9, 2.0**-8], rtol=1e-9)
