"""The demo's acts, in order, and what they showed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.virtual_board import choose
from elegans.boards.firmware.toolchain import cross_compiler
from elegans.demo import drivers
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.oracles.accuracy import Accuracy, against_float
from elegans.exporter.oracles.golden_vectors import load_recording, to_integers
from elegans.hil_tests.session.compare import Verdict
from elegans.hil_tests.session.session import Device, session
from elegans.trainer.progress import Progress
from elegans.trainer.tasks import TrainOptions, train
from elegans.trainer.tasks.lane.closed_loop import Drive, drive, drive_expert

_JOURNEY = 302  # the last act's road; never trained on
_ALLOWED_ERROR = 1e-3  # of a state's range, fixed point against float
_ALLOWED_DRIFT = 0.02  # of the lateral error, board against float


@dataclass(frozen=True)
class Stage:
    """Where the demo plays: a board, and how long the acts take."""

    board: str = "mps2-an386"
    emulator: str = "auto"
    compiler: str = "auto"
    seed: int = 1
    short: bool = False

    @property
    def drive_seconds(self) -> float:
        return 20.0 if self.short else 60.0


@dataclass(frozen=True)
class Result:
    """Everything that the demo's table and report show."""

    model: Model
    verdict: Verdict
    accuracy: Accuracy
    drives: dict[str, Drive]
    loop_integers: int
    loop_different: int
    seconds: float

    @property
    def integers(self) -> int:
        """Integers compared, golden vectors and closed loop together."""
        return self.verdict.integers + self.loop_integers

    @property
    def different(self) -> int:
        return self.verdict.mismatches + self.loop_different

    @property
    def drift(self) -> float:
        """The board's lateral error against the float network's: 0 is the same."""
        float_rms, _, board_rms, _ = (one.rms for one in self.drives.values())
        return board_rms / float_rms - 1.0

    @property
    def apart(self) -> float:
        """The greatest distance between the board's car and the float network's, m."""
        float_drive, _, board_drive, _ = self.drives.values()
        gap = np.linalg.norm(board_drive.position - float_drive.position, axis=1)
        return float(gap.max())

    def require(self) -> None:
        """Raise `ElegansError` unless the demo showed all that it promises."""
        self.verdict.require()
        for what, found, allowed in (
            ("fixed point against float", self.accuracy.worst, _ALLOWED_ERROR),
            ("the board's lateral error against float's", abs(self.drift), _ALLOWED_DRIFT),
        ):
            if found > allowed:
                fact = f"strays by {found:.1e}, {allowed:.0e} is allowed"
                raise ElegansError(what, fact, "train longer, or with another --seed")
        if self.loop_different:
            raise ElegansError(
                "the closed loop",
                f"{self.loop_different} of {self.loop_integers} integers differ",
                "run 'elegans hil' on the export",
            )
        for name, one in self.drives.items():
            if not one.held:
                raise ElegansError(
                    f"the drive by {name}",
                    f"left its lane, {one.worst:.2f} m from the centreline",
                    "train longer, or with another --seed",
                )


def play(target: Path, stage: Stage, progress: Progress) -> Result:
    """Play all acts, leave everything in the folder `target`, and return what was measured."""
    from elegans.demo.report import write_report

    started = time.monotonic()
    # Whatever was asked for in vain is told before the training, not after it.
    choose(stage.emulator, find_board(stage.board))
    cross_compiler(stage.compiler)
    train("lane", target, TrainOptions(stage.seed, stage.short), progress)
    source, recorded = target / "model.onnx", target / "recording.npz"

    progress("export", 0, 1, "")
    request = Request(source, recording=recorded)
    model = export(request, target / "export", lambda text: progress("export", 0, 1, text))
    x, dt = to_integers(load_recording(recorded, model), model)
    accuracy = against_float(source, model, x, dt, None)
    progress("export", 1, 1, "")

    progress("build", 0, 1, stage.board)
    settings = (stage.board, stage.emulator, stage.compiler)
    with session(target / "export", *settings) as device:
        verdict = device.compare(progress=lambda n, of: progress("compare", n, of, ""))
        drives, traces = _last_act(source, model, device, stage, progress)
    different = int(np.sum(traces[0] != traces[1]))
    seconds = time.monotonic() - started
    result = Result(model, verdict, accuracy, drives, traces[0].size, different, seconds)
    write_report(target, result)
    return result


def _last_act(
    source: Path, model: Model, device: Device, stage: Stage, progress: Progress
) -> tuple[dict[str, Drive], list[np.ndarray]]:
    """The same road driven by the expert, in float, by the reference, and by the board."""
    fixed = [drivers.by_reference(model), drivers.by_board(model, device.link)]
    hands: dict[str, drivers.Driver] = {
        "float network": drivers.Float(source, len(model.states)),
        "fixed-point reference": fixed[0],
        f"board ({device.board})": fixed[1],
    }
    drives = {}
    for number, (name, hand) in enumerate(hands.items()):
        progress("drive", number, len(hands), name)
        drives[name] = drive(hand, stage.drive_seconds, _JOURNEY)
    progress("drive", len(hands), len(hands), "")
    drives["expert, who sees the truth"] = drive_expert(stage.drive_seconds, _JOURNEY)
    return drives, [np.array(f.trace) for f in fixed]
