"""Relatives of the known cells: which exporters write them, their error, their cost, their bits.

python -m benchmarks.doors [--write docs/doors.md] [--only lmu,lru]

Each family of `benchmarks.families` is written by both of torch's exporters, exported, and run on
the virtual board (an M4) with the golden vectors, which compare every integer.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click

from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.benchmarks.families import FAMILIES, write
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import export
from elegans.hil_tests.session.session import hil

HEAD = ("family", "equations", "exporters", "error", "M4", "flash", "integers", "different")
_EXPORTERS = {"script": False, "dynamo": True}


def _row(name: str, folder: Path) -> tuple[str, ...]:
    """A row of the table. Raises `ElegansError` if no exporter's file can be exported."""
    digests, built = [], []
    for exporter, dynamo in _EXPORTERS.items():
        request = write(name, folder / f"{exporter}.onnx", dynamo)
        digests.append(export(replace(request), folder / exporter).digest)
        built.append(folder / exporter)
    errors = [max(e.worst for e in read_build_folder(build).errors) for build in built]
    verdict = hil(built[0], "mps2-an386")
    lo, hi = verdict.instructions or (0, 0)
    return (
        name,
        FAMILIES[name].paper,
        "both, same bits" if digests[0] == digests[1] else "both",
        f"{max(errors):.1e}",
        f"{lo:,}" if lo == hi else f"{lo:,} to {hi:,}",
        f"{verdict.flash_bytes:,}",
        f"{verdict.integers:,}",
        f"{verdict.mismatches}",
    )


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
