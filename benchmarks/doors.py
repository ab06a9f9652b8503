"""What comes in besides steps of known cells: who writes it, its error, its cost, its bits.

python -m benchmarks.doors [--write docs/doors.md] [--only lmu,nn.]

Each family of `benchmarks.families`, and each sequence of `benchmarks.whole_networks`, is written
by torch's exporters, exported, and run on virtual boards (an M4, families also on an M0) with the
golden vectors, which compare every integer.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

import click

from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.benchmarks.families import FAMILIES, worst_error, write
from elegans.benchmarks.whole_networks import NETWORKS, write_cells
from elegans.benchmarks.whole_networks import write as write_whole
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.hil_tests.session.session import hil

HEAD = ("family", "equations", "exporters", "error", "M4", "M0", "flash", "integers", "different")
_WHOLE_HEAD = (
    *("sequence", "found", "exporters", "error", "M4"),
    *("M4, by cells", "flash", "integers", "different"),
)
_BOARDS = ("mps2-an386", "microbit")  # an M4 and an M0
_EXPORTERS = {"script": False, "dynamo": True}


def _family(name: str, folder: Path) -> tuple[str, ...]:
    """A row of the families. Raises `ElegansError` if no exporter's file can be exported."""
    digests, built = [], []
    for exporter, dynamo in _EXPORTERS.items():
        request = write(name, folder / f"{exporter}.onnx", dynamo)
        digests.append(export(request, folder / exporter).digest)
        built.append(folder / exporter)
    error = max(worst_error(name, build) for build in built)
    m4, m0 = (hil(built[0], board) for board in _BOARDS)
    return (
        name,
        FAMILIES[name].paper,
        "both, same bits" if digests[0] == digests[1] else "both",
        f"{error:.1e}",
        *(_instructions(verdict.instructions) for verdict in (m4, m0)),
        f"{m4.flash_bytes:,}",
        f"{m4.integers + m0.integers:,}",
        f"{m4.mismatches + m0.mismatches}",
    )


def _whole(name: str, folder: Path) -> tuple[str, ...]:
    """A row of the whole sequences. Raises `ElegansError` if a file cannot be exported."""
    network, told = NETWORKS[name], list[str]()
    digests, errors = [], []
    for exporter in network.exporters:
        path = write_whole(name, folder / f"{exporter}.onnx", _EXPORTERS[exporter])
        model = export(_request(path), folder / exporter, told=told.append)
        digests.append(model.digest)
        errors += [e.worst for e in read_build_folder(folder / exporter).errors]
    verdict, by_cells = hil(folder / network.exporters[0], _BOARDS[0]), "-"
    if network.cells:
        export(_request(write_cells(network.cells, folder / "cells.onnx")), folder / "cells")
        by_cells = _instructions(hil(folder / "cells", _BOARDS[0]).instructions)
    both = "both, same bits" if len(set(digests)) == 1 else "both"
    return (
        name,
        told[0].split(": ")[0].removeprefix("one step of "),
        both if len(digests) > 1 else network.exporters[0],
        f"{max(errors):.1e}",
        _instructions(verdict.instructions),
        by_cells,
        f"{verdict.flash_bytes:,}",
        f"{verdict.integers:,}",
        f"{verdict.mismatches}",
    )


def _request(path: Path) -> Request:
    return Request(path, name="model", input_ranges=((-1.0, 1.0),), accept_error=1e-2)


def _instructions(found: tuple[int, int] | None) -> str:
    lo, hi = found or (0, 0)
    return f"{lo:,}" if lo == hi else f"{lo:,} to {hi:,}"


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
