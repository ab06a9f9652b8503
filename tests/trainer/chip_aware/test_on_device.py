"""A network that trains on its own integers: they are the export's, and gradients are float's."""

from __future__ import annotations

from pathlib import Path

import ncps.torch
import ncps.wirings
import numpy as np
import pytest
import torch

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.interface import Signal
from elegans.exporter.oracles import reference
from elegans.tests.trainer.chip_aware.nets import INPUTS, batch, made, moved, write
from elegans.trainer.chip_aware.on_device import OnDevice, float_step
from elegans.trainer.networks.scaled_circuit import ScaledCircuit, Scales
from elegans.trainer.onnx_out.export_circuit import export_circuit
from elegans.trainer.onnx_out.signals import trained_interface
from elegans.trainer.wiring.ncp import AutoNCP

CASES = [
    ("CfC, dense", "int8"),
    ("LTC", "int16"),
    ("GRU", "int8"),
    ("LSTM", "int16"),
]


@pytest.mark.parametrize(("name", "weights"), CASES)
def test_in_training_the_model_is_that_of_the_file_that_is_exported_then(
    name: str, weights: str
) -> None:
    network = made(name)
    device = OnDevice(network, write, weights)
    first = device.model.digest
    moved(network)  # the template has other weights now
    assert device.model.digest != first
    assert device.relowering.exported().digest == device.model.digest


def test_a_run_in_training_has_the_bits_of_the_build_that_is_exported_then(tmp_path: Path) -> None:
    network = made("CfC, wired")
    device = OnDevice(network, write, "int8")
    moved(network)
    x, dt = batch()
    run = device.run(x, dt)
    source = tmp_path / "network.onnx"
    write(network, source)
    model = export(Request(source, weight_bits=8, accept_error=1.0), tmp_path / "build")
    assert device.model.digest == model.digest
    given = to_integers(x.double().numpy(), model.inputs).swapaxes(0, 1)
    assert model.dt is not None
    times = model.dt.to_integers(dt.double().numpy()).swapaxes(0, 1)
    found = reference.run(model, given, times)
    for values, integers, channels in (
        (run.y, found.y, model.outputs),
        (run.h, found.h_next, model.states),
    ):
        wanted = to_real(integers, channels).swapaxes(0, 1)
        np.testing.assert_array_equal(values.detach().numpy(), wanted.astype(np.float32))


def test_a_circuit_with_physical_units_is_followed_through_its_folded_weights() -> None:
    torch.manual_seed(1)
    signals = [Signal(name, "1", (-3.0, 5.0)) for name in ("a", "b")]
    interface = trained_interface("c", signals, Signal("dt", "s", (0.1, 0.3)), [Signal("y", "1")])
    circuit = ScaledCircuit(AutoNCP(8, 1), Scales((1.0, 2.0), (2.0, 0.5), 0.2, (0.3,)))

    def write_circuit(network: ScaledCircuit, path: Path) -> None:
        export_circuit(network, interface, path)

    device = OnDevice(circuit, write_circuit, "int8")
    moved(circuit)
    before = device.model
    device.relowering.exported()  # raises if the file has other bits
    x, dt = torch.rand(2, 5, 2) * 8 - 3, torch.full((2, 5), 0.2)
    device(x, dt)[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in circuit.parameters())
    moved(circuit)
    assert device.model.digest != before.digest


def test_its_gradients_are_those_of_the_float_steps_at_the_states_of_the_device() -> None:
    network = made("GRU")
    device = OnDevice(network, write, "int8")
    x, dt = batch(3, 4)
    run = device.run(x, dt)
    weight = torch.linspace(-1, 1, run.y.numel()).view_as(run.y)
    found = torch.autograd.grad((run.y * weight).sum(), list(network.parameters()))
    # The same, with the difference between device and float as a constant after each step.
    step, h = float_step(network), torch.zeros(3, run.h.shape[2])
    total = torch.zeros(())
    for k in range(4):
        integers = to_integers(x[:, k].double().numpy(), device.model.inputs)
        given = torch.from_numpy(to_real(integers, device.model.inputs)).float()
        y, h = step(given, h, dt[:, k, None])
        h = h + (run.h[:, k] - h).detach()
        total = total + (y * weight[:, k]).sum()
    wanted = torch.autograd.grad(total, list(network.parameters()))
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["CfC, wired", "LTC", "GRU"])
def test_a_network_in_float64_has_the_bits_of_float32_and_gradients(name: str) -> None:
    """The export has a copy in float32: the gradients are to reach the network itself."""
    network = made(name).double()
    x, dt = (given.double() for given in batch())
    run = OnDevice(network, write, "int8").run(x, dt)
    run.y.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)
    single = OnDevice(made(name), write, "int8").run(*batch())
    assert run.y.dtype == torch.float64
    torch.testing.assert_close(run.y.float(), single.y, rtol=0, atol=0)


def test_a_network_whose_state_feeds_itself_strongly_amplifies_more() -> None:
    network = made("CfC, dense")
    device = OnDevice(network, write, "int8")
    x, dt = batch()
    with torch.no_grad():
        found = []
        for factor in (0.0, 1.0, 4.0):
            cell = network.rnn_cell
            for linear in (cell.ff1, cell.ff2, cell.time_a, cell.time_b):
                linear.weight[:, INPUTS:] = 0.5 * factor * torch.eye(6)
            found.append(float(device.amplification(x, dt)))
    assert found[0] == 0.0
    assert found[0] < found[1] < found[2]


def test_wrong_shapes_and_unknown_weights_are_told() -> None:
    network = made("CfC, dense")
    with pytest.raises(ElegansError, match="no weights 'int4'"):
        OnDevice(network, write, "int4")
    device = OnDevice(network, write, "int8")
    with pytest.raises(ElegansError, match="give x"):
        device(torch.zeros(2, 3, INPUTS + 1), torch.zeros(2, 3))


def test_an_ltc_of_ncps_whose_parameters_torch_does_not_name_is_refused() -> None:
    network = ncps.torch.LTC(INPUTS, ncps.wirings.AutoNCP(7, 2))
    with pytest.raises(ElegansError, match="load its weights into elegans' LTC"):
        OnDevice(network, write, "int8")
