"""Networks on a GPU give what they give on the CPU, and are exported from there."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
if not torch.cuda.is_available():
    pytest.skip("no CUDA device is here", allow_module_level=True)

from elegans.tests.trainer.chip_aware.nets import NETS, batch, made, write
from elegans.trainer import CTRNN, GRU, LSTM, LTC, AutoNCP, CfC, export_onnx, truncated
from elegans.trainer.chip_aware.on_device import OnDevice

_INPUTS = 5
LAYERS = {
    "cfc": lambda: CfC(_INPUTS, AutoNCP(12, 3)),
    "no gate": lambda: CfC(_INPUTS, AutoNCP(12, 3), mode="no_gate"),
    "pure": lambda: CfC(_INPUTS, AutoNCP(12, 3), mode="pure"),
    "dense": lambda: CfC(_INPUTS, 6, proj_size=2, backbone_units=8, mixed_memory=True),
    "ltc": lambda: LTC(_INPUTS, AutoNCP(12, 3)),
    "ltc, mixed": lambda: LTC(_INPUTS, AutoNCP(12, 3), mixed_memory=True),
    "ctrnn": lambda: CTRNN(_INPUTS, 6),
    "gru": lambda: GRU(_INPUTS, 6),
    "lstm": lambda: LSTM(_INPUTS, 6),
}


def both(name: str) -> tuple[Any, Any]:
    torch.manual_seed(5)
    here = LAYERS[name]()
    return here, copy.deepcopy(here).cuda()


@pytest.fixture(autouse=True)
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.mark.parametrize("lengths", [None, [7, 3, 1, 5]], ids=["equal", "of different lengths"])
@pytest.mark.parametrize("name", LAYERS)
def test_sequences_and_gradients_are_those_of_the_cpu(name: str, lengths: Any) -> None:
    here, there = both(name)
    x, dt = torch.randn(4, 7, _INPUTS), torch.rand(4, 7) * 2
    more = {} if lengths is None else {"lengths": torch.tensor(lengths)}
    y, _ = here(x, timespans=dt, **more)
    found, _ = there(x.cuda(), timespans=dt.cuda(), **more)
    torch.testing.assert_close(found.cpu(), y, rtol=1e-4, atol=1e-5)
    y.square().sum().backward()
    found.square().sum().backward()
    for ours, theirs in zip(there.parameters(), here.parameters(), strict=True):
        if theirs.grad is not None:
            torch.testing.assert_close(ours.grad.cpu(), theirs.grad, rtol=1e-3, atol=1e-4)


def test_truncated_sequences_are_those_of_the_cpu() -> None:
    here, there = both("cfc")
    x, dt = torch.randn(4, 7, _INPUTS), torch.rand(4, 7) * 2
    wanted = torch.cat([y for _, y, _ in truncated(here, x, 3, timespans=dt)], 1)
    found = torch.cat([y for _, y, _ in truncated(there, x.cuda(), 3, timespans=dt.cuda())], 1)
    torch.testing.assert_close(found.cpu(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_a_network_is_exported_from_there_as_from_here(name: str, tmp_path: Path) -> None:
    files = []
    for net, folder in zip(both(name), ("here", "there"), strict=True):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "net.onnx"
        export_onnx(net, _INPUTS, path, input_ranges=(-2.0, 2.0), dt_range=(0.01, 1.0))
        files.append(path.read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize("name", NETS)
def test_chip_aware_training_has_the_bits_of_the_cpu_and_its_gradients(name: str) -> None:
    here, there = made(name), made(name).cuda()
    x, dt = batch()
    wanted = OnDevice(here, write, "int8").run(x, dt)
    device = OnDevice(there, write, "int8")
    found = device.run(x.cuda(), dt.cuda())
    torch.testing.assert_close(found.y.cpu(), wanted.y, rtol=0, atol=0)
    torch.testing.assert_close(found.h.cpu(), wanted.h, rtol=0, atol=0)
    wanted.y.square().sum().backward()
    (found.y.square().sum() + 0.0 * device.amplification(x.cuda(), dt.cuda())).backward()
    for ours, theirs in zip(there.parameters(), here.parameters(), strict=True):
        if theirs.grad is not None:
            torch.testing.assert_close(ours.grad.cpu(), theirs.grad, rtol=1e-3, atol=1e-4)
