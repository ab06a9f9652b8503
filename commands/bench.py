"""`elegans bench`: what a step costs on one board or on all, as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from elegans.boards.build import build
from elegans.boards.cycles import cycles
from elegans.boards.descriptor import Board, boards, find_board
from elegans.boards.profile import profile
from elegans.boards.source import read_model


def bench(
    build_dir: Path, names: list[str], compiler: str, optimise: str, as_json: bool
) -> list[dict[str, Any]]:
    """Measure a BUILD on these boards; all virtual ones if there are none. Prints the table
    unless JSON is wanted, and the figures as one JSON object on the last line."""
    chosen = [find_board(name) for name in names] or [b for b in boards().values() if b.emulators]
    found = []
    for board in chosen:
        if not as_json and len(chosen) > 1:
            click.echo(f"{board.name} ...", err=True)
        found.append(figures(build_dir, board, compiler, optimise))
    if not as_json:
        click.echo(_table(found))
        for one in found if len(found) == 1 else []:
            click.echo(_functions(one))
    click.echo(json.dumps(found[0] if len(names) == 1 else {"boards": found}))
    return found


def figures(build_dir: Path, board: Board, compiler: str, optimise: str) -> dict[str, Any]:
    """All that is measured of one board."""
    firmware = build(build_dir, board, compiler, optimise)
    neurons = read_model(build_dir).neurons
    done = profile(build_dir, firmware)
    lo, hi = done.instructions
    return {
        "board": board.name,
        "core": board.core.name,
        "compiler": firmware.compiler,
        "optimise": optimise,
        "flash_bytes": firmware.flash_bytes,
        "ram_bytes": firmware.ram_bytes,
        "instructions_per_step": {"min": lo, "max": hi},
        "instructions_per_neuron": round(hi / neurons, 1),
        "instructions_by_function": done.functions,
        "paths": done.paths,
        "branches_by_data": done.uneven,
        "different": done.different,
        "steps": done.steps,
        "cycles": cycles(done.blocks, board.core.name),
        "stack_bytes": done.stack,
        "flash": {"code": done.code, "tables_and_weights": done.data},
    }


_HEAD = (
    "| board | core | compiler | -O | instructions a step | a neuron | cycles, estimated | flash "
    "| of it code | RAM | stack |"
)


def _table(found: list[dict[str, Any]]) -> str:
    rows = [_HEAD, "|" + "---|" * (_HEAD.count("|") - 1)]
    for one in found:
        count = one["instructions_per_step"]
        span = count["min"] if count["min"] == count["max"] else f"{count['min']}..{count['max']}"
        keys = ("board", "core", "compiler", "optimise")
        cells = [*(one[key] for key in keys), span, one.get("instructions_per_neuron")]
        cells += [one["cycles"], one["flash_bytes"], one.get("flash", {}).get("code")]
        cells += [one["ram_bytes"], one["stack_bytes"]]
        rows.append("| " + " | ".join("" if c is None else str(c) for c in cells) + " |")
    return "\n".join(rows)


def _functions(one: dict[str, Any]) -> str:
    parts: dict[str, int] = one.get("instructions_by_function", {})
    total = sum(parts.values())
    rows = [f"  {count:8d}  {count / total:5.1%}  {name}" for name, count in parts.items()]
    paths, uneven = one["paths"], one["branches_by_data"]
    tail = f"\n{one['steps']} steps went {paths} way{'s' * (paths != 1)} through the code"
    tail += "".join(f"\n  {branch}" for branch in uneven) or ": no branch depends on the data"
    return "\n".join(["", "instructions of a step, by function and layer:", *rows]) + tail + "\n"
