"""BasicMotions: smartwatch recordings of four activities, read from the files in aeon's wheel.

Four students wore a watch while standing, walking, running and playing badminton: 40
series to train on and 40 to test on, 6 channels (accelerometer x, y, z, then gyroscope
x, y, z, in the watch's own units), 100 samples at 10 Hz.

Source: the UEA multivariate time series archive (Bagnall et al., 2018,
https://www.timeseriesclassification.com/description.php?Dataset=BasicMotions), as carried
by the wheel of aeon (BSD 3-Clause) on PyPI. Nothing is downloaded, aeon's code does not
run, and the files' SHA-256 sums are verified before they are used.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError

ACTIVITIES = ("standing", "running", "walking", "badminton")
CHANNELS = ("accel_x", "accel_y", "accel_z", "gyro_x", "gyro_y", "gyro_z")
PERIOD = 0.1
"""Time between samples, s."""

_SHA256 = {
    "BasicMotions_TRAIN.ts": "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
    "BasicMotions_TEST.ts": "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
}


@dataclass(frozen=True, eq=False)
class Series:
    """N recordings, 40 in each file: x [N, 100, 6], label [N] as an index into ACTIVITIES."""

    x: npt.NDArray[np.float32]
    label: npt.NDArray[np.int64]


def load() -> tuple[Series, Series]:
    """The training and the test series. Raises ElegansError if aeon or its data are missing."""
    aeon = importlib.util.find_spec("aeon")
    if aeon is None or not aeon.submodule_search_locations:
        raise ElegansError(
            "task motions",
            "its recordings come with aeon, which is not installed",
            "pip install 'elegans[data]'",
        )
    folder = Path(aeon.submodule_search_locations[0]) / "datasets" / "data" / "BasicMotions"
    train, test = (read(folder / name, digest) for name, digest in _SHA256.items())
    return train, test


def decide(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Scores [N, T, 4] of every step -> decisions [N], as indices into ACTIVITIES.

    The decision is the largest mean score over the second half of each series.
    """
    second_half = scores[:, scores.shape[1] // 2 :]
    return np.asarray(second_half.mean(axis=1).argmax(axis=-1))


def read(path: Path, digest: str) -> Series:
    """Parse the `.ts` file at `path`, whose SHA-256 must be `digest` (hexadecimal).

    A line holds one series: its channels, separated by colons, then its activity. Raises
    ElegansError for a file that cannot be read or has another digest.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ElegansError(
            path.name, f"cannot be read ({error.strerror})", "reinstall aeon with its data"
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise ElegansError(
            path.name,
            f"its SHA-256 is {found[:12]}…, not {digest[:12]}…",
            "install aeon 1.6.0, which this version of elegans was tested with",
        )
    lines = [line.strip() for line in data.decode("utf-8").splitlines()]
    rows = [line for line in lines if line and line[0] not in "#@"]
    x, label = [], []
    for row in rows:
        *channels, activity = row.split(":")
        x.append([[float(value) for value in channel.split(",")] for channel in channels])
        label.append(ACTIVITIES.index(activity.lower()))
    return Series(np.array(x, np.float32).transpose(0, 2, 1), np.array(label))
