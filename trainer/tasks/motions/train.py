"""Task `motions`: what is somebody with a smartwatch doing? Four activities, 10 Hz.

A circuit reads accelerometer and gyroscope sample by sample; its four motor neurons are
the scores of the activities. The decision is the largest mean score over the second half
of a series: a firmware keeps four running sums, nothing else.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from elegans.trainer.fit import Fit
from elegans.trainer.networks.scaled_circuit import Circuit
from elegans.trainer.onnx_out.signals import Contract, Output, Signal
from elegans.trainer.progress import Progress
from elegans.trainer.tasks.motions.confusion_picture import draw_confusion
from elegans.trainer.tasks.motions.recordings import (
    ACTIVITIES,
    CHANNELS,
    PERIOD,
    Series,
    decide,
    load,
)
from elegans.trainer.tasks.trained import Trained
from elegans.trainer.wiring.ncp import AutoNCP

NEURONS = 28
DT = Signal("dt", "s", 0.09, 0.11)
"""The watch samples at 10 Hz; its clock may be a tenth off."""
_CONFIDENCE = 6.0
"""Scores end at -1 and 1; the softmax of the training loss wants more room."""
_DOUBT = 0.1
"""Label smoothing. A network driven to certainty flips between saturated states, and a
rounding error there grows: without it int16 states strayed up to a quarter of their range
from float, with it one or two thousandths, and the decisions are as good."""


def contract(train: Series) -> Contract:
    """Ranges are the training series' largest values and a tenth more, either way."""
    most = np.ceil(1.1 * np.abs(train.x).max(axis=(0, 1)))
    inputs = (
        Signal(name, "1", -float(top), float(top)) for name, top in zip(CHANNELS, most, strict=True)
    )
    return Contract("motions", tuple(inputs), DT, tuple(Output(a, "1") for a in ACTIVITIES))


def train(seed: int, short: bool, epochs: int | None, progress: Progress) -> Trained:
    """Train on 40 series and test on the other 40; raises ElegansError without the data."""
    learned, exam = load()
    terms = contract(learned)
    net = Circuit(
        AutoNCP(NEURONS, len(ACTIVITIES)),
        centre=learned.x.mean(axis=(0, 1)).tolist(),
        spread=learned.x.std(axis=(0, 1)).tolist(),
        dt_unit=PERIOD,
        gain=[1.0] * len(ACTIVITIES),
    )
    total = epochs if epochs is not None else 6 if short else 12
    fit = Fit(net, epochs=total, batches=8, rate=2e-2, progress=progress)
    x, label = torch.from_numpy(learned.x), torch.from_numpy(learned.label)

    def loss() -> Tensor:
        dt = DT.low + (DT.high - DT.low) * torch.rand(x.shape[:2])
        scores, _ = net(x, dt)
        logits = _CONFIDENCE * scores[:, scores.shape[1] // 2 :].mean(dim=1)
        return functional.cross_entropy(logits, label, label_smoothing=_DOUBT)

    fit.stage("classify", total, loss)
    # A test series may leave the range that training showed: clip it as the device does.
    low, high = zip(*((s.low, s.high) for s in terms.inputs), strict=True)
    seen = np.clip(exam.x, low, high).astype(np.float32)
    ticks = np.full(seen.shape[:2], PERIOD, np.float32)
    decided = decide(_scores(net, seen))
    return Trained(
        circuit=net,
        contract=terms,
        history=fit.history,
        stages=fit.stages,
        metrics={
            "loss": fit.history[-1],
            "train_accuracy": float(np.mean(decide(_scores(net, learned.x)) == learned.label)),
            "test_accuracy": float(np.mean(decided == exam.label)),
            "test_series": len(exam.label),
            "test_values_clipped": int(np.count_nonzero(seen != exam.x)),
        },
        x=seen,
        dt=ticks,
        extras={"label": exam.label},
        plots={"confusion.png": lambda path: draw_confusion(exam.label, decided, path)},
    )


@torch.no_grad()
def _scores(net: Circuit, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    scores, _ = net(torch.from_numpy(x), torch.full(x.shape[:2], PERIOD))
    return np.asarray(scores.numpy())
