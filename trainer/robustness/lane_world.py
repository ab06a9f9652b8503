"""The task `lane` in a closed loop, trained by any cell and disturbed while it drives.

Networks imitate the expert and then their own drives are corrected (DAgger), as in
`tasks.lane.train`. A closed loop is the hard case: an error moves the car, and the network sees
what follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from elegans.exporter.ir.interface import Interface, Signal
from elegans.trainer.data.normalise import Normalisation, outward
from elegans.trainer.fit import Fit, reproducible
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.onnx_out.signals import trained_interface
from elegans.trainer.progress import Progress, silent
from elegans.trainer.robustness.drive_disturbed import DisturbedDriver, RunEffects, greenness
from elegans.trainer.robustness.effects import (
    NONE,
    STRENGTHS,
    effect,
    lost,
    moved_times,
    no_effect,
    random_of,
)
from elegans.trainer.robustness.timed_network import (
    TIMED,
    Execution,
    FloatExecution,
    TimedNetwork,
    with_elapsed,
)
from elegans.trainer.robustness.world import CUE, CellLesson, Condition
from elegans.trainer.tasks.lane.closed_loop import Drive, drive_all
from elegans.trainer.tasks.lane.imitation import Imitation, PerturbedExpert, training_journeys
from elegans.trainer.tasks.lane.journey import DT_RANGE, SENSORS, Journey, draw_journey
from elegans.trainer.tasks.lane.road import road_of
from elegans.trainer.tasks.lane.train import SCALES

_ROUNDS, _CARS, _SECONDS, _BATCHES = 3, 32, 12.0, 30
_TEST_SEEDS, _VALIDATION_SEEDS = range(9001, 9007), range(8001, 8007)
_TEST_SECONDS = 25.0
_SPARE = 1.8
"""How much more road is drawn than a car of usual speed needs."""
_REGULAR = 0.05  # s, between samples where their irregularity is studied
_RARE = 1e-3
_GREEN = Signal("greenness", "1", (-2.0, 2.0))
_GREEN_SPREAD = 0.4

LANE_STRENGTHS: Mapping[str, tuple[float, ...]] = {
    **STRENGTHS,
    "noise": (1.0, 3.0, 5.0),
    "gaps": (6.0, 12.0, 24.0),
    "curvature": (0.2, 0.4, 0.6),
    "speed": (0.1, 0.2, 0.4),
}
"""Those of recordings, but noise and fog are the task's own: noise of 5 is six times the usual
noise of each sensor, and fog of 0.9 leaves a tenth of the sight. Curvature and speed of 0.2 are
a fifth above what was driven in training."""


@dataclass(frozen=True)
class LaneWorld:
    """See `World`.

    test_seconds  of each test drive
    """

    test_seconds: float = _TEST_SECONDS
    name: str = "lane"
    error: str = "lateral error, rms [m]"
    outputs: int = 1
    epochs: int = 24
    cues: bool = True
    strengths: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: LANE_STRENGTHS)

    @property
    def digest(self) -> str:
        """See `World`: it has no data, only how it is drawn."""
        drawn = (
            _ROUNDS,
            _CARS,
            _SECONDS,
            _BATCHES,
            len(_TEST_SEEDS),
            self.test_seconds,
            [*self.strengths.items()],
        )
        return repr(drawn)

    def inputs(self, cell: str) -> int:
        """See `World`."""
        return len(SENSORS) + (cell not in TIMED)

    def interface(self, network: TimedNetwork) -> Interface:
        """See `World`."""
        units = network.units
        return trained_interface("lane", units.signals, units.dt, [Signal("steering", "rad")])

    def train(self, lesson: CellLesson, progress: Progress = silent) -> tuple[TimedNetwork, float]:
        """See `World`."""
        with reproducible(lesson.seed):
            network = self._trained(lesson, progress)
            error = _error(_drives(network, self._validation(lesson), FloatExecution(network)))
        return network, error

    def errors(
        self, execution: Execution, lesson: CellLesson, conditions: Sequence[Condition]
    ) -> list[float]:
        """See `World`: all conditions drive side by side."""
        with reproducible(lesson.seed):  # for its one thread
            return self._errors(execution, lesson, conditions)

    def _errors(
        self, execution: Execution, lesson: CellLesson, conditions: Sequence[Condition]
    ) -> list[float]:
        journeys, effects = [], []
        for condition in conditions:
            for place, seed in enumerate(_TEST_SEEDS):
                usual = self._journey(seed, lesson)
                journeys.append(shifted(usual, condition, place))
                effects.append(_run_effects(condition, len(usual.dt), place, lesson))
        drives = _drives(execution.network, (journeys, effects), execution)
        count = len(_TEST_SEEDS)
        return [_error(drives[i : i + count]) for i in range(0, len(drives), count)]

    def _trained(self, lesson: CellLesson, progress: Progress) -> TimedNetwork:
        random = np.random.default_rng(lesson.seed)
        settings = TrainSettings(
            cell=lesson.cell, neurons=lesson.neurons, wiring=lesson.wiring, seed=lesson.seed
        )
        network = TimedNetwork(settings, _units(lesson), lesson.time)
        fit = Fit(
            network, epochs=lesson.epochs, batches=_BATCHES, rate=lesson.rate, progress=progress
        )
        seen: list[tuple[Drive, RunEffects]] = []
        for turn in range(_ROUNDS):
            journeys = training_journeys(_CARS, _SECONDS, random)
            if lesson.lost:
                journeys = [_regular(one) for one in journeys]
            effects = [_training_effects(len(one.dt), lesson, random) for one in journeys]
            if turn:
                drives = _drives(network, (journeys, effects), FloatExecution(network))
            else:
                drives = drive_all(journeys, PerturbedExpert(random, _CARS))
            seen += zip(drives, effects, strict=True)
            lesson_data = _lesson_data(seen, lesson.cue)
            loss = partial(lesson_data.loss, lambda x, dt: (network(x, dt), None))
            fit.stage("train", round(lesson.epochs * (turn + 1) / _ROUNDS), loss)
        return network

    def _validation(self, lesson: CellLesson) -> tuple[list[Journey], list[RunEffects]]:
        journeys = [self._journey(seed, lesson) for seed in _VALIDATION_SEEDS]
        usual = Condition(NONE, 0.0)
        places = range(1000, 1000 + len(journeys))
        effects = [
            _run_effects(usual, len(one.dt), place, lesson)
            for one, place in zip(journeys, places, strict=True)
        ]
        return journeys, effects

    def _journey(self, seed: int, lesson: CellLesson) -> Journey:
        """A journey of the test, with more road than a car of usual speed needs."""
        drawn = draw_journey(_SPARE * self.test_seconds, seed)
        samples = int(self.test_seconds / _REGULAR)
        cut = replace(
            drawn, dt=drawn.dt[:samples], sight=drawn.sight[:samples], noise=drawn.noise[:samples]
        )
        return _regular(cut) if lesson.lost else cut


def shifted(usual: Journey, condition: Condition, place: int) -> Journey:
    """The journey in a condition that is one of the world, not of what a sensor says."""
    name, strength = condition
    if name == "noise":
        return replace(usual, noise=usual.noise * (1.0 + strength))
    if name == "fog":
        return replace(usual, sight=usual.sight * (1.0 - strength))
    if name == "curvature":
        return replace(usual, road=road_of(usual.road.curvature * (1.0 + strength)))
    if name == "speed":
        return replace(usual, haste=1.0 + strength)
    if name == "jitter" and strength:
        move = effect(name, strength, len(usual.dt), 1, place).move
        t = np.cumsum(usual.dt.astype(np.float64))
        assert move is not None
        dt = np.diff(moved_times(t, move), prepend=0.0)
        return replace(usual, dt=np.clip(dt, 1e-3, None).astype(np.float32))
    return usual


def _run_effects(condition: Condition, samples: int, place: int, lesson: CellLesson) -> RunEffects:
    """What the sensors and the clock do in a condition."""
    name, strength = condition
    of_sensors = name in STRENGTHS and name not in ("noise", "fog", "jitter")
    what = (
        effect(name, strength, samples, len(SENSORS), place)
        if of_sensors
        else no_effect(samples, len(SENSORS))
    )
    absent = what.absent | lost(lesson.lost, samples, place)
    found = RunEffects(replace(what, absent=absent))
    if not lesson.cue:
        return found
    hold = 1.0 - 2.0 * strength if name == CUE else 1.0
    return replace(found, cue=hold, cue_noise=_slow_noise(samples, random_of(CUE, place)))


def _training_effects(samples: int, lesson: CellLesson, random: np.random.Generator) -> RunEffects:
    absent = random.random(samples) < lesson.lost
    absent[:1] = False
    found = RunEffects(replace(no_effect(samples, len(SENSORS)), absent=absent))
    return replace(found, cue=1.0, cue_noise=_slow_noise(samples, random)) if lesson.cue else found


def _slow_noise(samples: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """[T] of unit variance, with the memory of a second that steering has."""
    keep = 0.95
    noise = np.zeros(samples)
    drawn = random.standard_normal(samples)
    value = drawn[0] if samples else 0.0
    for k in range(samples):
        value = keep * value + np.sqrt(1.0 - keep**2) * drawn[k]
        noise[k] = value
    return noise


def _regular(journey: Journey) -> Journey:
    return replace(journey, dt=np.full_like(journey.dt, _REGULAR))


def _units(lesson: CellLesson) -> Normalisation:
    """The units of the task's own network, and of what was added."""
    dt, period, spread = Signal("dt", "s", DT_RANGE), SCALES.dt_unit, 0.02
    if lesson.lost:
        run = int(np.ceil(np.log(_RARE) / np.log(lesson.lost))) + 1
        dt = Signal("dt", "s", outward(0.8 * _REGULAR, run * _REGULAR, inward=True))
        period = _REGULAR / (1.0 - lesson.lost)
        spread = _REGULAR * np.sqrt(lesson.lost) / (1.0 - lesson.lost)  # of a geometric law
    centre, widths, signals = [*SCALES.centre], [*SCALES.spread], [*SENSORS]
    if lesson.cue:
        centre, widths, signals = [*centre, 0.0], [*widths, _GREEN_SPREAD], [*signals, _GREEN]
    base = Normalisation(
        centre=np.array(centre),
        spread=np.array(widths),
        fill=np.array(centre),
        masked=(),
        period=period,
        gain=np.array(SCALES.gain),
        offset=np.zeros(1),
        signals=tuple(signals),
        dt=dt,
    )
    return with_elapsed(base, lesson.cell, float(spread))


def _drives(
    network: TimedNetwork,
    given: tuple[Sequence[Journey], Sequence[RunEffects]],
    execution: Execution,
) -> list[Drive]:
    journeys, effects = given
    samples = min(len(one.dt) for one in journeys)
    controller = DisturbedDriver(execution, [one.cut(samples) for one in effects], len(SENSORS))
    return drive_all(journeys, controller)


def _lesson_data(seen: Sequence[tuple[Drive, RunEffects]], cue: bool) -> Imitation:
    """What the network would have been told in each drive, and the expert's steering."""
    rows = []
    for drive, what in seen:
        samples = len(drive.dt)
        here = np.flatnonzero(~what.sensors.absent[:samples])
        x = drive.x[here]
        if cue:
            green = greenness(drive.expert[here], what.cue, what.cue_noise[here])
            x = np.column_stack([x, green.astype(np.float32)])
        waited = np.diff(drive.t[here], prepend=0.0).astype(np.float32)
        rows.append((x, waited, drive.expert[here].astype(np.float32)))
    least = min(len(row[1]) for row in rows)
    x, dt, expert = (np.stack([row[i][:least] for row in rows]) for i in range(3))
    return Imitation(x, dt, expert)


def _error(drives: Sequence[Drive]) -> float:
    return float(np.sqrt(np.mean([one.rms**2 for one in drives])))
