"""The tasks of `benchmarks.chip_aware`: a float network, its loss, its score on data never seen.

motions    BasicMotions (aeon's wheel): accuracy on 40 series
lane       steering on 4 roads never seen: lateral error, rms, in m
occupancy  UCI Occupancy Detection: accuracy on both of its test files, in windows of 128 minutes
gesture    UCI Gesture Phase Segmentation: hands and wrists as seen from the spine, their speeds,
           and millisecond time stamps; trained on the recordings a1, a2, b1 and c1, accuracy on
           a3, b3 and c3, in windows of 128 samples
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import Interface, Signal
from elegans.trainer.fit import Fit
from elegans.trainer.networks.scaled_circuit import ScaledCircuit, Scales
from elegans.trainer.onnx_out.export_circuit import export_circuit
from elegans.trainer.onnx_out.signals import limits, trained_interface
from elegans.trainer.progress import silent
from elegans.trainer.tasks.lane import closed_loop
from elegans.trainer.tasks.lane import train as lane_task
from elegans.trainer.tasks.lane.imitation import TYPICAL_STEERING
from elegans.trainer.tasks.lane.journey import draw_journey
from elegans.trainer.tasks.motions import train as motions_task
from elegans.trainer.tasks.motions.recordings import decide, load
from elegans.trainer.tasks.registry import TrainOptions
from elegans.trainer.wiring.ncp import AutoNCP

Run = Callable[..., tuple[Tensor, Tensor]]
"""(x [B, T, I], dt [B, T], h0 [B, H] or None) -> y [B, T, O], last state: float or device."""
WINDOW = 128
_LOGITS, _SMOOTHING = 6.0, 0.1


@dataclass(frozen=True)
class ChipTask:
    """A trained float network, and how it is trained on and judged.

    loss     of a batch that it draws, for the run of a network
    score    of a run on data never seen
    error    whether a lower score is better
    x, dt    [B, T, I] and [B, T] of data never seen, for errors of states
    batches  updates in an epoch of fine-tuning
    """

    network: ScaledCircuit
    interface: Interface
    loss: Callable[[Run], Tensor]
    score: Callable[[Run], float]
    error: bool
    x: Tensor
    dt: Tensor
    batches: int

    def write(self, network: nn.Module, path: Path) -> None:
        """Export a network of this task."""
        assert isinstance(network, ScaledCircuit)
        export_circuit(network, self.interface, path)


def motions(seed: int, data: Path | None, smoothing: float = _SMOOTHING) -> ChipTask:
    """BasicMotions; `smoothing` of the labels, without which the network amplifies rounding."""
    usual, motions_task._LABEL_SMOOTHING = motions_task._LABEL_SMOOTHING, smoothing
    try:
        trained = motions_task.train(TrainOptions(seed), silent)
    finally:
        motions_task._LABEL_SMOOTHING = usual
    training, test = load()
    x, label = torch.from_numpy(training.x), torch.from_numpy(training.label)
    xt, dtt = torch.from_numpy(trained.x), torch.from_numpy(trained.dt)

    def loss(run: Run) -> Tensor:
        dt = 0.09 + 0.02 * torch.rand(x.shape[:2])
        scores, _ = run(x, dt)
        logits = _LOGITS * scores[:, scores.shape[1] // 2 :].mean(dim=1)
        return functional.cross_entropy(logits, label, label_smoothing=smoothing)

    def score(run: Run) -> float:
        return float(np.mean(decide(run(xt, dtt)[0].numpy()) == test.label))

    return ChipTask(trained.circuit, trained.interface, loss, score, False, xt, dtt, 8)


def lane(seed: int, data: Path | None) -> ChipTask:
    """The lane task, fine-tuned on drives of the float network with the expert's steering."""
    trained = lane_task.train(TrainOptions(seed), silent)
    network = trained.circuit
    journeys = [draw_journey(15.0, 20_000 + 100 * seed + i, fog=i / 31) for i in range(32)]
    drives = closed_loop.drive_all(journeys, lane_task.NetworkDriver(network, len(journeys)))
    x = torch.from_numpy(np.stack([d.x for d in drives]))
    dt = torch.from_numpy(np.stack([d.dt for d in drives]))
    expert = torch.from_numpy(np.stack([d.expert for d in drives]).astype(np.float32))
    exam = [draw_journey(30.0, 9001 + i) for i in range(4)]

    def loss(run: Run) -> Tensor:
        row = torch.randint(len(drives), (48, 1))
        column = torch.randint(x.shape[1] - 71, (48, 1)) + torch.arange(72)
        y, _ = run(x[row, column], dt[row, column])
        error = (y[:, 8:, 0] - expert[row, column[:, 8:]]) / TYPICAL_STEERING
        return error.square().mean()

    def score(run: Run) -> float:
        h: list[Tensor] = [torch.zeros(len(exam), network.wiring.neurons)]

        def steer(now: Any, elapsed: Any, _: Any) -> npt.NDArray[Any]:
            given = torch.from_numpy(now)[:, None], torch.from_numpy(elapsed)[:, None]
            y, h[0] = run(*given, h[0])
            return np.asarray(y[:, 0, 0].numpy())

        alone = closed_loop.drive_all(exam, steer)
        return float(np.sqrt(np.mean([one.rms**2 for one in alone])))

    recorded = torch.from_numpy(trained.x)[None], torch.from_numpy(trained.dt)[None]
    short = (recorded[0][:, :1000], recorded[1][:, :1000])
    return ChipTask(network, trained.interface, loss, score, True, *short, 20)


@dataclass(frozen=True)
class _Recording:
    """x [T, I], dt [T] in s and label [T]."""

    x: npt.NDArray[np.float32]
    dt: npt.NDArray[np.float32]
    label: npt.NDArray[np.int64]


def occupancy(seed: int, data: Path | None) -> ChipTask:
    """Occupancy of a room from temperature, humidity, light, CO2 and the humidity ratio."""
    folder = _folder(data, "occupancy")
    names = ("Temperature", "Humidity", "Light", "CO2", "HumidityRatio")

    def read(file: str) -> _Recording:
        with (folder / file).open() as lines:
            rows = list(csv.reader(lines))[1:]
        times = [datetime.fromisoformat(row[1]).timestamp() for row in rows]
        x = np.array([[float(v) for v in row[2:7]] for row in rows], np.float32)
        dt = np.diff(times, prepend=times[0] - 60.0).astype(np.float32)
        return _Recording(x, dt, np.array([int(row[7]) for row in rows]))

    train = [read("datatraining.txt")]
    test = [read("datatest.txt"), read("datatest2.txt")]
    return _labelled("occupancy", seed, names, ("empty", "occupied"), train, test, (55.0, 65.0), 16)


_PHASES = ("Rest", "Preparation", "Stroke", "Hold", "Retraction")


def gesture(seed: int, data: Path | None) -> ChipTask:
    """The phase of a gesture from the positions of hands, head, spine and wrists."""
    folder = _folder(data, "gesture") / "raw"

    def read(name: str) -> _Recording:
        with (folder / f"{name}_raw.csv").open(encoding="utf-8") as lines:
            rows = list(csv.reader(lines))[1:]
        at = np.array([[float(v) for v in row[:18]] for row in rows]).reshape(-1, 6, 3)
        times = np.array([int(row[18]) for row in rows]) / 1000.0
        label = [_PHASES.index(row[19].strip().replace("Preparação", _PHASES[1])) for row in rows]
        dt = np.diff(times, prepend=times[0] - 0.033)
        near = at[:, [0, 1, 4, 5]] - at[:, 3:4]  # hands and wrists, from the spine
        moved = np.linalg.norm(np.diff(near, axis=0, prepend=near[:1]), axis=2)
        speed = np.minimum(moved / np.maximum(dt, 0.02)[:, None], 10.0)
        x = np.concatenate([near.reshape(len(at), 12), speed], axis=1)
        return _Recording(x.astype(np.float32), dt.astype(np.float32), np.array(label))

    parts = ("lh", "rh", "lw", "rw")
    names = [f"{part}{axis}" for part in parts for axis in "xyz"] + [f"{p}_speed" for p in parts]
    train, test = (
        [read(n) for n in group] for group in (("a1", "a2", "b1", "c1"), ("a3", "b3", "c3"))
    )
    return _labelled("gesture", seed, names, _PHASES, train, test, (0.001, 0.1), 32)


TASKS: dict[str, Callable[[int, Path | None], ChipTask]] = {
    "motions": motions,
    "lane": lane,
    "occupancy": occupancy,
    "gesture": gesture,
}


def _folder(data: Path | None, name: str) -> Path:
    if data is None or not (data / name).is_dir():
        raise ElegansError(f"task {name}", "its data are not there", "give --data DIR")
    return data / name


def _labelled(
    name: str,
    seed: int,
    channels: Any,
    classes: tuple[str, ...],
    train: list[_Recording],
    test: list[_Recording],
    times: tuple[float, float],
    neurons: int,
) -> ChipTask:
    """A circuit that says in each step which class it is, trained in float for 12 epochs."""
    everything = np.concatenate([r.x for r in train])
    lo, hi = everything.min(0), everything.max(0)
    room = 0.1 * (hi - lo)
    inputs = [
        Signal(c, "1", (float(a), float(b)))
        for c, a, b in zip(channels, lo - room, hi + room, strict=True)
    ]
    interface = trained_interface(
        name, inputs, Signal("dt", "s", times), [Signal(c.lower(), "1") for c in classes]
    )
    scales = Scales(
        everything.mean(0).tolist(),
        everything.std(0).tolist(),
        float(np.mean(times)),
        [1.0] * len(classes),
    )
    ends = limits(inputs)

    def clipped(recording: _Recording) -> _Recording:
        x = np.clip(recording.x, *ends).astype(np.float32)
        low, high = np.nextafter(np.float32(times), np.float32(np.mean(times)))
        return replace(recording, x=x, dt=np.clip(recording.dt, low, high))

    train, test = [clipped(r) for r in train], [clipped(r) for r in test]
    xt, dtt, wanted = _windows(test)
    network = ScaledCircuit(AutoNCP(neurons, len(classes)), scales)
    random = np.random.default_rng(seed)

    def loss(run: Run) -> Tensor:
        chosen = []
        for _ in range(24):
            one = train[random.choice(len(train), p=_shares(train))]
            at = int(random.integers(len(one.dt) - WINDOW + 1))
            cut = slice(at, at + WINDOW)
            chosen.append(_Recording(one.x[cut], one.dt[cut], one.label[cut]))
        x, dt, label = _windows(chosen)
        y, _ = run(x, dt)
        logits = _LOGITS * y.flatten(0, 1)
        return functional.cross_entropy(logits, label.flatten(), label_smoothing=_SMOOTHING)

    def score(run: Run) -> float:
        return float((run(xt, dtt)[0].argmax(-1) == wanted).float().mean())

    fit = Fit(network, epochs=12, batches=30, rate=1e-2)
    fit.stage("float", 12, lambda: loss(network))
    return ChipTask(network, interface, loss, score, False, xt, dtt, 15)


def _shares(recordings: list[_Recording]) -> npt.NDArray[np.float64]:
    sizes = np.array([len(r.dt) for r in recordings], float)
    return np.asarray(sizes / sizes.sum())


def _windows(recordings: list[_Recording]) -> tuple[Tensor, Tensor, Tensor]:
    """x [N, WINDOW, I], dt and label [N, WINDOW] of all whole windows."""
    parts: list[list[npt.NDArray[Any]]] = [[], [], []]
    for one in recordings:
        for at in range(0, len(one.dt) - WINDOW + 1, WINDOW):
            for part, values in zip(parts, (one.x, one.dt, one.label), strict=True):
                part.append(values[at : at + WINDOW])
    x, dt, label = (torch.from_numpy(np.stack(part)) for part in parts)
    return x, dt, label
