"""What comes in besides steps of known cells: who writes it, its error, its cost, its bits.

python -m benchmarks.doors [--write docs/doors.md] [--only lmu,nn.]

Each family of `benchmarks.families`, and each sequence of `benchmarks.whole_networks`, is written
by torch's exporters, exported, and run on the virtual board (an M4) with the golden vectors, which
compare every integer.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

import click

from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.benchmarks.families import FAMILIES, write
from elegans.benchmarks.whole_networks import NETWORKS, write_cells
from elegans.benchmarks.whole_networks import write as write_whole
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.hil_tests.session.session import Verdict, hil

HEAD = ("family", "equations", "exporters", "error", "M4", "flash", "integers", "different")
_WHOLE_HEAD = (
    *("sequence", "found", "exporters", "error", "M4"),
    *("M4, by cells", "flash", "integers", "different"),
)
_BOARD = "mps2-an386"
Row = tuple[str, ...]


def _family(name: str, folder: Path) -> Row:
    """A row of the families. Raises `ElegansError` if no exporter's file can be exported."""
    requests = {e: write(name, folder / f"{e}.onnx", e == "dynamo") for e in ("script", "dynamo")}
    exporters, error, verdict, _ = _measured(requests, folder)
    return (name, FAMILIES[name].paper, exporters, error, _instructions(verdict), *_rest(verdict))


def _whole(name: str, folder: Path) -> Row:
    """A row of the whole sequences. Raises `ElegansError` as `_family` does."""
    network = NETWORKS[name]
    requests = {
        e: _request(write_whole(name, folder / f"{e}.onnx", e == "dynamo"))
        for e in network.exporters
    }
    exporters, error, verdict, told = _measured(requests, folder)
    by_cells = "-"
    if network.cells:
        export(_request(write_cells(network.cells, folder / "cells.onnx")), folder / "cells")
        by_cells = _instructions(hil(folder / "cells", _BOARD))
    found = told.split(": ")[0].removeprefix("one step of ")
    return (name, found, exporters, error, _instructions(verdict), by_cells, *_rest(verdict))


def _request(path: Path) -> Request:
    return Request(path, name="model", input_ranges=((-1.0, 1.0),), accept_error=1e-2)


def _measured(requests: dict[str, Request], folder: Path) -> tuple[str, str, Verdict, str]:
    """Which exporters, the worst error, the verdict of the board, and what the ports were."""
    told, digests = list[str](), list[str]()
    for exporter, request in requests.items():
        digests.append(export(request, folder / exporter, told=told.append).digest)
    builds = [folder / exporter for exporter in requests]
    errors = [max(e.worst for e in read_build_folder(build).errors) for build in builds]
    exporters = "both" if len(requests) > 1 else next(iter(requests))
    if len(requests) > 1 and len(set(digests)) == 1:
        exporters = "both, same bits"
    return exporters, f"{max(errors):.1e}", hil(builds[0], _BOARD), told[0]


def _instructions(verdict: Verdict) -> str:
    lo, hi = verdict.instructions or (0, 0)
    return f"{lo:,}" if lo == hi else f"{lo:,} to {hi:,}"


def _rest(verdict: Verdict) -> Row:
    return f"{verdict.flash_bytes:,}", f"{verdict.integers:,}", f"{verdict.mismatches}"


_TABLES = {
    "families": (HEAD, list(FAMILIES), _family),
    "recurrent nodes": (_WHOLE_HEAD, list(NETWORKS), _whole),
}


@click.command(epilog="Example: python -m benchmarks.doors --only lru --write docs/doors.md")
@click.option(
    "--write",
    "document",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put each row into this document, as soon as it is measured",
)
@click.option("--only", default="", help="rows whose names contain one of these parts")
def main(document: Path | None, only: str) -> None:
    """Print the tables as Markdown, and to standard error each row with its seconds."""
    logging.disable(logging.WARNING)
    parts = [part.strip() for part in only.lower().split(",")]
    failed = False
    for table, (head, names, row_of) in _TABLES.items():
        rows = []
        for name in (n for n in names if any(part in n.lower() for part in parts)):
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                try:
                    row = markdown(row_of(name, Path(folder)))
                except ElegansError as error:
                    click.echo(f"{name}: {error}", err=True)
                    failed = True
                    continue
            click.echo(f"{time.perf_counter() - start:.0f} s: {row}", err=True)
            rows.append(row)
            if document:
                write_row(document, table, head, row, names)
        click.echo("\n".join([*heading(head), *rows, ""]))
    sys.exit(failed)


if __name__ == "__main__":
    main()
