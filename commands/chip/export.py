"""`elegans export`: exports a model, and prints its size, its digest and its error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elegans.commands.chip.accuracy import print_errors, warn_of_errors
from elegans.commands.edge import say
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.export import Request, export


def export_model(source: Path, output: Path, options: dict[str, Any]) -> None:
    """Export the ONNX file `source` to the BUILD folder `output`.

    `options` are the other fields of a `Request`. Stages and warnings go to stderr. To stdout
    goes first what the graph's ports were taken for, then the size of the model, its digest, its
    error against float and notes about ranges. Raises ElegansError.
    """
    request = Request(source=source, **options)
    model = export(request, output, lambda stage: say(f"{stage} ...", err=True), say)
    size = f"{len(model.states)} states, {model.weight_count} int{request.weight_bits} weights"
    say(f"{output}: {model.name}, {size}; ranges and errors are in {output / 'report.txt'}")
    say(f"digest {model.digest}")
    folder = read_build_folder(output)
    print_errors(folder.errors)
    warn_of_errors(folder)
    for note in folder.notes:
        say(f"note: {note}")
