"""Fine-tuning lowers the loss on the device's integers, and keeps to limits."""

from __future__ import annotations

import copy

import pytest
import torch

from elegans.exporter.errors import ElegansError
from elegans.tests.trainer.chip_aware.nets import batch, made, write
from elegans.trainer.chip_aware.fine_tune import FineTuned, Ledger, fine_tune
from elegans.trainer.chip_aware.limits import Limits, cost_of
from elegans.trainer.chip_aware.on_device import OnDevice
from elegans.trainer.chip_aware.pruning import Synapses
from elegans.trainer.chip_aware.relowering import lowered_file


def _loss(device: OnDevice) -> torch.Tensor:
    """The first output follows the mean of the inputs."""
    x, dt = batch()
    y, _ = device(x, dt)
    return (y[..., 0] - 0.3 * x.clamp(-2, 2).mean(-1)).square().mean()


def test_the_loss_on_the_device_falls_and_the_model_is_that_of_the_file() -> None:
    network = made("CfC, dense")
    with torch.no_grad():
        before = float(_loss(OnDevice(network, write, "int8")))
    found = fine_tune(
        network, write, _loss, weights="int8", epochs=2, batches=8, rate=2e-2, calm=1e-3
    )
    assert found.network is network
    assert found.synapses is None
    with torch.no_grad():
        after = OnDevice(network, write, "int8")
        assert float(_loss(after)) < 0.7 * before
    assert after.model.digest == found.model.digest


def test_an_ltc_loses_synapses_until_a_step_takes_so_few_instructions() -> None:
    network = made("LTC")
    smaller = copy.deepcopy(network)
    synapses = Synapses(smaller)
    had = synapses.count
    synapses.prune((had + synapses.fewest() + 1) // 2)
    pruned = cost_of(lowered_file(smaller, write, "int16"), "m4")
    limits = Limits(instructions=pruned.instructions + 20)
    found = fine_tune(
        network, write, _loss, weights="int16", epochs=1, batches=4, rate=1e-2, limits=limits
    )
    assert found.synapses is not None
    assert found.synapses < had
    assert Synapses(network).count == found.synapses
    assert limits.kept_by(cost_of(lowered_file(network, write, "int16"), "m4"))


def test_a_circuit_loses_neurons_until_a_step_takes_so_few_instructions() -> None:
    network = made("CfC, wired")
    whole = cost_of(lowered_file(network, write, "int8"), "m0")
    limits = Limits(instructions=int(0.8 * whole.instructions), core="m0")
    found = fine_tune(
        network, write, _loss, weights="int8", epochs=1, batches=2, rate=1e-2, limits=limits
    )
    assert len(found.model.states) < network.state_size
    assert limits.kept_by(cost_of(lowered_file(found.network, write, "int8"), "m0"))


def test_limits_that_cannot_be_kept_are_told_with_what_is_least() -> None:
    for wrong in ({}, {"synapses": 0}, {"flash": 10, "core": "m99"}):
        with pytest.raises(ElegansError, match="limits"):
            Limits(**wrong)  # type: ignore[arg-type]
    network = made("GRU")
    before = [p.detach().clone() for p in network.parameters()]
    with pytest.raises(ElegansError, match="the fewest with which every neuron has an input"):
        fine_tune(
            network, write, _loss, weights="int8", epochs=1, batches=1, limits=Limits(flash=100)
        )
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_weights_that_do_no_better_on_data_not_trained_on_are_not_taken() -> None:
    network = made("CfC, wired")
    before = copy.deepcopy(network.state_dict())
    found = fine_tune(network, write, _loss, epochs=1, batches=1, held=lambda _: 1.0)
    assert (found.held, found.best) == ([1.0, 1.0], 0)
    assert all(torch.equal(v, before[name]) for name, v in network.state_dict().items())


class _StoppedError(Exception):
    pass


def test_a_stopped_fine_tuning_goes_on_to_the_same_bits(tmp_path) -> None:
    def run(stop_in: int | None = None, resume: bool = False) -> FineTuned:
        left = [stop_in]

        def loss(device: OnDevice) -> torch.Tensor:
            if left[0] is not None:
                left[0] -= 1
                if left[0] < 0:
                    raise _StoppedError
            noise = 1 + 0.1 * torch.rand(())  # all randomness is torch's
            return noise * _loss(device)

        network = made("LTC")
        ledger = Ledger(tmp_path / "device.safetensors", "an LTC", resume)
        return fine_tune(
            network,
            write,
            loss,
            weights="int16",
            epochs=3,
            batches=2,
            rate=1e-2,
            held=lambda device: float(_loss(device)),
            limits=Limits(synapses=50),
            ledger=ledger,
        )

    undisturbed = run()
    with pytest.raises(_StoppedError):
        run(stop_in=5)
    torch.manual_seed(99)  # what was drawn in between does not matter
    resumed = run(resume=True)
    assert len(resumed.history) == 3
    assert resumed.model.digest == undisturbed.model.digest
    assert repr(resumed.held) == repr(undisturbed.held)  # which may have NaN
    assert resumed.held[resumed.best] == min(resumed.held[-2:])  # since all were removed
    assert (resumed.history, resumed.synapses) == (undisturbed.history, undisturbed.synapses)
