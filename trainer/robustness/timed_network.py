"""Networks that are told the elapsed time, or not, and the two ways in which they run.

A CfC, LTC or CTRNN has time in its equations. A GRU, an LSTM and an MLP get it as one more input,
so that all have the same information. A trained network runs in float, or on the integers of its
export.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elegans.exporter.cost.estimate import Cost
from elegans.exporter.files import write_file
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.interface import Interface, Signal
from elegans.exporter.oracles import reference
from elegans.trainer.chip_aware.limits import cost_of
from elegans.trainer.chip_aware.relowering import Relowering
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.learn.build_network import PhysicalNetwork, build_network
from elegans.trainer.learn.model_file import model_bytes
from elegans.trainer.learn.train_settings import TrainSettings

TIMED = ("cfc", "ltc", "ctrnn")
"""The cells with elapsed time in their equations."""
TIME_MODES = ("given", "withheld", "jittered")
"""given: as it is; withheld: always the typical step; jittered: times a random factor."""
_JITTER = 0.5
"""The standard deviation of the logarithm of that factor."""
_ELAPSED = "elapsed_time"
_LEAST_SPREAD = 0.1
"""Of the typical step: the unit of the input, where all steps are alike."""


class TimedNetwork(PhysicalNetwork):
    """A network on I sensors whose `forward` and `scores` take the true dt and tell what `mode`
    allows. Its `step` takes what it is told: I or, with time as an input, I + 1 inputs."""

    def __init__(self, settings: TrainSettings, units: Normalisation, mode: str = "given") -> None:
        built, wiring = build_network(settings, len(units.signals), len(units.gain))
        super().__init__(built, units, wiring)
        self.mode, self.units = mode, units
        self.as_input = settings.cell not in TIMED

    def scores(self, x: Tensor, dt: Tensor) -> Tensor:
        """Physical x [B, T, I] and the true dt [B, T], s -> the network's outputs [B, T, O]."""
        return self.scores_of(*self.given(x, dt))

    def forward(self, x: Tensor, dt: Tensor) -> Tensor:
        """The same in physical units."""
        return self.scores(x, dt) * self.gain + self.offset

    def given(
        self, x: Tensor, dt: Tensor, random: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the network is told of x [..., I] and dt [...]: [..., I or I + 1] and dt [...]."""
        told = told_time(dt, self.units, self.mode, random)
        return (torch.cat([x, told[..., None]], dim=-1) if self.as_input else x), told

    def scores_of(self, x: Tensor, dt: Tensor) -> Tensor:
        """The outputs for what `given` returned, as sequences."""
        return super().scores(x, dt)

    def outputs_of(self, x: Tensor, dt: Tensor) -> Tensor:
        """`scores_of` in physical units."""
        return self.scores_of(x, dt) * self.gain + self.offset


def told_time(
    dt: Tensor, units: Normalisation, mode: str, random: torch.Generator | None = None
) -> Tensor:
    """The elapsed time that a network is told, s, inside its declared range."""
    if mode == "withheld":
        return torch.full_like(dt, units.period)
    if mode == "jittered":
        dt = dt * torch.exp(_JITTER * torch.randn(dt.shape, generator=random))
    low, high = units.dt.range or (0.0, float("inf"))
    # One unit of float32 inside: the ends themselves may round to beyond the range.
    return dt.clamp(
        float(np.nextafter(np.float32(low), np.float32(np.inf))),
        float(np.nextafter(np.float32(high), np.float32(0))),
    )


def with_elapsed(units: Normalisation, cell: str, spread: float) -> Normalisation:
    """The units of a network of `cell`: with elapsed time as the last input, where it is one.

    spread  of the steps of the training part, s
    """
    if cell in TIMED:
        return units
    spread = max(spread, _LEAST_SPREAD * units.period)
    return replace(
        units,
        centre=np.append(units.centre, units.period),
        spread=np.append(units.spread, spread),
        signals=(*units.signals, Signal(_ELAPSED, "s", units.dt.range)),
    )


CORE = "m4"
"""The core on which costs are estimated."""
State = Any


class Execution(Protocol):
    """A network that runs on batches; all values are physical, dt is in s.

    network  says what is told to it (`TimedNetwork.given`)
    """

    network: TimedNetwork

    def start(self, runs: int) -> State:
        """The states of so many runs at rest."""

    def step(self, x: Tensor, dt: Tensor, h: State) -> tuple[npt.NDArray[Any], State]:
        """One step of B runs: x [B, J], dt [B] -> y [B, O], the next states."""

    def run(self, x: Tensor, dt: Tensor) -> npt.NDArray[Any]:
        """B whole runs from rest: x [B, T, J], dt [B, T] -> y [B, T, O]."""


class FloatExecution:
    """The network in float32, as it was trained."""

    def __init__(self, network: TimedNetwork) -> None:
        self.network = network

    def start(self, runs: int) -> Tensor:
        """[B, H]: zeros."""
        return torch.zeros(runs, self.network.state_size)

    @torch.inference_mode()
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[npt.NDArray[Any], Tensor]:
        """See `Execution`."""
        y, h = self.network.step(x, h, dt[:, None])
        return y.numpy(), h

    @torch.no_grad()
    def run(self, x: Tensor, dt: Tensor) -> npt.NDArray[Any]:
        """See `Execution`."""
        return np.asarray(self.network.outputs_of(x, dt).numpy())


class IntegerExecution:
    """The fixed-point model of its export, by the reference that every board repeats."""

    def __init__(self, network: TimedNetwork, model: Model) -> None:
        self.network, self._model = network, model

    def start(self, runs: int) -> npt.NDArray[np.int64]:
        """[B, H]: zeros."""
        return np.zeros((runs, len(self._model.states)), np.int64)

    def step(
        self, x: Tensor, dt: Tensor, h: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """See `Execution`."""
        y, h = reference.step(self._model, *self._integers(x, dt[:, None]), h)
        return to_real(y, self._model.outputs), h

    def run(self, x: Tensor, dt: Tensor) -> npt.NDArray[Any]:
        """See `Execution`."""
        given = self._integers(x.transpose(0, 1), dt.transpose(0, 1))
        return to_real(reference.run(self._model, *given).y, self._model.outputs).swapaxes(0, 1)

    def _integers(
        self, x: Tensor, dt: Tensor
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        model, times = self._model, dt.double().numpy()
        return (
            to_integers(x.double().numpy(), model.inputs),
            np.zeros(times.shape, np.int64) if model.dt is None else model.dt.to_integers(times),
        )


@dataclass(frozen=True, eq=False)
class Exported:
    """What an export gives: the executions by the name of their numbers, and the cost of a step."""

    executions: dict[str, Execution]
    cost: Cost


class Exporter:
    """Exports networks, and keeps the file of each shape: torch takes a second or more for it, and
    the weights of the next network of this shape are put into it (`Relowering`)."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[TimedNetwork, Relowering]] = {}

    def exported(self, network: TimedNetwork, interface: Interface, weights: str) -> Exported:
        """The executions and the cost, with weights of int16 or int8.

        Raises ElegansError where the network cannot be exported.
        """

        def write(module: nn.Module, path: Path) -> None:
            assert isinstance(module, PhysicalNetwork)
            write_file(path, model_bytes(module, interface))

        shapes = tuple((name, tuple(v.shape)) for name, v in network.state_dict().items())
        key = (weights, repr(interface), type(network.net.rnn_cell).__name__, shapes)
        if key not in self._known:
            own = copy.deepcopy(network)
            self._known[key] = own, Relowering(own, write, weights)
        own, relowering = self._known[key]
        own.load_state_dict(network.state_dict())
        lowered = relowering.lowered()
        executions: dict[str, Execution] = {
            "float": FloatExecution(network),
            weights: IntegerExecution(network, lowered.model),
        }
        return Exported(executions, cost_of(lowered, CORE))
