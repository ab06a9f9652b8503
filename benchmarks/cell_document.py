"""Tables of a Markdown document, each between two lines of its own:

<!-- table: NAME -->
<!-- end of table -->
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_END = "<!-- end of table -->"


def markdown(cells: Sequence[str]) -> str:
    """One row."""
    return "| " + " | ".join(cells) + " |"


def heading(head: Sequence[str]) -> list[str]:
    """The first two lines of a table."""
    return [markdown(head), "|" + "---|" * len(head)]


def write_row(document: Path, table: str, head: Sequence[str], row: str, order: list[str]) -> None:
    """Put a row into a table of the document, in place of the row that has its name.

    order  the names, which the first column has; other rows, and all rows of a table with
           another head, are removed
    """
    lines = document.read_text(encoding="utf-8").splitlines()
    start = lines.index(f"<!-- table: {table} -->") + 1
    end = lines.index(_END, start)
    first = heading(head)
    kept = lines[start + 2 : end] if lines[start : start + 2] == first else []
    rows = {_name(line): line for line in (*kept, row)}
    known = [rows[name] for name in order if name in rows]
    document.write_text(
        "\n".join([*lines[:start], *first, *known, *lines[end:]]) + "\n", encoding="utf-8"
    )


def _name(row: str) -> str:
    """What its first column has."""
    return row.split("|")[1].strip()
