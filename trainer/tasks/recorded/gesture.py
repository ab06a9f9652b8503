"""Task `gesture`: the phases of gestures while people tell a story, with real time stamps.

Madeo, Lima and Peres, "Gesture Unit Segmentation Using Support Vector Machines", 2013: a Kinect's
positions of hands, wrists, head and spine, stamped in milliseconds, about 30 frames a second but
not evenly; five phases, marked by hand. The inputs are the positions of hands and wrists
relative to the spine, in units of the distance from spine to head, so that they do not depend on
where somebody sits, and the logarithm of 1 plus the speed of each since the frame before. All of
user C is the test part: nobody in it was seen in training.

The processed files of the set (`*_va3.csv`) are not used: their velocities are computed over
neighbouring frames, and the published results are of frames that were shuffled before they were
split, so that a test frame's neighbours, 30 ms away, were in the training part. One frame is
labelled in Portuguese, `Preparação`: it is taken as Preparation.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from elegans.exporter.data.recordings.read_columns import Columns, read_columns
from elegans.trainer.data.augment import Augmentation
from elegans.trainer.data.series import Choice, DataSet, from_columns
from elegans.trainer.tasks.recorded.published import Published, RecordedTask

SOURCE = Published(
    "gesture",
    {
        "raw/a1_raw.csv": "83012e2caf7d7d31733a3048e2051ea39f88793832d7c126a8e3b9565f4750e1",
        "raw/a2_raw.csv": "bfc8cf68484638088c34fdb6f902daefb3df8eab90a00754b19ad0f90ee61d3a",
        "raw/a3_raw.csv": "7aa269527b1e7a7262e9d8b0e8a8763ca20016792a24920ee10a5a02cde3a2b5",
        "raw/b1_raw.csv": "d57a2a3da1dfc00e0bcb0c6b5bc2b4746a0992e3a3dea0aec4bc370360d17a7a",
        "raw/b3_raw.csv": "9a437133ef5464526f42f5e505897518aa51781d165fe5291ee85389d87b32ff",
        "raw/c1_raw.csv": "ddf0cda9a0f721a1db55ece244f6ee82bfceb53b85dc613563a5fb921ad1bf2d",
        "raw/c3_raw.csv": "ac3eb37659fc91dbead9b11ed18ebb999be4d533ac46e94e39d7b01ace4a1602",
    },
    "https://archive.ics.uci.edu/dataset/302/gesture+phase+segmentation",
    "CC BY 4.0",
)
_LIMBS = ("lh", "rh", "lw", "rw")
_AXES = "xyz"
_INPUTS = (
    *(f"{limb}{axis}" for limb in _LIMBS for axis in _AXES),
    *(f"{limb}_speed" for limb in _LIMBS),
)


def load(folder: Path | None) -> DataSet:
    """The seven videos as recordings a1, a2, a3, b1, b3, c1, c3.

    Raises ElegansError for missing or other files.
    """
    place = SOURCE.find(folder)
    tables = [_relative(read_columns(place / name)) for name in SOURCE.files]
    names = [Path(name).stem.removesuffix("_raw") for name in SOURCE.files]
    values = {
        name: np.concatenate([table.values[name] for table in tables])
        for name in (*_INPUTS, "timestamp", "phase")
    }
    lengths = [len(table.values["phase"]) for table in tables]
    values["phase"] = np.where(values["phase"] == "Preparação", "Preparation", values["phase"])
    columns = Columns(SOURCE.folder, {**values, "video": np.repeat(names, lengths)}, {})
    choice = Choice("timestamp [ms]", ("phase",), _INPUTS, group="video", kind="classification")
    return from_columns(columns, choice)


def _relative(table: Columns) -> Columns:
    """Positions of hands and wrists from the spine, in distances from spine to head, and speeds.

    A frame's speed is of what is known when it comes: the way from the frame before, over the
    time since then; 0 in the first frame.
    """
    spine = np.stack([table.values[f"s{axis}"] for axis in _AXES])
    head = np.stack([table.values[f"h{axis}"] for axis in _AXES])
    size = np.linalg.norm(head - spine, axis=0)
    size = np.where(size > 0, size, np.nan)
    seconds = np.diff(table.values["timestamp"], prepend=np.nan) / 1e3
    found = dict(table.values)
    for limb in _LIMBS:
        for row, axis in enumerate(_AXES):
            found[f"{limb}{axis}"] = (table.values[f"{limb}{axis}"] - spine[row]) / size
        position = np.stack([found[f"{limb}{axis}"] for axis in _AXES])
        way = np.linalg.norm(np.diff(position, axis=1, prepend=position[:, :1]), axis=0)
        moving = np.where(seconds > 0, seconds, np.inf)
        found[f"{limb}_speed"] = np.log1p(way / moving)
    return replace(table, values=found)


TASK = RecordedTask(
    "gesture",
    "five phases of gestures, from the hands' positions at uneven times",
    load,
    {
        "class_weights": "balanced",
        "window": 128,
        "lr": 0.005,
        "augmentation": Augmentation(noise=0.3, dropout=0.1),
    },
    validation=("a3",),
    test=("c1", "c3"),
)
