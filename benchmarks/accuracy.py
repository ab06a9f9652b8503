"""The error of fixed point against float64, both free-running over a model's recording.

python -m benchmarks.accuracy build/demo [--weights int8]
"""

from __future__ import annotations

from pathlib import Path

import click

from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles.free_run import against_float
from elegans.exporter.oracles.golden_vectors import load_recording, to_integers


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--weights",
    type=click.Choice(["int16", "int8"]),
    default="int16",
    show_default=True,
    help="integer type of the weights",
)
def main(folder: Path, weights: str) -> None:
    """Print the table as Markdown. FOLDER has model.onnx and recording.npz."""
    source = folder / "model.onnx"
    bits = int(weights.removeprefix("int"))
    model = lower(read_file(source), bits)
    x, dt = to_integers(load_recording(folder / "recording.npz", model), model)
    found = against_float(source, model, x, dt, None)
    click.echo("| steps | worst error / range used | rms | worst state or output |")
    click.echo("|---|---|---|---|")
    click.echo(f"| {found.steps} | {found.worst:.2e} | {found.rms:.2e} | {found.name} |")


if __name__ == "__main__":
    main()
