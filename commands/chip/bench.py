"""`elegans bench`: measures a step on one board or on several; prints a table, or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from elegans.boards.descriptors.board import Board
from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.profiling.cycles import estimate_cycles
from elegans.boards.profiling.profile import profile
from elegans.commands.chip.measure import estimated, lines
from elegans.commands.edge import say
from elegans.exporter.build_folder import load_model
from elegans.exporter.ir.fixed_model import Model
from elegans.hil_tests.session.build_files import load_build


def bench(
    build_dir: Path,
    names: Sequence[str],
    compiler: str,
    level: str,
    as_json: bool,
    meter: Callable[[Board], dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Measure a BUILD on boards, by name; with no names, on all boards that can be emulated here.

    Prints a table, or with ``as_json`` the figures as one JSON object. Returns the figures of
    each board. ``meter`` gives what a power meter shows. Raises as it and `figures` do.
    """
    chosen = [find_board(name) for name in names] or _emulated_boards()
    found = []
    for board in chosen:
        if not as_json and len(chosen) > 1:
            say(f"{board.name} ...", err=True)
        of_meter = {"measured": meter(board)} if meter else {}
        found.append(figures(build_dir, board, compiler, level) | of_meter)
    if as_json:
        say(json.dumps(found[0] if len(names) == 1 else {"boards": found}))
        return found
    say(_table(found))
    if len(found) == 1:
        say(_functions(found[0]))
    return found


def _emulated_boards() -> list[Board]:
    """The virtual boards whose emulator is installed; the others are named on stderr."""
    virtual = [b for b in boards().values() if b.emulators]
    for board in virtual:
        if not virtual_board.installed_emulators(board):
            needed = " or ".join(board.emulators)
            say(f"{board.name} is left out: {needed} is not installed", err=True)
    return [b for b in virtual if virtual_board.installed_emulators(b)]


def figures(
    build_dir: Path, board: Board, compiler: str, level: str, steps: int = 1024
) -> dict[str, Any]:
    """The figures of one board, from up to ``steps`` calls of the step, as JSON prints them.

    Raises `ElegansError` if a compiler or emulator is missing, or the BUILD is incomplete.
    """
    firmware = build_firmware(build_dir, board, compiler, level)
    load_build(build_dir)  # a BUILD that cannot be compared is not measured either
    model = load_model(build_dir)
    measured = profile(build_dir, firmware, steps)
    lo, hi = measured.instructions
    cycles = estimate_cycles(measured.blocks, board.core.name)
    return {
        "board": board.name,
        "core": board.core.name,
        "compiler": firmware.compiler,
        "optimise": firmware.level,
        "flash_bytes": firmware.flash_bytes,
        "ram_bytes": firmware.ram_bytes,
        "instructions_per_step": {"min": lo, "max": hi},
        "instructions_per_neuron": round(hi / len(model.states), 1),
        "instructions_by_function": measured.functions,
        "instructions_per_neuron_of": dict(_by_neuron(measured.functions, model)),
        "paths": measured.paths,
        "branches_by_data": measured.data_dependent,
        "different": measured.mismatches,
        "steps": measured.steps,
        "cycles": cycles,
        "estimate": estimated(board, cycles, firmware.flash_bytes),
        "stack_bytes": measured.stack,
        "flash": {"code": measured.code, "tables": measured.tables, "weights": measured.weights},
    }


def _by_neuron(functions: dict[str, int], model: Model) -> Iterator[tuple[str, float]]:
    """The instructions of each layer, divided by the number of its neurons."""
    sizes = {step.name: step.size for step in model.steps}
    for name, count in functions.items():
        layer = re.fullmatch(rf"{model.name}_layers\d*_(\w+)", name)
        if layer and layer[1] in sizes:
            yield name, round(count / sizes[layer[1]], 1)


_HEAD = ("board", "instr.", "cycles", "flash", "code", "tables", "weights", "RAM", "stack")
_LEGEND = """
instr.  executed instructions of a step
cycles  by Arm's manuals, by a model for M7, M33 and M55; without wait states
flash   bytes of code, tables and weights; RAM of the state, stack of the caller"""


def _table(found: list[dict[str, Any]]) -> str:
    """A row for each board, in columns as wide as what they hold: less than 80 characters."""
    rows = [_HEAD, *(_row(one) for one in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = []
    for name, *cells in rows:
        numbers = "".join(f"  {c:>{w}}" for c, w in zip(cells, widths[1:], strict=True))
        lines.append(f"{name:<{widths[0]}}{numbers}")
    how = sorted({f"{one['compiler']} -O{one['optimise']}" for one in found})
    return "\n".join([f"compiled with {', '.join(how)}", *lines, _LEGEND])


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    count = one["instructions_per_step"]
    span = count["min"] if count["min"] == count["max"] else f"{count['min']}..{count['max']}"
    cells = (one["board"], span, _cycles(one), one["flash_bytes"], *one["flash"].values())
    return tuple(map(str, (*cells, one["ram_bytes"], one["stack_bytes"])))


def _cycles(one: dict[str, Any]) -> str:
    cycles: dict[str, int] | None = one["cycles"]
    return "{min}..{max}".format(**cycles) if cycles else "unknown"


def _functions(one: dict[str, Any]) -> str:
    parts: dict[str, int] = one["instructions_by_function"]
    total = sum(parts.values())
    each = {name: f", {n:g} a neuron" for name, n in one["instructions_per_neuron_of"].items()}
    rows = [
        f"  {count:8d}  {count / total:5.1%}  {name}{each.get(name, '')}"
        for name, count in parts.items()
    ]
    paths, branches = one["paths"], one["branches_by_data"]
    tail = f"\n{one['steps']} steps took {paths} path{'s' * (paths != 1)} through the code"
    tail += "".join(f"\n  {branch}" for branch in branches) or ": no branch depends on the data"
    head = f"instructions of a step, {one['instructions_per_neuron']:g} a neuron; by function:"
    return "\n".join(["", *lines(one), head, *rows]) + tail
