"""The steps of `elegans demo`: train, export, boot and compare, drive, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.virtual_board import choose_emulator
from elegans.boards.firmware.toolchain import cross_compiler
from elegans.demo.drivers import Driver, FloatDriver, board_driver, reference_driver
from elegans.demo.report import write_drive, write_report
from elegans.demo.result import Result
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import WrongUseError
from elegans.exporter.export import Request, export
from elegans.hil_tests.lab import DEFAULT_BOARD
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.trainer.progress import Progress
from elegans.trainer.tasks import TrainOptions, train
from elegans.trainer.tasks.lane.closed_loop import Drive, drive, drive_expert

_ROAD_SEED = 302  # of the road that is driven; no network was trained on it


@dataclass(frozen=True)
class Settings:
    """The options of the demo. ``short`` trains fewer epochs and drives for a shorter time."""

    board: str = DEFAULT_BOARD
    emulator: str = "auto"
    compiler: str = "auto"
    seed: int = 1
    short: bool = False

    @property
    def drive_seconds(self) -> float:
        """The simulated time that each controller drives, s."""
        return 20.0 if self.short else 60.0


def run_demo(target: Path, settings: Settings, progress: Progress) -> Result:
    """Run the whole demo, write all its files to the folder ``target``, and return the figures.

    Raises `ElegansError` if a step fails. `Result.require` then checks whether
    the figures are good enough.
    """
    started = time.monotonic()
    # A board, emulator or compiler that is not there is reported before the training.
    board = find_board(settings.board)
    if not board.emulators:
        fact = "is a real board, and the demo drives an emulated one"
        remedy = f"leave --board out, then: elegans flash {target}/export --board {board.name}"
        raise WrongUseError(board.name, fact, remedy)
    choose_emulator(settings.emulator, board)
    cross_compiler(settings.compiler)
    train("lane", target, TrainOptions(settings.seed, settings.short), progress)
    source, recorded = target / "model.onnx", target / "recording.npz"

    progress("export", 0, 1, "")
    request = Request(source, recording=recorded)
    model = export(request, target / "export", lambda text: progress("export", 0, 1, text))
    errors = read_build_folder(target / "export").errors
    progress("export", 1, 1, "")

    progress("build", 0, 1, settings.board)
    options = BoardOptions(settings.emulator, settings.compiler)
    with session(target / "export", settings.board, options) as device:
        verdict = device.compare(progress=lambda n, of: progress("compare", n, of, ""))
        on_reference, on_board = reference_driver(model), board_driver(model, device.link)
        drivers: dict[str, Driver] = {
            "float network": FloatDriver(source, len(model.states)),
            "fixed-point reference": on_reference,
            f"board ({device.board})": on_board,
        }
        drives = _drives(drivers, settings.drive_seconds, progress)
        device.link.require_no_fault(device.hello)
    expected, got = np.array(on_reference.trace), np.array(on_board.trace)
    result = Result(
        model=model,
        verdict=verdict,
        errors=errors,
        drives=drives,
        loop_integers=expected.size,
        loop_different=int(np.sum(expected != got)),
        seconds=time.monotonic() - started,
    )
    write_report(target, result)
    progress("page", 0, 1, "drive.html")
    write_drive(target, settings.short)
    progress("page", 1, 1, "")
    return result


def _drives(drivers: Mapping[str, Driver], seconds: float, progress: Progress) -> dict[str, Drive]:
    """The same road driven by each of ``drivers`` in turn, and at last by the expert."""
    drives = {}
    for number, (name, driver) in enumerate(drivers.items()):
        progress("drive", number, len(drivers), name)
        drives[name] = drive(driver, seconds, _ROAD_SEED)
    progress("drive", len(drivers), len(drivers), "")
    drives["expert, who sees the truth"] = drive_expert(seconds, _ROAD_SEED)
    return drives
