"""What many series cost in one call of `elegans run`, and one of them in a call of its own.

python -m benchmarks.many_series BUILD --series 800
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from elegans.exporter.build_folder import load_model


@click.command()
@click.argument("build", type=click.Path(path_type=Path))
@click.option("--series", default=800, show_default=True)
def main(build: Path, series: int) -> None:
    """Write CSV files of 20 to 59 random steps, run them, and print the seconds."""
    model, rng = load_model(build), np.random.default_rng(1)
    channels = [*model.inputs, *([model.dt] if model.dt else [])]
    lo, hi = np.array([c.range for c in channels]).T
    header = ",".join([c.name for c in model.inputs] + (["dt"] if model.dt else []))
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        data = Path(scratch, "data")
        data.mkdir()
        for i in range(series):
            rows = rng.uniform(lo, hi, (int(rng.integers(20, 60)), len(channels)))
            np.savetxt(data / f"{i:05}.csv", rows, delimiter=",", header=header, comments="")
        for on in ("reference", "host"):
            for source in (data, data / "00000.csv"):
                start = time.monotonic()
                call = [
                    str(Path(sys.executable).with_name("elegans")),
                    "run",
                    str(build),
                    "--on",
                    on,
                ]
                output = ["--output", str(Path(scratch, "out.npz"))]
                done = subprocess.run(
                    [*call, "--input", str(source), *output],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                seconds = time.monotonic() - start
                print(f"{seconds:5.1f} s  {done.stdout.partition(': ')[2].splitlines()[0]}")


if __name__ == "__main__":
    main()
