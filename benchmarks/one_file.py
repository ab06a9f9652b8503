"""Many steps in one run, on the reference, on the host and on boards: is it one file?

python -m benchmarks.one_file build/lane/export --steps 600000

The inputs and elapsed times are random in the whole declared ranges; in half of the steps the
inputs hold for ten, so that slow states move.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from elegans.exporter.build_folder import load_model
from elegans.exporter.ir.fixed_model import Model

_HELD = 10


def write_input(path: Path, model: Model, steps: int, seed: int) -> None:
    """A recording: the first half of the inputs changes at every step, the second every ten."""
    rng, held = np.random.default_rng(seed), steps // 2
    lo, hi = np.array([channel.range for channel in model.inputs]).T
    slow = rng.uniform(lo, hi, (held // _HELD + 1, len(lo))).repeat(_HELD, axis=0)[:held]
    arrays = {"x": np.concatenate([rng.uniform(lo, hi, (steps - held, len(lo))), slow])}
    if model.dt is not None:
        arrays["dt"] = rng.uniform(*model.dt.range, steps)
    np.savez(path, allow_pickle=False, **arrays)


@click.command()
@click.argument("build", type=click.Path(path_type=Path))
@click.option("--steps", default=600_000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--on",
    "places",
    multiple=True,
    default=["reference", "host", "mps2-an386", "qemu-rv32-virt"],
    show_default=True,
    help="where to run it; the first is what others are compared with",
)
def main(build: Path, steps: int, seed: int, places: tuple[str, ...]) -> None:
    """Run the same steps at each place and compare the files that `elegans run` writes."""
    digests = []
    command = [str(Path(sys.executable).with_name("elegans")), "run", str(build)]
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        source, output = Path(scratch, "in.npz"), Path(scratch, "out.npz")
        write_input(source, load_model(build), steps, seed)
        for on in places:
            begun = time.monotonic()
            subprocess.run(
                [*command, "--input", str(source), "--output", str(output), "--on", on],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            seconds = time.monotonic() - begun
            digests.append(hashlib.sha256(output.read_bytes()).hexdigest())
            with np.load(output) as arrays:
                integers = arrays["y_int"].size + arrays["h_int"].size
            same = "the same file" if digests[-1] == digests[0] else "ANOTHER FILE"
            told = f"{integers:,} integers of {steps:,} steps"
            print(f"{on:<16} {told}, {same}, {seconds:.0f} s", flush=True)
    sys.exit(len(set(digests)) > 1)


if __name__ == "__main__":
    main()
