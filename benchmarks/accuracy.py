"""The error of fixed point against float64, both free-running over a model's recording.

python -m benchmarks.accuracy build/demo [--weights int8]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from elegans.exporter.data.recording import load_recording, to_integers
from elegans.exporter.frontend.import_graph import (
    open_graph,
    read_file,
    read_interface,
    read_network,
)
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.lowering.lower import lower
from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.oracles.free_run import FreeRunError, free_run_error
from elegans.exporter.oracles.reference import run


def against_float(
    source: Path, model: Model, x: Integers, dt: Integers, period: float | None = None
) -> FreeRunError:
    """Run the float network of the file `source` and its model free, from rest.

    x       [N, T, I], N runs of T steps
    dt      [N, T]
    period  the sample period, in dt's unit, where the model has it fixed
    """
    graph = open_graph(source)
    network = read_network(graph, replace(read_interface(graph), dt_fixed=period))
    x, dt = x.swapaxes(0, 1), dt.swapaxes(0, 1)
    return free_run_error("random", model, network, (x, dt, run(model, x, dt)))


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
