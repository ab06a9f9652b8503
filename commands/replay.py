"""`elegans run`: runs a recording, writes the results, and tells of states that saturate."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elegans.commands.edge import say
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.files import npz, require_file, write_file
from elegans.exporter.saturation import saturations
from elegans.hil_tests.session.replay import Target, replay


def run_recording(
    build: Path, source: Path, output: Path, target: Target, clip: bool = False
) -> None:
    """Run the recording `source` through a BUILD and write the results to `output`.

    `clip` puts values right that the model does not take, and says so on stderr. To stdout goes
    a line for each layer that can saturate, with the remedy if it does. Raises
    `ElegansError`.
    """
    require_file(output)
    arrays = replay(build, source, target, clip, lambda text: say(text, err=True))
    write_file(output, npz(arrays))
    say(f"{output}: {len(arrays['y'])} steps on {target.on}")
    for one in saturations(read_build_folder(build).states, arrays["h_int"].astype(np.int64)):
        say(f"saturated: {one}" + (f"; {one.remedy}" if one.steps else ""))
