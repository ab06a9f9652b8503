"""Task `occupancy`: whether somebody is in an office, from its climate, once a minute.

Candanedo and Feldheim, "Accurate occupancy detection of an office room from light, temperature,
humidity and CO2 measurements using statistical learning models", 2016. Three files of separate
weeks: training, a test file from the days before it and one from the days after it. The last
fifth of the training file, in time, is the validation part here.

Humidity ratio is left out: it is computed from temperature and humidity.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from elegans.exporter.data.recordings.read_columns import read_columns
from elegans.trainer.data.series import Choice, DataSet, from_columns
from elegans.trainer.tasks.recorded.published import Published, RecordedTask

SOURCE = Published(
    "occupancy",
    {
        "datatraining.txt": "b2c4d0ce2b9e4e453c476f7125ef31aeec2d1f5c7f5572d0e80de3df6521ab56",
        "datatest.txt": "1b92c7c1b2838963464fa891a610cf3c5db4becb7189189b29b330107a584c7f",
        "datatest2.txt": "d026d1bd5aeccd4aff4f3b3710d48e40613bd5fc370db7e61bbdcaa50d985095",
    },
    "https://archive.ics.uci.edu/dataset/357/occupancy+detection",
    "CC BY 4.0",
)
_CHOICE = Choice(
    time="date",
    targets=("Occupancy",),
    inputs=("Temperature [degC]", "Humidity [%]", "Light [lux]", "CO2 [ppm]"),
    kind="classification",
)
_TRAINING = 0.8


def load(folder: Path | None) -> DataSet:
    """The three files as recordings; the end of the training file is one of its own.

    Raises ElegansError for missing or other files.
    """
    place = SOURCE.find(folder)
    sets = [from_columns(read_columns(place / name), _CHOICE) for name in SOURCE.files]
    series = []
    for name, one in zip(SOURCE.files, sets, strict=True):
        group = Path(name).stem
        for stretch in one.series:
            if group == "datatraining":
                cut = round(_TRAINING * len(stretch))
                series.append(replace(stretch.part(0, cut), group=group))
                series.append(replace(stretch.part(cut, len(stretch)), group=f"{group}_end"))
            else:
                series.append(replace(stretch, group=group))
    notes = list(dict.fromkeys(note for one in sets for note in one.notes))
    return replace(sets[0], source=SOURCE.folder, series=series, notes=notes)


TASK = RecordedTask(
    "occupancy",
    "whether somebody is in an office, from its climate once a minute",
    load,
    {"class_weights": "balanced"},
    validation=("datatraining_end",),
    test=("datatest", "datatest2"),
)
