"""Instructions and flash as `exporter.cost` estimates them, beside what is measured.

    python -m benchmarks.step_cost [--core m4 ...] [--records FILE]
    python -m benchmarks.step_cost --fit --records FILE

Without `--fit` it measures the networks of `HELD`, none of which the estimate was fitted to. With
it, it measures those of `FITTED` and writes exporter/cost/costs.json: for each function of the
firmware the least squares of its instructions (and of its bytes) over its work, with no cost below
zero. Measurements are kept in FILE, a JSON line each, so that they are made once. Everything is
compiled with gcc -O2.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from scipy.optimize import nnls

from elegans.benchmarks.step_cost_nets import FITTED, HELD, NETS, Measured
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_symbols
from elegans.boards.profiling.profile import profile
from elegans.exporter.codegen.plan import Plan, plan
from elegans.exporter.cost.estimate import FILE, HALVES, estimate
from elegans.exporter.cost.work import Work, array_bytes, code, work_by_function
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Model, from_json, to_json
from elegans.exporter.ir.proof import prove
from elegans.trainer import export_onnx

BOARDS = {"m0": "microbit", "m3": "mps2-an385", "m4": "mps2-an386", "m55": "mps3-an547"}
_LEAST = 20  # instructions or bytes: relative errors of less are errors of this
_RIDGE = 1e-4  # so that of two kinds of work that always go together both cost something
_JOINED = ("step", "unrolled", "unfolds")
"""Functions that a compiler may write into each other are fitted together."""

Record = dict[str, Any]


def measured(one: Measured, core: str) -> Record:
    """A network compiled for a core and run in its emulator."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        torch.manual_seed(302)
        net = NETS[one.net]()
        ranges: dict[str, Any] = {"input_ranges": (-one.reach, one.reach), "dt_range": (0.01, 1)}
        export_onnx(net, net.input_size, at / "n.onnx", **ranges)
        options: dict[str, Any] = {"weight_bits": one.bits, "dt": one.period, "accept_error": 100.0}
        model = export(Request(at / "n.onnx", **options), at / "build")
        return record_of(one.name, core, model, at / "build")


def record_of(name: str, core: str, model: Model, build: Path) -> Record:
    """What a BUILD takes on a core, function by function."""
    firmware = build_firmware(build, find_board(BOARDS[core]), "gcc", "2")
    found = profile(build, firmware, 2)
    return {
        "net": name,
        "core": core,
        "functions": found.functions,
        "flash": firmware.flash_bytes,
        "sizes": {s.name: s.size for s in read_symbols(firmware.elf) if s.in_model},
        "model": to_json(model),
    }


def plan_of(record: Record) -> Plan:
    """The plan of a measured network's code."""
    model = from_json(record["model"])
    return plan(model, prove(model))


def fitted(records: Sequence[Record]) -> dict[str, dict[str, dict[str, float]]]:
    """What each kind of work costs, by core, in instructions and in bytes."""
    costs: dict[str, dict[str, dict[str, float]]] = {}
    for core in sorted({r["core"] for r in records}):
        own = [(r, plan_of(r)) for r in records if r["core"] == core]
        costs[core] = {"instructions": {}, "bytes": {}}
        for what, parts in (("instructions", instructions_of), ("bytes", bytes_of)):
            groups: dict[str, list[tuple[Work, int]]] = defaultdict(list)
            for record, code_plan in own:
                for group, work, amount in parts(record, code_plan, core):
                    groups[group].append((work, amount))
            for rows in groups.values():
                costs[core][what] |= least_squares(rows)
    return costs


def _group(work: Work) -> str:
    """The kernel of a function's work; one for all that goes together."""
    kernel = next(iter(work)).split(".")[0]
    return "step" if kernel in _JOINED else kernel


def instructions_of(record: Record, found: Plan, core: str) -> Iterator[tuple[str, Work, int]]:
    """The group and the work of each function, and its instructions."""
    functions, rest = dict(record["functions"]), Work()
    for name, work in work_by_function(found).items():
        if _group(work) == "step":
            rest.update(work)
        else:
            yield _group(work), work, functions.pop(name)
    yield "step", rest, sum(functions.values())


def bytes_of(record: Record, found: Plan, core: str) -> Iterator[tuple[str, Work, int]]:
    """The group and what is written in each function, and its bytes, without arrays."""
    left, rest = record["flash"] - array_bytes(found, core in HALVES), Work()
    sizes = record["sizes"]
    for name, work in code(found).items():
        if _group(work) == "step" or name not in sizes:
            rest.update(work)
        else:
            left -= sizes[name]
            yield _group(work), work, sizes[name]
    yield "step", rest, left


def least_squares(rows: list[tuple[Work, int]]) -> dict[str, float]:
    kinds = sorted({kind for work, _ in rows for kind in work})
    amounts = np.array([[work.get(kind, 0) for kind in kinds] for work, _ in rows], float)
    wanted = np.array([amount for _, amount in rows], float)
    weight = 1.0 / np.maximum(wanted, _LEAST)
    scaled = amounts * weight[:, None]
    most = np.maximum(scaled.max(axis=0), 1e-12)
    matrix = np.vstack([scaled / most, _RIDGE * np.eye(len(kinds))])
    found, _ = nnls(matrix, np.concatenate([wanted * weight, np.zeros(len(kinds))]))
    costs = found / most
    return {kind: round(float(c), 4) for kind, c in zip(kinds, costs, strict=True) if c > 1e-6}


def row(record: Record) -> tuple[str, float, float]:
    """A line of the table, and the relative errors of instructions and of flash."""
    cost = estimate(plan_of(record), record["core"])
    count = sum(record["functions"].values())
    errors = cost.instructions / count - 1.0, cost.flash / record["flash"] - 1.0
    cells = [record["net"], record["core"], f"{count:,}", f"{cost.instructions:,}"]
    cells += [f"{errors[0]:+.1%}", f"{record['flash']:,}", f"{cost.flash:,}", f"{errors[1]:+.1%}"]
    return "| " + " | ".join(cells) + " |", *errors


def _records(path: Path | None, wanted: dict[str, Measured], cores: Sequence[str]) -> list[Record]:
    """The measurements of these networks; those that the file has not are made and added."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    known = {(r["net"], r["core"]): r for r in map(json.loads, lines)}
    found = []
    for one in wanted.values():
        for core in (c for c in one.cores.split() if c in cores):
            if (one.name, core) not in known:
                known[one.name, core] = measured(one, core)
                click.echo(f"measured {one.name} on {core}", err=True)
                if path:
                    with path.open("a") as file:
                        file.write(json.dumps(known[one.name, core]) + "\n")
            found.append(known[one.name, core])
    return found


@click.command()
@click.option("--core", "cores", multiple=True, type=click.Choice(list(BOARDS)))
@click.option("--fit", "fit", is_flag=True, help="fit to FITTED and write exporter/cost/costs.json")
@click.option("--records", type=click.Path(path_type=Path, dir_okay=False))
def main(cores: tuple[str, ...], fit: bool, records: Path | None) -> None:
    """Print measured and estimated costs as Markdown."""
    chosen = cores or tuple(BOARDS)
    if fit:
        costs = fitted(_records(records, FITTED, tuple(BOARDS)))
        FILE.write_text(json.dumps(costs, indent=1, sort_keys=True) + "\n")
    click.echo("| network | core | instructions | estimate | error | flash | estimate | error |")
    click.echo("|---|---|---|---|---|---|---|---|")
    worst = [0.0, 0.0]
    for record in _records(records, HELD, chosen):
        line, *errors = row(record)
        worst = [max(w, abs(e)) for w, e in zip(worst, errors, strict=True)]
        click.echo(line)
    click.echo(f"\nworst error: instructions {worst[0]:.1%}, flash {worst[1]:.1%}")


if __name__ == "__main__":
    main()
