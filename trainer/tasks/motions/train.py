"""Task `motions`: recognise four activities in a smartwatch's recordings at 10 Hz.

A circuit reads accelerometer and gyroscope sample by sample; its four motor neurons are
the scores of the activities. The decision is the largest mean score over the second half
of a series, so a firmware only keeps four running sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.interface import Interface, Signal
from elegans.trainer.fit import Fit
from elegans.trainer.learn.result_pictures import draw_confusion
from elegans.trainer.networks.scaled_circuit import ScaledCircuit, Scales
from elegans.trainer.onnx_out.signals import limits, trained_interface
from elegans.trainer.progress import Progress
from elegans.trainer.tasks.motions.recordings import (
    ACTIVITIES,
    CHANNELS,
    PERIOD,
    Series,
    decide,
    load,
)
from elegans.trainer.tasks.on_chip import TaskLesson, fine_tuned, run_on_integers
from elegans.trainer.tasks.registry import TrainOptions
from elegans.trainer.tasks.trained import Trained
from elegans.trainer.wiring.ncp import AutoNCP

NEURONS = 28
_SHORTEST, _LONGEST = 0.09, 0.11
"""Elapsed time, s: the watch samples at 10 Hz, and its clock may be off by a tenth."""
_LOGIT_SCALE = 6.0
"""The loss is the softmax of 6 times the scores, which lie in [-1, 1]: with four activities,
it can then assign nearly all of the probability to one of them."""
_LABEL_SMOOTHING = 0.1
"""Without it the network learns to flip between saturated states, where rounding errors grow:
int16 states then differed from float by up to a quarter of their range, against one or two
thousandths with it. The decisions are equally good."""


def interface_of(train: Series) -> Interface:
    """The signals; each channel's range is the training series' largest |value| and a tenth."""
    most = np.ceil(1.1 * np.abs(train.x).max(axis=(0, 1)))
    inputs = [
        Signal(name, "1", (-float(top), float(top)))
        for name, top in zip(CHANNELS, most, strict=True)
    ]
    dt = Signal("dt", "s", (_SHORTEST, _LONGEST))
    return trained_interface("motions", inputs, dt, [Signal(name, "1") for name in ACTIVITIES])


def train(options: TrainOptions, progress: Progress) -> Trained:
    """Train on 40 series, test on the other 40. Raises ElegansError without the data.

    Randomness comes from torch's global state, which the caller seeds.
    """
    training, test = load()
    interface = interface_of(training)
    scales = Scales(
        centre=training.x.mean(axis=(0, 1)).tolist(),
        spread=training.x.std(axis=(0, 1)).tolist(),
        dt_unit=PERIOD,
        gain=[1.0] * len(ACTIVITIES),
    )
    net = ScaledCircuit(AutoNCP(NEURONS, len(ACTIVITIES)), scales)
    epochs = options.epochs if options.epochs is not None else 6 if options.short else 12
    fit = Fit(net, epochs=epochs, batches=8, rate=2e-2, progress=progress)
    loss = loss_on(training)
    fit.stage("classify", epochs, lambda: loss(net))
    # A test series may leave the declared ranges: clip it as the device does.
    clipped = np.clip(test.x, *limits(interface.inputs)).astype(np.float32)
    device: dict[str, Any] = {}
    if options.chip.qat:
        lesson = TaskLesson(
            interface=interface,
            loss=loss,
            # There is no validation part: the training series, at their own period.
            held=lambda model: float(
                _cross_entropy(torch.from_numpy(_on_integers(model, training.x)), training)
            ),
            score=lambda model: _accuracy(_on_integers(model, clipped), test),
            score_of_float=_accuracy(_scores(net, clipped), test),
            batches=8,
        )
        net, device = fine_tuned(net, lesson, options.chip, options.short, progress)
    decided = decide(_scores(net, clipped))
    return Trained(
        circuit=net,
        interface=interface,
        history=fit.history,
        stages=fit.stages,
        metrics={
            "loss": fit.history[-1],
            "train_accuracy": float(np.mean(decide(_scores(net, training.x)) == training.label)),
            "test_accuracy": float(np.mean(decided == test.label)),
            "test_series": len(test.label),
            "test_values_clipped": int(np.count_nonzero(clipped != test.x)),
        },
        x=clipped,
        dt=np.full(clipped.shape[:2], PERIOD, np.float32),
        device=device,
        extras={"label": test.label},
        plots={"confusion.png": lambda path: draw_confusion(ACTIVITIES, test.label, decided, path)},
    )


@torch.no_grad()
def _scores(net: ScaledCircuit, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The outputs [N, T, 4] for series x [N, T, 6] sampled at 10 Hz."""
    scores, _ = net(torch.from_numpy(x), torch.full(x.shape[:2], PERIOD))
    return np.asarray(scores.numpy())


def _on_integers(model: Model, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The same on the device's integers."""
    return run_on_integers(model, x, np.full(x.shape[:2], PERIOD)).astype(np.float32)


def _accuracy(scores: npt.NDArray[np.float32], series: Series) -> dict[str, float]:
    return {"accuracy": float(np.mean(decide(scores) == series.label))}


def loss_on(series: Series) -> Callable[[nn.Module], Tensor]:
    """The loss of all series, each sample with a time of its own, for a network."""
    x = torch.from_numpy(series.x)

    def loss(net: nn.Module) -> Tensor:
        dt = _SHORTEST + (_LONGEST - _SHORTEST) * torch.rand(x.shape[:2])
        return _cross_entropy(net(x, dt)[0], series)

    return loss


def _cross_entropy(scores: Tensor, series: Series) -> Tensor:
    """The loss of outputs [N, T, 4]."""
    logits = _LOGIT_SCALE * scores[:, scores.shape[1] // 2 :].mean(dim=1)
    label = torch.from_numpy(series.label)
    return functional.cross_entropy(logits, label, label_smoothing=_LABEL_SMOOTHING)
