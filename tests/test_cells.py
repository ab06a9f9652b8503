"""Every cell that comes in, from torch to the board: near float, and one meaning everywhere."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import nn

from elegans.boards.host import HostModel
from elegans.exporter import reference
from elegans.exporter.accuracy import against_float
from elegans.exporter.export import Request, export
from elegans.hil_tests.session import hil
from elegans.trainer import export_onnx, straight_through
from elegans.trainer.trace import trace

ncps = pytest.importorskip("ncps.torch", reason="ncps is not installed (pip install ncps)")

_INPUTS, _NEURONS = 4, 9
_DOCUMENT = json.dumps(
    {
        "name": "net",
        "inputs": [{"name": f"x{i}", "range": [-2, 2]} for i in range(_INPUTS)],
        "outputs": [{"name": "left"}, {"name": "right"}],
        "dt": {"range": [0.01, 1]},
    }
)


class _Recurrent(nn.Module):
    """torch's own cells as a step, with an MLP for a head; an LSTM's states lie end to end."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell
        self.head = nn.Sequential(nn.Linear(_NEURONS, 6), nn.ReLU(), nn.Linear(6, 2))

    def forward(self, x, h, dt):
        if isinstance(self.cell, nn.LSTMCell):
            out, carried = self.cell(x, (h[:, :_NEURONS], h[:, _NEURONS:]))
            return self.head(out), torch.cat([out, carried], dim=1)
        out = self.cell(x, h)
        return self.head(out), out


def _wired(**more):
    import ncps.wirings

    return ncps_cfc(ncps.wirings.AutoNCP(12, 2), **more)


def ncps_cfc(units, **more):
    return ncps.CfC(_INPUTS, units, **more)


_CELLS = {
    "gru": lambda: _Recurrent(nn.GRUCell(_INPUTS, _NEURONS)),
    "lstm": lambda: _Recurrent(nn.LSTMCell(_INPUTS, _NEURONS)),
    "rnn": lambda: _Recurrent(nn.RNNCell(_INPUTS, _NEURONS)),
    "cfc_relu": lambda: ncps_cfc(7, activation="relu", backbone_units=8, proj_size=2),
    "cfc_silu": lambda: ncps_cfc(7, activation="silu", backbone_units=8, proj_size=2),
    "cfc_deep": lambda: ncps_cfc(7, backbone_units=8, backbone_layers=3, proj_size=2),
    "mixed_memory": lambda: ncps_cfc(7, mixed_memory=True, backbone_units=8, proj_size=2),
    "mixed_memory_wired": lambda: _wired(mixed_memory=True),
}


@pytest.fixture(scope="module", params=sorted(_CELLS))
def exported(request, tmp_path_factory):
    torch.manual_seed(302)
    folder, net = tmp_path_factory.mktemp(request.param), _CELLS[request.param]()
    source = folder / "net.onnx"
    if isinstance(net, _Recurrent):
        neurons = _NEURONS * (2 if request.param == "lstm" else 1)
        source.write_bytes(trace(net.eval(), _INPUTS, neurons, "net", _DOCUMENT))
    else:
        export_onnx(net, _INPUTS, source, input_ranges=(-2.0, 2.0), dt_range=(0.01, 1.0))
    return source, export(Request(source), folder / "BUILD"), folder / "BUILD"


def test_integers_stay_within_a_thousandth_of_float(exported):
    source, model, _ = exported
    rng = np.random.default_rng(1)
    ends = [(c.lo, c.hi) for c in (*model.inputs, *([model.dt] if model.dt else []))]
    noise = np.stack([rng.integers(lo, hi + 1, (1, 1000)) for lo, hi in ends], axis=-1)
    found = against_float(source, model, noise[..., :_INPUTS], noise[..., -1], None)
    assert found.steps == 1000
    assert found.worst <= 1e-3, found.neuron


def test_one_meaning_in_numpy_torch_onnxruntime_and_c(exported):
    _, model, build = exported
    v = {k: a.astype(np.int64) for k, a in np.load(build / "vectors.npz").items()}
    given = (v["x"], v["dt"][:, None], v["h"])
    session = ort.InferenceSession(str(build / "reference.onnx"))
    named = dict(zip(("x", "dt", "h"), given, strict=True))
    feed = {i.name: named[i.name].astype(np.int16) for i in session.get_inputs()}
    host = HostModel.compile(build)
    found = {
        "numpy": reference.step(model, *given),
        "torch": [
            a.numpy() for a in straight_through.step(model, *(torch.from_numpy(a) for a in given))
        ],
        "onnxruntime": session.run(["y", "h_next"], feed),
        "C": host.steps(*(v[k].astype(np.int16) for k in ("x", "dt", "h"))),
    }
    for where, (y, h) in found.items():
        np.testing.assert_array_equal(y, v["y"], where)
        np.testing.assert_array_equal(h, v["h_next"], where)


def test_the_board_repeats_the_reference_bit_for_bit(exported):
    verdict = hil(exported[2], "mps2-an386")
    assert verdict.mismatches == 0, verdict.first_difference
    assert verdict.vectors >= 5512


def test_the_sanitizer_finds_no_undefined_behaviour(exported):
    v = np.load(exported[2] / "vectors.npz")
    y, h = HostModel.compile(exported[2], sanitise=True).steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])
