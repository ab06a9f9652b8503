"""drive.html: a car on a winding road, steered by the shipped C of a BUILD in WebAssembly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from elegans.exporter.build_folder import load_model
from elegans.exporter.errors import WrongUseError
from elegans.exporter.ir.fixed_model import Model
from elegans.trainer.tasks.lane.journey import SENSORS
from elegans.viewer.pages.exam import SECONDS, SEEDS, Score, exam, expert_exam
from elegans.viewer.pages.page import page
from elegans.viewer.pages.rivals import rivals
from elegans.viewer.wasm.compile_wasm import network_data
from elegans.viewer.wasm.from_onnx import onnx_data
from elegans.viewer.wasm.synapses import synapse_data, synapses

_SETTINGS = (
    ("curviness", "curviness of the road"),
    ("noise", "noise of the sensors"),
    ("fog", "fog"),
    ("dropout", "readings that are lost"),
    ("jitter", "jitter of the clock"),
)
# By the factor of the noise: the head of its column, and the words of the verdict.
_NOISES = {
    0.0: ("no noise", "without noise"),
    1.0: ("as trained", "with the noise of training"),
    3.0: ("three times", "with three times that"),
}


@dataclass(frozen=True)
class Served:
    """The board behind a page that `elegans drive` serves.

    board       its name, and where it is
    port, path  of the WebSocket at which it answers, on this machine
    """

    board: str
    port: int
    path: str


def drive_page(build: Path, served: Served | None = None, short: bool = False) -> str:
    """The HTML of the page for a BUILD of the task `lane`.

    served  where the circuit is on a board
    short  whether the circuit was trained for a fraction of the usual time, which the page says

    Raises `ElegansError` for another network, a BUILD that is incomplete, or if zig is missing.
    """
    model = load_model(build)
    require_lane(build, model)
    board = None if served is None else served.board
    label = f"the circuit: {len(model.states)} liquid neurons"
    own = {
        "name": "circuit",
        "label": label if board is None else f"{label}, on {board}",
        "short": "liquid circuit" if board is None else "circuit on the board",
        "parameters": _parameters(model),
        "clock": False,
        **network_data(build),
        "synapses": [synapse_data(one) for one in synapses(build)],
    }
    others = rivals()
    controllers = [own, *(_rival(one) for one in others)]
    scores = [exam(model), *(one.exam for one in others)]
    values = {
        "heading": f"{len(model.states)} liquid neurons hold the road",
        "lead": _lead(board),
        "live": {"board": board} if board else None,
        "short": short,
        "controllers": [
            {k: one[k] for k in ("label", "short", "parameters")} | {"cells": cells}
            for one, cells in zip(controllers, _cells(scores), strict=True)
        ],
        "expert": [_text(score) for score in expert_exam()],
        "settings": _SETTINGS,
        "neurons": len(model.states),
        "synapses": len(own["synapses"]),
        "noises": [head for head, _ in _NOISES.values()],
        "roads": len(SEEDS),
        "seconds": int(SECONDS),
        "verdict": _verdict([one["label"] for one in controllers], scores),
        "digest": model.digest,
        "version": version("elegans"),
    }
    data = {"controllers": controllers, "live": {"path": served.path} if served else None}
    connect = "'none'"
    if served is not None:
        connect = " ".join(f"ws://{host}:{served.port}" for host in ("127.0.0.1", "localhost"))
    return page("drive", f"{model.name}: a drive", values, data, connect)


def require_lane(build: Path, model: Model) -> None:
    """Raise `WrongUseError` unless a model reads the sensors of the lane's car, and steers it."""
    names = [signal.name for signal in SENSORS]
    if [c.name for c in model.inputs] == names and model.dt and len(model.outputs) == 1:
        return
    fact = f"reads {', '.join(c.name for c in model.inputs) or 'nothing'}, not the car's sensors"
    remedy = "give a BUILD of `elegans train lane`; `elegans monitor` shows any network"
    raise WrongUseError(build, fact, remedy)


def _rival(one: Any) -> dict[str, Any]:
    fields = {
        "name": one.name,
        "label": one.label,
        "short": one.short,
        "parameters": one.parameters,
    }
    return fields | {"clock": one.clock, "synapses": []} | onnx_data(one.path)


def _parameters(model: Model) -> int:
    """Weights and biases of the neurons' maps that are not 0."""
    count = 0
    groups = {c.name.split("[")[0] for c in model.states}
    for step in model.steps:
        if step.group in groups:
            names = ("weights", "rates", "bias", "rate_bias")
            found = [getattr(step.op, name, None) for name in names]
            count += sum(int(np.count_nonzero(np.asarray(m))) for m in found if m is not None)
    return count


def _cells(scores: Sequence[Sequence[Score]]) -> list[list[dict[str, Any]]]:
    """The cells of the exam's table: rows of controllers, columns of noises."""
    least = [min(row[i].rms for row in scores) for i in range(len(_NOISES))]
    return [
        [{"text": _text(s), "best": s.rms == least[i]} for i, s in enumerate(row)] for row in scores
    ]


def _text(score: Score) -> str:
    left = score.roads - score.held
    return f"{100 * score.rms:.1f}" + (f", left its lane on {left}" if left else "")


def _verdict(labels: Sequence[str], scores: Sequence[Sequence[Score]]) -> str:
    """Sentences about who has the least error at each noise."""
    parts = []
    for i, (_, words) in enumerate(_NOISES.values()):
        ranked = sorted(range(len(labels)), key=lambda row: scores[row][i].rms)
        parts.append(f"Best {words}: {labels[ranked[0]]}.")
    return " ".join(parts)


def _lead(board: str | None) -> str:
    if board is None:
        return (
            "The fixed-point C that a microcontroller runs, compiled to WebAssembly, steers this "
            "car through noise, fog and uneven sampling. Beside it drive other controllers of "
            "about as many parameters. Bend the road, blind the sensors, cut a synapse."
        )
    return (
        f"The states come from {board} over its serial port, one step for each sample. The same C "
        "runs along on this page in WebAssembly, and every integer of the two is compared."
    )
