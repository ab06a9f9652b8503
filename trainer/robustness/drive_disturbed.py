"""A network at the wheel whose sensors and clock are disturbed, sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch

from elegans.trainer.onnx_out.signals import limits
from elegans.trainer.robustness.effects import SensorEffect
from elegans.trainer.robustness.timed_network import Execution
from elegans.trainer.tasks.lane.journey import Array, Samples

_GREEN_NOISE = 0.05
_PER_RAD = 1.0 / 0.175
"""Greenness of 2 at the largest steering."""
_TYPICAL = 0.06  # rad: what the cue swings by where it says nothing
_CLOCK_NOISE_SEED = 17


@dataclass(frozen=True, eq=False)
class RunEffects:
    """What happens to one run.

    sensors    of the sensors and the clock
    cue        1: the cue follows the expert's steering; 0: it says nothing; -1: it is inverted
    cue_noise  [T], what else is in it
    """

    sensors: SensorEffect
    cue: float = 1.0
    cue_noise: Array = field(default_factory=lambda: np.zeros(0))

    def cut(self, samples: int) -> RunEffects:
        """The first so many samples."""
        one = self.sensors
        sensors = replace(
            one, shift=one.shift[:samples], fade=one.fade[:samples], absent=one.absent[:samples]
        )
        return replace(self, sensors=sensors, cue_noise=self.cue_noise[:samples])


def greenness(expert: Array, hold: Array | float, noise: Array) -> Array:
    """The cue for an expert's steering [...], rad: how green the roadside is.

    hold  its correlation with the steering, 1 in training
    """
    free = np.sqrt(np.maximum(1.0 - np.square(hold), _GREEN_NOISE))
    green = _PER_RAD * (hold * expert + _TYPICAL * free * noise)
    return np.asarray(np.clip(green, -2.0, 2.0))


class DisturbedDriver:
    """Steers B cars; `drive_all` calls it once a sample.

    Where a sample does not come, the last command holds and the network is not called; the next
    call is told all of the time since the last one.
    """

    def __init__(self, execution: Execution, effects: Sequence[RunEffects], sensors: int) -> None:
        network = execution.network
        self._execution, self._network, self._k = execution, network, 0
        own = [one.sensors for one in effects]
        centre, spread = (v.numpy()[:sensors] for v in (network.centre, network.spread))
        self._shift = np.stack([one.shift for one in own]) * spread
        self._fade = np.stack([one.fade for one in own])
        self._absent = np.stack([one.absent for one in own])
        self._delay = np.array([one.delay for one in own])
        self._clock = np.array([one.clock for one in own])
        self._centre = centre
        self._cue = np.array([one.cue for one in effects])
        self._cue_noise = np.stack([one.cue_noise for one in effects])
        cues = self._cue_noise.shape[1] > 0
        self._low, self._high = limits(network.units.signals[: sensors + cues])
        self._h = execution.start(len(effects))
        self._waited = np.zeros(len(effects))
        self._command = np.zeros(len(effects))
        self._past: list[Array] = []
        self._random = torch.Generator().manual_seed(_CLOCK_NOISE_SEED)

    def __call__(self, x: Samples, dt: Samples, expert: Array) -> npt.NDArray[np.float64]:
        """Sensors [B, I], dt [B] in s, the expert's steering [B] -> steering [B] in rad."""
        given, told = self.told(x, dt, expert)
        y, h = self._execution.step(*self._network.given(given, told, self._random), self._h)
        here = ~self._absent[:, self._k]
        if isinstance(h, torch.Tensor):
            self._h = torch.where(torch.from_numpy(here)[:, None], h, self._h)
        else:
            self._h = np.where(here[:, None], h, self._h)
        self._command = np.where(here, y[:, 0], self._command)
        self._waited[here] = 0.0
        self._k += 1
        return self._command

    def told(self, x: Samples, dt: Samples, expert: Array) -> tuple[torch.Tensor, torch.Tensor]:
        """What reaches the network of a sample: sensors and cue [B, I], elapsed time [B]."""
        k = self._k
        self._waited += dt
        read = x + self._shift[:, k]
        read = read + self._fade[:, k] * (self._centre - read)
        self._past = [*self._past[-int(self._delay.max()) :], read] if self._delay.any() else [read]
        late = len(self._past) - 1 - np.minimum(self._delay, len(self._past) - 1)
        read = np.stack(self._past)[late, np.arange(len(x))]
        if self._cue_noise.shape[1]:
            green = greenness(expert, self._cue, self._cue_noise[:, k])
            read = np.column_stack([read, green])
        read = np.clip(read, self._low, self._high)
        return (
            torch.from_numpy(read.astype(np.float32)),
            torch.from_numpy((self._waited * self._clock).astype(np.float32)),
        )
