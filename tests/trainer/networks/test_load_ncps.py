"""State dicts of ncps from files: the layer that they describe computes what ncps computes."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.trainer import export_onnx, load_ncps

ncps = pytest.importorskip("ncps.torch", reason="ncps is not installed (pip install ncps)")
wirings = pytest.importorskip("ncps.wirings")

_INPUTS = 3
_OWN = wirings.NCP(4, 3, 2, 2, 2, 3, 2)
_NETWORKS = {
    "dense": (lambda: ncps.CfC(_INPUTS, 5), {}),
    "no backbone": (lambda: ncps.CfC(_INPUTS, 5, backbone_layers=0), {}),
    "deep backbone": (
        lambda: ncps.CfC(_INPUTS, 5, backbone_layers=2, backbone_units=7, activation="relu"),
        {"activation": "relu"},
    ),
    "backbone with dropout": (
        lambda: ncps.CfC(_INPUTS, 5, backbone_layers=2, backbone_units=7, backbone_dropout=0.3),
        {},
    ),
    "pure": (lambda: ncps.CfC(_INPUTS, 5, mode="pure"), {}),
    "no gate": (lambda: ncps.CfC(_INPUTS, 5, mode="no_gate"), {"mode": "no_gate"}),
    "mixed and projected": (lambda: ncps.CfC(_INPUTS, 5, proj_size=2, mixed_memory=True), {}),
    "wired": (lambda: ncps.CfC(_INPUTS, _OWN), {}),
    "wired, pure": (lambda: ncps.CfC(_INPUTS, wirings.AutoNCP(12, 2), mode="pure"), {}),
    "LTC": (lambda: ncps.LTC(_INPUTS, wirings.AutoNCP(12, 2)), {}),
    "LTC, all to all": (lambda: ncps.LTC(_INPUTS, 5, ode_unfolds=3), {"ode_unfolds": 3}),
    "LTC, mixed": (lambda: ncps.LTC(_INPUTS, wirings.AutoNCP(9, 2), mixed_memory=True), {}),
    "LTC, explicit": (
        lambda: ncps.LTC(_INPUTS, wirings.FullyConnected(6, 2), implicit_param_constraints=False),
        {"implicit_param_constraints": False},
    ),
}


def _made(what):
    torch.manual_seed(3)
    make, options = _NETWORKS[what]
    return make().eval(), options


@pytest.mark.parametrize("what", _NETWORKS)
def test_the_layer_that_the_weights_describe_computes_what_ncps_does(tmp_path, what):
    theirs, options = _made(what)
    path = tmp_path / "weights.pt"
    torch.save(theirs.state_dict(), path)
    ours = load_ncps(path, **options)
    x = torch.randn(2, 6, _INPUTS)
    with torch.no_grad():
        assert torch.allclose(ours(x)[0], theirs(x)[0], atol=2e-6)


@pytest.mark.parametrize(
    "form", ["safetensors", "old", "checkpoint", "wrapped", "compiled", "parameters"]
)
def test_files_and_names_that_people_have(tmp_path, form):
    theirs, _ = _made("wired")
    weights, path = theirs.state_dict(), tmp_path / "net.bin"
    if form == "safetensors":
        save_file({name: value.contiguous() for name, value in weights.items()}, path)
    elif form == "parameters":  # as a loop over named_parameters() saves them
        torch.save({name: nn.Parameter(value) for name, value in weights.items()}, path)
    elif form == "checkpoint":
        torch.save({"epoch": 3, "state_dict": weights, "optimizer": {}}, path)
    else:
        before = {"wrapped": "module.net.", "compiled": "_orig_mod."}.get(form, "")
        named = {before + name: value for name, value in weights.items()}
        torch.save(named, path, _use_new_zipfile_serialization=form != "old")
    ours = load_ncps(path)
    x = torch.randn(1, 4, _INPUTS)
    with torch.no_grad():
        assert torch.allclose(ours(x)[0], theirs(x)[0], atol=2e-6)


def test_a_module_around_ncps_gets_its_weights_and_is_exported(tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.core, self.head = ncps.CfC(_INPUTS, 4, backbone_layers=0), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.core(x)[0])

    torch.manual_seed(5)
    theirs, path = Net(), tmp_path / "net.pth"
    torch.save(theirs.state_dict(), path)
    with pytest.raises(
        ElegansError, match=r"1 networks of ncps and 'head.weight'.*load_ncps\(path, net"
    ):
        load_ncps(path)
    ours = load_ncps(path, Net())
    export_onnx(ours, _INPUTS, tmp_path / "net.onnx", input_ranges=(-1.0, 1.0))
    assert len(export(Request(tmp_path / "net.onnx"), tmp_path / "BUILD").states) == 4


class _Planted:
    """What a hostile pickle runs when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_nothing_but_tensors_is_unpickled(tmp_path):
    path, sign = tmp_path / "net.pt", tmp_path / "ran"
    torch.save({"state_dict": _Planted(sign)}, path)
    with pytest.raises(ElegansError, match=r"holds more than tensors.*unpickles none"):
        load_ncps(path)
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(ElegansError, match="holds more than tensors"):
        load_ncps(path)
    assert not sign.exists()


def test_files_and_weights_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "net.pt"
    for content, match in (
        (b"<html>", "is a web page"),
        (b"\x00\x01\x02\x03", "is no state dict"),
        (b"PK\x03\x04 data.pkl", "holds more than tensors, or is damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(ElegansError, match=match):
            load_ncps(path)
    for state, match in (
        ([1, 2], "holds no state dict"),
        ({"epoch": 7}, "'epoch' is no tensor"),
        ({"a.weight": torch.zeros(1)}, "0 networks of ncps and 'a.weight'"),
        ({"rnn_cell.w": torch.zeros(1)}, "is not as ncps writes it"),
        ({"rnn_cell.w": torch.zeros(1).expand(1 << 20, 1 << 20)}, "more than .* numbers"),
    ):
        torch.save(state, path)
        with pytest.raises(ElegansError, match=match):
            load_ncps(path)
    torch.save(ncps.CfC(_INPUTS, 5).state_dict(), path)
    with pytest.raises(ElegansError, match=r"does not fit the module \(size mismatch for rnn_cell"):
        load_ncps(path, ncps.CfC(_INPUTS, 6))
