"""Small recordings for the tests of data and training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elegans.exporter.data.recordings.read_columns import Columns, column_of
from elegans.trainer.data.series import Choice, DataSet, from_columns


def columns(text: str) -> Columns:
    """A table from lines of `name=cell,cell,...`; `-` is a missing cell."""
    values = {}
    for line in text.split():
        name, _, cells = line.partition("=")
        values[name] = column_of(cells.split(","), name)
    return Columns("test", values, dict.fromkeys(values, ""))


def data(text: str, **choice: object) -> DataSet:
    """Recordings from such lines, with time stamps `t` and the target `y` unless said."""
    given = {"time": "t", "targets": ("y",), **choice}
    return from_columns(columns(text), Choice(**given))  # type: ignore[arg-type]


def write_machine(path: Path, recordings: int = 7, steps: int = 40, seed: int = 0) -> Path:
    """A CSV file of a machine that idles or runs: uneven times in ms, missing temperatures."""
    random = np.random.default_rng(seed)
    lines = ["t [ms],temp [degC],vibration [g],session,state"]
    for session in range(recordings):
        t, phase = 0, random.uniform(0, 6)
        for _ in range(steps):
            t += int(random.integers(20, 60))
            running = np.sin(t / 300 + phase) > 0
            shake = (1.0 if running else 0.2) * random.normal()
            temp = (
                f"{20 + 3 * running + 0.3 * random.normal():.2f}" if random.random() > 0.1 else ""
            )
            state = "run" if running else "idle"
            lines.append(f"{t},{temp},{shake:.3f},s{session},{state}")
    path.write_text("\n".join(lines) + "\n")
    return path
