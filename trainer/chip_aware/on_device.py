"""A network that runs on the integers of its own export, with the gradients of its float step.

Forward, each step is the reference's: inputs, elapsed times and states are the device's integers,
and the weights are those that an export of the moment would have. Backward, a step has the
gradient of the float network at the states that the device was in (the straight-through
estimator of Bengio et al. 2013): rounding has the gradient 1 to what was rounded, weights
included.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.oracles import reference
from elegans.trainer.chip_aware.relowering import Relowering, Write
from elegans.trainer.networks.scaled_circuit import ScaledCircuit
from elegans.trainer.onnx_out.export_step import step_of
from elegans.trainer.onnx_out.verify import StepFunction
from elegans.trainer.straight_through import through

NOISE = 0.01
"""The noise of `OnDevice.amplification`, for states of order 1."""


class DeviceRun(NamedTuple):
    """A batch of runs on the device's integers, in real values.

    y  [B, T, O]
    h  [B, T, H] the states after each step
    """

    y: Tensor
    h: Tensor


class OnDevice(nn.Module):
    """`network`, run on the device's integers; it is trained like `network` itself.

    network  as `export_onnx` takes it, or a `ScaledCircuit`
    write    writes such a network as an ONNX file, with the ranges that its user declares
    weights  int16 or int8

    Its parameters are those of `network`. Raises ElegansError as `Relowering` does.
    """

    def __init__(self, network: nn.Module, write: Write, weights: str = "int8") -> None:
        super().__init__()
        self.network = network
        self._relowering = Relowering(network, write, weights)
        self._known: tuple[tuple[int, ...], Model] | None = None
        self.last: tuple[Tensor, Tensor] | None = None
        """x and dt of the last run."""

    @property
    def model(self) -> Model:
        """The fixed-point model of the present weights."""
        version = tuple(p._version for p in (*self.network.parameters(), *self.network.buffers()))
        if self._known is None or self._known[0] != version:
            self._known = version, self._relowering.lowered().model
        return self._known[1]

    @property
    def relowering(self) -> Relowering:
        """What makes the models of the network."""
        return self._relowering

    def forward(self, x: Tensor, dt: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run x [B, T, I] from h0 [B, H] (default: 0) -> y [B, T, O], last state [B, H].

        dt [B, T] is the time before each sample. All are real values; x and dt are rounded and
        clamped to their declared ranges, as the device's host does. Raises ElegansError for
        weights that no scale holds.
        """
        run = self.run(x, dt, h0)
        return run.y, run.h[:, -1]

    def run(self, x: Tensor, dt: Tensor, h0: Tensor | None = None) -> DeviceRun:
        """The same with the states of every step."""
        model = self.model
        integers = device_inputs(model, x, dt)
        start = None if h0 is None else to_integers(_reals(h0), model.states)
        found = differentiable(model, float_step(self.network), integers, (x, dt), start)
        self.last = (x, dt)
        return found

    def amplification(self, x: Tensor, dt: Tensor) -> Tensor:
        """How much the network amplifies what rounding leaves; 0.3 or less is a calm one.

        A free run whose states get uniform noise of up to `NOISE` in every step departs from one
        without: the mean square of the departure, in units of `NOISE`. Both have gradients, so a
        loss with this term makes the network forget errors instead of following them. The noise
        is far coarser than the device's rounding, so rare steps that amplify are not missed. x
        and dt are as in `run`; the runs are the float network's.
        """
        step, total = float_step(self.network), x.new_zeros(())
        h = noisy = x.new_zeros(x.shape[0], state_size(self.network))
        for now, elapsed in zip(x.unbind(1), dt.unbind(1), strict=True):
            _, h = step(now, h, elapsed[:, None])
            _, noisy = step(now, noisy, elapsed[:, None])
            total = total + ((noisy - h) / NOISE).square().mean()
            noisy = noisy + NOISE * (2 * torch.rand_like(noisy) - 1)
        return total / x.shape[1]


def device_inputs(model: Model, x: Tensor, dt: Tensor) -> tuple[Integers, Integers]:
    """The integers [T, B, I] and [T, B] that the device receives for x [B, T, I] and dt [B, T]."""
    if x.dim() != 3 or x.shape[2] != len(model.inputs) or dt.shape != x.shape[:2]:
        raise ElegansError(
            "chip-aware training",
            f"x has shape {list(x.shape)}, dt {list(dt.shape)}",
            f"give x [batch, steps, {len(model.inputs)}] and dt [batch, steps]",
        )
    inputs = to_integers(_reals(x), model.inputs)
    times = np.zeros(dt.shape, np.int64) if model.dt is None else model.dt.to_integers(_reals(dt))
    return inputs.swapaxes(0, 1), times.swapaxes(0, 1)


def differentiable(
    model: Model,
    step: StepFunction,
    integers: tuple[Integers, Integers],
    given: tuple[Tensor, Tensor],
    h0: Integers | None = None,
) -> DeviceRun:
    """A run of `model` on integers, with the gradients of `step`.

    integers  x [T, B, I] and dt [T, B]
    given     x [B, T, I] and dt [B, T] in real values; what an input was rounded or clamped to
              replaces it
    h0        [B, H] the first states; 0 if None
    """
    found = reference.run(model, *integers, h0)
    x, dt = given
    if not torch.is_grad_enabled():
        real = to_real(found.y, model.outputs), to_real(found.h_next, model.states)
        return DeviceRun(*(_tensor(values, x) for values in real))
    x = through(_tensor(to_real(integers[0], model.inputs), x), x)
    if model.dt is not None:
        dt = through(_tensor(model.dt.to_real(integers[1]), dt), dt)
    y_device = _tensor(to_real(found.y, model.outputs), x)
    h_device = _tensor(to_real(found.h_next, model.states), x)
    h = x.new_tensor(to_real(found.h[0], model.states))
    outputs, states = [], []
    for k, (now, elapsed) in enumerate(zip(x.unbind(1), dt.unbind(1), strict=True)):
        y, h = step(now, h, elapsed[:, None])
        h = through(h_device[:, k], h)
        outputs.append(through(y_device[:, k], y))
        states.append(h)
    return DeviceRun(torch.stack(outputs, 1), torch.stack(states, 1))


def float_run(network: nn.Module, x: Tensor, dt: Tensor) -> DeviceRun:
    """The float network run free from rest on x [B, T, I] and dt [B, T]."""
    step = float_step(network)
    h, outputs, states = None, [], []
    for now, elapsed in zip(x.unbind(1), dt.unbind(1), strict=True):
        h = x.new_zeros(x.shape[0], state_size(network)) if h is None else h
        y, h = step(now, h, elapsed[:, None])
        outputs.append(y)
        states.append(h)
    return DeviceRun(torch.stack(outputs, 1), torch.stack(states, 1))


def float_step(network: nn.Module) -> StepFunction:
    """One step of the network in torch, differentiable with respect to its parameters."""
    if not isinstance(network, ScaledCircuit):
        return step_of(network)

    def step(x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        y, h = network.cfc.step((x - network.centre) / network.spread, h, dt / network.dt_unit)
        return y * network.gain, h

    return step


def state_size(network: nn.Module) -> int:
    """The number of states of a network."""
    if isinstance(network, ScaledCircuit):
        return network.wiring.neurons
    return step_of(network).states


def _reals(values: Tensor) -> Reals:
    return values.detach().cpu().double().numpy()


def _tensor(values: npt.NDArray[np.float64], like: Tensor) -> Tensor:
    """Values [T, B, ...] as a tensor [B, T, ...] of the precision of `like`, and where it is."""
    return torch.from_numpy(np.ascontiguousarray(values.swapaxes(0, 1))).to(like)
