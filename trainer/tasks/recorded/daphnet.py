"""Task `daphnet`: where a patient's ankle accelerates 125 ms from now, at 64 Hz.

Bächlin et al., "Wearable Assistant for Parkinson's Disease Patients With the Freezing of Gait
Symptom", 2010: three accelerometers at ankle, leg and trunk. aeon's wheel carries an excerpt of
two minutes, S06R02E0, in which no freezing of gait occurs, so a classification of it would have
one class: what is learned here is a forecast. The split is by time.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

from elegans.exporter.data.recordings.read_columns import read_columns
from elegans.exporter.errors import ElegansError
from elegans.trainer.data.series import Choice, DataSet, from_columns
from elegans.trainer.tasks.recorded.published import Published, RecordedTask

SOURCE = Published(
    "Daphnet_S06R02E0",
    {"S06R02E0.csv": "5a1d2990fec3846c3e1bc43487f0860e63434bd06b3df763012e97ce23d0d84c"},
    "aeon 1.6.0, pip install 'elegans[data]'; in full at "
    "https://archive.ics.uci.edu/dataset/245/daphnet+freezing+of+gait",
    "CC BY 4.0",
)
_PLACES = ("ankle", "leg", "trunk")
_AXES = ("horiz_fwd", "vert", "horiz_lateral")
_CHOICE = Choice(
    time="timestamp",
    targets=("ankle_vert [mg]",),
    inputs=tuple(f"{place}_{axis} [mg]" for place in _PLACES for axis in _AXES),
    forecast=8,
)


def load(folder: Path | None) -> DataSet:
    """The excerpt; `folder` is where it is if not in aeon's wheel. Raises ElegansError without."""
    if folder is None:
        aeon = importlib.util.find_spec("aeon")
        if aeon is None or not aeon.submodule_search_locations:
            raise ElegansError(
                "task daphnet",
                "its recording comes with aeon, which is not installed",
                "pip install 'elegans[data]'",
            )
        folder = Path(aeon.submodule_search_locations[0]) / "datasets" / "data"
    columns = read_columns(SOURCE.find(folder) / "S06R02E0.csv")
    return replace(from_columns(columns, _CHOICE), source=SOURCE.folder)


TASK = RecordedTask("daphnet", "forecast a patient's ankle 125 ms ahead, at 64 Hz", load)
