"""Relatives of the known cells: which exporters write them, their error, their cost, their bits.

python -m benchmarks.doors [--write docs/doors.md] [--only lmu,lru]

Each family of `benchmarks.families` is written by both of torch's exporters, exported, and run on
two virtual boards (an M4 and an M0) with the golden vectors, which compare every integer.
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
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import export
from elegans.hil_tests.session.session import hil

HEAD = ("family", "equations", "exporters", "error", "M4", "M0", "flash", "integers", "different")
_BOARDS = ("mps2-an386", "microbit")  # an M4 and an M0
_EXPORTERS = {"script": False, "dynamo": True}


def _row(name: str, folder: Path) -> tuple[str, ...]:
    """A row of the table. Raises `ElegansError` if no exporter's file can be exported."""
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


def _instructions(found: tuple[int, int] | None) -> str:
    lo, hi = found or (0, 0)
    return f"{lo:,}" if lo == hi else f"{lo:,} to {hi:,}"


@click.command(epilog="Example: python -m benchmarks.doors --only lru --write docs/doors.md")
@click.option(
    "--write",
    "document",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put each row into this document, as soon as it is measured",
)
@click.option("--only", default="", help="families whose names contain one of these parts")
def main(document: Path | None, only: str) -> None:
    """Print the table as Markdown, and to standard error each row with its seconds."""
    logging.disable(logging.WARNING)
    parts = [part.strip() for part in only.lower().split(",")]
    rows, failed = [], False
    for name in (n for n in FAMILIES if any(part in n.lower() for part in parts)):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                row = markdown(_row(name, Path(folder)))
            except ElegansError as error:
                click.echo(f"{name}: {error}", err=True)
                failed = True
                continue
        click.echo(f"{time.perf_counter() - start:.0f} s: {row}", err=True)
        rows.append(row)
        if document:
            write_row(document, "families", HEAD, row, list(FAMILIES))
    click.echo("\n".join([*heading(HEAD), *rows]))
    sys.exit(failed)


if __name__ == "__main__":
    main()
