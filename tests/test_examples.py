"""The examples of the documentation, run as they are printed."""

from __future__ import annotations

import importlib.util

import numpy as np
import onnxruntime as ort
import pytest
import torch

from elegans.exporter.export import Request, export
from elegans.hil_tests.session.session import hil
from elegans.tests.places import CHECKOUT
from elegans.trainer.tasks import train
from elegans.trainer.tasks.motions.recordings import decide

_EXAMPLES = CHECKOUT / "examples"


def _example(name):
    """The module examples/NAME.py."""
    spec = importlib.util.spec_from_file_location(name, _EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    """The folder of a trained and exported task, and the metrics of its training."""
    pytest.importorskip(
        "aeon", reason="the recordings come with aeon (pip install 'elegans[data]')"
    )
    folder = tmp_path_factory.mktemp("motions")
    metrics = train("motions", folder)
    request = Request(folder / "model.onnx", recording=folder / "recording.npz")
    export(request, folder / "export")
    return folder, metrics


def _float_decisions(folder):
    """The decisions [N] of the ONNX file, run by onnxruntime in float32."""
    session = ort.InferenceSession(str(folder / "model.onnx"))
    recording = np.load(folder / "recording.npz")
    h = np.zeros((1, session.get_inputs()[1].shape[1]), np.float32)
    scores = []
    for x, dt in zip(recording["x"], recording["dt"], strict=True):
        state, rows = h, []
        for t in range(len(x)):
            feed = {"x": x[t : t + 1], "h": state, "dt": dt[t : t + 1, None]}
            y, state = session.run(["y", "h_next"], feed)
            rows.append(y[0])
        scores.append(rows)
    return decide(np.array(scores))


def test_the_float_network_recognises_the_activities(motions):
    assert motions[1]["test_accuracy"] >= 0.95


def test_the_board_decides_as_float_does(motions):
    decided, true = _example("motions_on_board").decisions(motions[0])
    np.testing.assert_array_equal(decided, _float_decisions(motions[0]))
    assert np.mean(decided == true) >= 0.95


def test_the_board_repeats_the_recorded_series_bit_for_bit(motions):
    verdict = hil(motions[0] / "export", "mps2-an386")
    assert verdict.vectors >= 40 * 100
    assert verdict.mismatches == 0, verdict.first_difference


def test_a_network_trained_in_ncps_has_the_same_bits_on_the_board(tmp_path):
    pytest.importorskip("ncps", reason="ncps is not installed (pip install ncps)")
    error, verdict = _example("from_ncps").main(tmp_path)
    assert error < 0.05
    assert verdict.mismatches == 0, verdict.first_difference
    assert verdict.vectors >= 5512


def test_the_network_of_the_camera_example_sees_a_road_where_it_is():
    example, rng = _example("from_camera"), np.random.default_rng(0)
    road = torch.tensor([[0.0, 0.0, 0.0], [1.5, 0.0, 0.0]])
    seen = example.pictures(road, (24, 48), rng)
    assert seen.shape == (2, 1, 24, 48)
    assert 0.0 <= float(seen.min()) < float(seen.max()) <= 1.0
    dark = (seen[:, 0, 12] < seen[:, 0, 12].mean(dim=1, keepdim=True)).float()
    middle = (dark * torch.arange(48.0)).sum(1) / dark.sum(1)
    assert middle[1] < middle[0] - 2  # the car is to the right, so the road is to the left
    steering, states = example.small_network()(seen, torch.zeros(2, 19), torch.full((2, 1), 0.05))
    assert (steering.shape, states.shape) == ((2, 1), (2, 19))
