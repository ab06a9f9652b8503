"""Small networks of several cells, exported, for the tests of what a page shows of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from elegans.exporter.export import Request, export
from elegans.tests.exporter.frontend import steps
from elegans.tests.places import GOLDEN
from elegans.trainer import export_onnx
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP
from elegans.viewer.analysis.subject import Inspected, read_subject

CELLS = ("cfc", "ltc", "gru", "lstm", "tanh")
INPUTS = 3
_FOLDERS: list[TemporaryDirectory[str]] = []  # removed when the process ends


@cache
def ltc_cell() -> LTCCell:
    """Eight LTC neurons with reversal potentials that training has moved."""
    torch.manual_seed(5)
    cell = LTCCell(AutoNCP(8, 2).build(INPUTS), unfolds=2)
    with torch.no_grad():
        for erev in (cell.erev, cell.sensory_erev):
            erev.mul_(torch.empty_like(erev).uniform_(0.5, 1.5))
    return cell


@cache
def build_of(cell: str) -> Path:
    """The BUILD of a small network of a cell."""
    _FOLDERS.append(TemporaryDirectory(prefix="elegans-test-"))
    folder = Path(_FOLDERS[-1].name)
    source, more = folder / "model.onnx", {"input_ranges": ((-1.0, 1.0),)}
    if cell in ("cfc", "cfc of a fixed period"):
        source, more = GOLDEN / "worm.onnx", {} if cell == "cfc" else {"dt": 0.05}
    elif cell == "ltc":
        ranges = {"input_ranges": (-1.0, 1.0), "dt_range": (0.05, 0.5)}
        export_onnx(Recurrent(ltc_cell()), INPUTS, source, **ranges)
    elif cell == "gru":
        steps.gru(source, {"x": INPUTS, "h": 5}, {"y": 2, "h_next": 5})
    elif cell == "lstm":
        steps.lstm(source, ("x", "h", "c", "y", "h_next", "c_next"))
        more |= {"states": (("h", "h_next"), ("c", "c_next"))}
    else:
        steps.rnn(source, [("h", "h_next", 5)], {"y": 2}, {"x": INPUTS})
    export(Request(source, accept_error=1.0, **more), folder / "build")
    return folder / "build"


@cache
def subject_of(cell: str) -> Inspected:
    """The same with a run of its golden vectors."""
    return read_subject(build_of(cell), None)


def windows(subject: Inspected, moments: np.ndarray, steps: int) -> tuple[np.ndarray, ...]:
    """What leads to these moments, as `decisions.trace` takes it."""
    back = moments[:, None] + np.arange(1 - steps, 1)
    return subject.real_x[back], subject.real_dt[back], subject.real_h[moments - steps + 1]
