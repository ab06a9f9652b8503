"""`elegans hil --map`, `elegans boards` and `boards scan`: a lab's boards, all at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from elegans.boards.connected import connected
from elegans.boards.doctor import catalogue, plugged_in
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import require_file, write_file
from elegans.hil_tests.compare import Verdict
from elegans.hil_tests.junit import Case, write_junit
from elegans.hil_tests.lab import Place, claimed, read_map, select, write_map
from elegans.hil_tests.session import hil


def hil_on_map(
    build: Path,
    lab: Path,
    tag: str | None,
    settings: tuple[str, str],
    *,
    as_json: bool,
    junit: Path | None,
) -> int:
    """Compare on every board of a map, side by side; the exit status."""
    if junit:
        require_file(junit)
    places = select(read_map(lab), tag=tag)
    with ThreadPoolExecutor(len(places)) as pool:
        cases = list(pool.map(lambda place: _case(build, place, settings), places))
    if junit:
        write_junit(junit, cases)
    passed = [isinstance(c.outcome, Verdict) and c.outcome.passed for c in cases]
    if as_json:
        click.echo(json.dumps({case.name: case.json() for case in cases}))
    else:
        for case, good in zip(cases, passed, strict=True):
            click.echo(f"{'ok' if good else 'FAILED':<8}{case.name:<16}{case.told()}")
    return 0 if all(passed) else 1


def _case(build: Path, place: Place, settings: tuple[str, str]) -> Case:
    case = Case(place.name)
    with case.timed():
        try:
            with claimed([place]):
                case.outcome = hil(
                    build,
                    place.board,
                    place.emulator,
                    *settings,
                    place.port,
                    log=case.log,
                    probe=place.probe,
                )
        except ElegansError as error:
            case.outcome = error
    return case


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
        Place(
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
