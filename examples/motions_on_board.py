"""Recognise four activities on the board: the chip decides each recorded series.

elegans train motions -o build/motions
elegans export build/motions/model.onnx -o build/motions/export
python examples/motions_on_board.py build/motions
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from elegans.exporter.build_folder import load_model
from elegans.exporter.data.recording import load_recording, to_integers
from elegans.exporter.numbers.fixed import dequantise
from elegans.hil_tests.session.session import session
from elegans.hil_tests.session.stream import run
from elegans.trainer.tasks.motions.recordings import ACTIVITIES, decide


def decisions(folder: Path, board: str = "mps2-an386") -> tuple[np.ndarray, np.ndarray]:
    """For the N series of FOLDER/recording.npz: the board's decisions [N], the true labels [N].

    Both are indices into ACTIVITIES; FOLDER/export is what `elegans export` wrote.
    """
    build, recording = folder / "export", folder / "recording.npz"
    model = load_model(build)
    x, dt = to_integers(load_recording(recording, model), model)
    with session(build, board) as device:
        runs = [run(device.link, *series)[0] for series in zip(x, dt, strict=True)]
    scores = dequantise(np.array(runs), np.array([c.frac for c in model.outputs]))
    return decide(scores.astype(np.float32)), np.load(recording)["label"]


def main() -> None:
    """Print how many series of each activity the board recognised."""
    decided, true = decisions(Path(sys.argv[1]))
    for label, activity in enumerate(ACTIVITIES):
        right = int(np.sum(decided[true == label] == label))
        print(f"{activity:<10} {right} of {int(np.sum(true == label))} right")


if __name__ == "__main__":
    main()
