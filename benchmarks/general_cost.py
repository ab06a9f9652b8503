"""What the kernels of general arithmetic cost, measured on families of cells.

python -m benchmarks.general_cost [--core m4 ...] [--records FILE]

`benchmarks.step_cost --fit` fits the kernels of the known cells. This measures the families below
in the same way and adds to exporter/cost/costs.json what the kernels cost that are not there: the
least squares of what is left of each function when all known work is taken off.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click

from elegans.benchmarks.families import write
from elegans.benchmarks.step_cost import (
    BOARDS,
    Record,
    bytes_of,
    instructions_of,
    least_squares,
    plan_of,
    record_of,
)
from elegans.exporter.cost.estimate import FILE
from elegans.exporter.cost.work import Work
from elegans.exporter.export import export

FAMILIES = (
    *("minGRU", "Phased LSTM", "CT-GRU", "S4D, elapsed time", "LMU in full", "Clockwork RNN"),
    *("GRU with LayerNorm and softmax", "complementary filter", "RG-LRU", "T-LSTM", "coRNN"),
    *("HiPPO-LegS", "sLSTM", "RWKV-4", "DeltaNet"),
)
Costs = dict[str, dict[str, float]]


def _measured(name: str, core: str) -> Record:
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        model = export(write(name, at / "n.onnx", False), at / "build")
        return record_of(name, core, model, at / "build")


def _added(records: Sequence[Record], core: str, known: Costs) -> Costs:
    """What each kind of work costs of kernels that `known` has not, in instructions and bytes."""
    plans = [(record, plan_of(record)) for record in records]
    found: Costs = {}
    for what, parts in (("instructions", instructions_of), ("bytes", bytes_of)):
        kernels = {kind.split(".")[0] for kind in known[what]}
        groups: dict[str, list[tuple[Work, int]]] = defaultdict(list)
        for record, plan in plans:
            for group, work, amount in parts(record, plan, core):
                old = sum(n * known[what].get(kind, 0.0) for kind, n in work.items())
                new = Work({k: n for k, n in work.items() if k.split(".")[0] not in kernels})
                if new:
                    groups[group].append((new, max(round(amount - old), 0)))
        found[what] = {}
        for rows in groups.values():
            found[what] |= least_squares(rows)
    return found


@click.command(epilog="Example: python -m benchmarks.general_cost --core m4")
@click.option("--core", "cores", multiple=True, type=click.Choice(list(BOARDS)))
@click.option("--records", type=click.Path(path_type=Path, dir_okay=False))
def main(cores: tuple[str, ...], records: Path | None) -> None:
    """Measure the families and add the costs of their kernels to exporter/cost/costs.json."""
    lines = records.read_text().splitlines() if records and records.exists() else []
    known = {(r["net"], r["core"]): r for r in map(json.loads, lines)}
    costs = json.loads(FILE.read_text())
    for core in cores or tuple(BOARDS):
        for name in FAMILIES:
            if (name, core) not in known:
                known[name, core] = _measured(name, core)
                click.echo(f"measured {name} on {core}", err=True)
                if records:
                    with records.open("a") as file:
                        file.write(json.dumps(known[name, core]) + "\n")
        own = [known[name, core] for name in FAMILIES]
        for what, more in _added(own, core, costs[core]).items():
            costs[core][what] |= more
        FILE.write_text(json.dumps(costs, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
