"""ncps networks are read from export_onnx and from both of torch's own exporters."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import pytest
import torch

from elegans.benchmarks.accuracy import against_float
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.lower import lower
from elegans.trainer import export_onnx

ncps = pytest.importorskip("ncps.torch", reason="ncps is not installed (pip install ncps)")

_INPUTS = 8


class _NcpsStep(torch.nn.Module):
    """One step of an ncps network, as a user would write it."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x, h, dt):
        y, h_next = self.net.rnn_cell(x, h, dt)
        return (self.net.fc(y) if hasattr(self.net, "fc") else y), h_next


def _network(kind):
    """A network of ncps and the number of its states."""
    torch.manual_seed(302)
    if kind == "wired":
        return ncps.CfC(_INPUTS, ncps_wiring().AutoNCP(19, 1)), 19
    if kind == "backbone":
        return ncps.CfC(_INPUTS, 12, backbone_units=16, backbone_layers=2), 12
    if kind in ("ltc", "softplus"):
        softplus = kind == "softplus"
        wiring = ncps_wiring().AutoNCP(12, 2)
        return ncps.LTC(_INPUTS, wiring, implicit_param_constraints=softplus), 12
    if kind in ("pure", "gelu"):
        more = {"mode": "pure"} if kind == "pure" else {"activation": "gelu"}
        return ncps.CfC(_INPUTS, 9, backbone_units=8, proj_size=2, **more), 9
    return ncps.CfC(_INPUTS, 9, mode="no_gate", backbone_layers=0, proj_size=2), 9


def ncps_wiring():
    import ncps.wirings

    return ncps.wirings


def _integers(source):
    """The model of a file, without the vectors and the runs of an export."""
    graph = open_graph(source)
    interface = with_ranges(read_interface(graph, "net"), [(-2.0, 2.0)], (0.01, 1.0), None)
    return lower(read_network(graph, interface))


def _by_legacy_exporter(net, neurons, path):
    return _torch_onnx(_NcpsStep(net), neurons, path, dynamo=False)


def _torch_onnx(step, neurons, path, dynamo, opset=None):
    example = (torch.zeros(1, _INPUTS), torch.zeros(1, neurons), torch.ones(1, 1))
    options = {"external_data": False} if dynamo else {"opset_version": 17}
    options |= {"opset_version": opset} if opset else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step.eval(),
            example,
            str(path),
            input_names=["x", "h", "dt"],
            output_names=["y", "h_next"],
            dynamo=dynamo,
            **options,
        )
    return path


@pytest.mark.parametrize(
    "kind", ["wired", "backbone", "no_gate", "pure", "gelu", "ltc", "softplus"]
)
def test_ncps_networks_are_read_from_both_exporters(tmp_path, kind):
    net, neurons = _network(kind)
    sources = [
        export_onnx(net, _INPUTS, tmp_path / "one_line.onnx"),
        _by_legacy_exporter(net, neurons, tmp_path / "legacy.onnx"),
    ]
    models = [_integers(source) for source in sources]
    for ours, theirs in zip(models[0].steps, models[1].steps, strict=True):
        assert ours.op.kernel == theirs.op.kernel
        for a, b in zip(ours.op.tables(), theirs.op.tables(), strict=True):
            if kind in (
                "ltc",
                "softplus",
            ):  # the exporters fold C * unfolds in float32 in different orders
                np.testing.assert_allclose(a.values, b.values, rtol=3e-7, atol=1.01)
            else:
                np.testing.assert_array_equal(a.values, b.values)

    rng = np.random.default_rng(0)
    x = rng.integers(
        [c.lo for c in models[0].inputs], [c.hi for c in models[0].inputs], (1, 500, 8)
    )
    dt = rng.integers(models[0].dt.lo, models[0].dt.hi, (1, 500))
    found = against_float(sources[0], models[0], x, dt, None)
    assert found.worst <= 2e-3, "of the range used, by a network that was never trained"


@pytest.mark.half
@pytest.mark.parametrize("kind", ["wired", "ltc", "gelu"])
@pytest.mark.parametrize(("opset", "dynamo"), [(17, False), (18, True), (20, True), (23, True)])
def test_opsets_from_17_to_23_are_read(tmp_path, kind, opset, dynamo):
    net, neurons = _network(kind)
    path = _torch_onnx(_NcpsStep(net), neurons, tmp_path / "net.onnx", dynamo, opset)
    assert max(o.version for o in onnx.load(path).opset_import if not o.domain) == opset
    assert len(_integers(path).states) == neurons


class _SequenceOfOne(torch.nn.Module):
    """One step written without `rnn_cell`: a call of the network on a sequence of length 1."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, h, dt):
        y, h_next = self.net(x[:, None, :], h, timespans=dt)
        return y[:, 0, :], h_next


@pytest.mark.parametrize("dynamo", [True, False])
def test_a_sequence_of_one_step_is_a_step(tmp_path, dynamo):
    net, neurons = _network("wired")
    step = _integers(export_onnx(net, _INPUTS, tmp_path / "net.onnx"))
    source = tmp_path / "sequence.onnx"
    _torch_onnx(_SequenceOfOne(net), neurons, source, dynamo)
    for ours, theirs in zip(step.steps, _integers(source).steps, strict=True):
        for a, b in zip(ours.op.tables(), theirs.op.tables(), strict=True):
            np.testing.assert_array_equal(a.values, b.values)


def test_ranges_and_layers_travel_with_the_file(tmp_path):
    net, _ = _network("wired")
    source = export_onnx(net, 8, tmp_path / "worm.onnx", input_ranges=(-1.0, 1.0), dt_range=(0, 2))
    model = export(Request(source), tmp_path / "BUILD")
    assert model.name == "worm"
    assert [c.name for c in model.states][::9] == ["inter[0]", "inter[9]", "motor[0]"]


@pytest.mark.parametrize("wiring", ["FullyConnected", "Random"])
def test_wirings_of_one_layer_give_all_their_neurons(tmp_path, wiring):
    torch.manual_seed(1)
    more = {"sparsity_level": 0.5} if wiring == "Random" else {}
    net = ncps.CfC(3, getattr(ncps_wiring(), wiring)(6, 2, **more))
    source = export_onnx(net, 3, tmp_path / "net.onnx", input_ranges=(-1, 1), dt_range=(0, 1))
    model = _integers(source)
    assert len(model.states) == len(model.outputs) == 6


def test_a_module_without_a_step_is_refused(tmp_path):
    with pytest.raises(ElegansError, match="keeps no state"):
        export_onnx(torch.nn.Linear(3, 4), 3, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_an_ltc_whose_weights_went_negative_is_refused(tmp_path):
    net = ncps.LTC(3, ncps_wiring().AutoNCP(8, 2), implicit_param_constraints=False)
    with torch.no_grad():
        net.rnn_cell.w[:] = -0.25
    with pytest.raises(ElegansError, match=r"weight rnn_cell\.w: reaches -0\.25"):
        export_onnx(net, 3, tmp_path / "m.onnx")
    net.rnn_cell.apply_weight_constraints()
    assert export_onnx(net, 3, tmp_path / "m.onnx").exists()


def test_weights_that_are_not_finite_are_refused(tmp_path):
    net, _ = _network("wired")
    with torch.no_grad():
        next(net.parameters())[0] = float("nan")
    with pytest.raises(ElegansError, match="NaN"):
        export_onnx(net, 8, tmp_path / "m.onnx")
