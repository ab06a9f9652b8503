"""`elegans boards` and `boards scan`: what there is, and a lab's map of it."""

from __future__ import annotations

import json
from pathlib import Path

from elegans.boards.doctor import catalogue, plugged_in
from elegans.boards.flashing.discover import connected
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import require_file, write_file
from elegans.hil_tests.lab.lab_map import BoardEntry, write_map


def told_boards(as_json: bool) -> str:
    """The boards that elegans knows, and those that are plugged in."""
    rows, here = catalogue(), plugged_in()
    if as_json:
        return json.dumps({"boards": rows, "connected": here})
    lines = [f"{row['name']:<20}{row['core']:<14}{row['runs_on']}" for row in rows]
    lines += ["", "connected:" if here else "no debug probe is connected"]
    lines += [f"{r['probe']:<28}{r['ports'] or 'no port':<16}{r['boards']}" for r in here]
    return "\n".join(lines)


def scan_map(output: Path | None) -> str:
    """The map of what is plugged in, written to ``output`` or returned."""
    if output is not None:
        require_file(output)
    places = [
        BoardEntry(
            name=f"bench-{number}",
            board=row.boards[0],
            port=row.ports[0] if row.ports else None,
            probe=row.probe.id,
            tags=row.boards[1:] and ("check-the-board",),
        )
        for number, row in enumerate(connected(), 1)
        if row.boards
    ]
    if not places:
        remedy = "plug one in; `elegans doctor` says what is missing"
        raise ElegansError("boards", "none that elegans knows is plugged in", remedy)
    text = write_map(places)
    if output is None:
        return text
    write_file(output, text.encode())
    return f"{output}: {len(places)} boards; name and tag them as you like"
