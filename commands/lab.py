"""`elegans boards` lists the boards; `elegans boards scan` writes the map of a lab."""

from __future__ import annotations

import json
from pathlib import Path

from elegans.boards.doctor import catalogue, plugged_in
from elegans.boards.flashing.discover import connected_boards
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import require_file, write_file
from elegans.hil_tests.lab.lab_map import BoardEntry, write_map


def describe_boards(as_json: bool) -> str:
    """A text, or a JSON object, of the boards that elegans knows and those that are connected."""
    rows, connected_now = catalogue(), plugged_in()
    if as_json:
        return json.dumps({"boards": rows, "connected": connected_now})
    lines = [f"{row['name']:<26}{row['core']:<15}{row['runs_on']}" for row in rows]
    lines += ["", "connected:" if connected_now else "no debug probe is connected"]
    lines += [f"{r['probe']:<28}{r['ports'] or 'no port':<16}{r['boards']}" for r in connected_now]
    return "\n".join(lines)


def scan_map(output: Path | None) -> str:
    """Make a map of the connected boards. Returns it, or a message if it was written to
    ``output``. Raises `ElegansError` if no board is connected."""
    if output is not None:
        require_file(output)
    entries = [
        BoardEntry(
            name=f"bench-{number}",
            board=row.boards[0],
            port=row.ports[0] if row.ports else None,
            probe=row.probe.id,
            tags=row.boards[1:] and ("check-the-board",),
        )
        for number, row in enumerate(connected_boards(), 1)
        if row.boards
    ]
    if not entries:
        remedy = "plug one in; `elegans doctor` says what is missing"
        raise ElegansError("boards", "none that elegans knows is plugged in", remedy)
    text = write_map(entries)
    if output is None:
        return text
    write_file(output, text.encode())
    return f"{output}: {len(entries)} boards; name and tag them as you like"
