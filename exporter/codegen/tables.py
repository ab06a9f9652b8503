"""The constant arrays of the generated C."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np

from elegans.exporter.ir.fixed_model import Model, Step, flat
from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.ops import CTYPE_BYTES


@dataclass(frozen=True)
class Table:
    """A constant array, ready to print."""

    declaration: str
    comment: str
    rows: list[str]
    bytes: int


def table_names(model: Model, apart: tuple[type, ...]) -> dict[tuple[str, str], str]:
    """The C name of each step's tables, by (step, suffix).

    Steps of which all tables are equal share them: an LTC repeats the maps of its synapses
    in every unfold. Ops of the kinds `apart` have none of their own.
    """
    known: dict[tuple[object, ...], str] = {}
    names: dict[tuple[str, str], str] = {}
    for step in model.steps:
        if isinstance(step.op, apart):
            continue
        tables = step.op.tables()
        values = (np.asarray(table.values, np.int64).tobytes() for table in tables)
        owner = known.setdefault((step.op.kernel, *values), step.name)
        names |= {(step.name, t.suffix): f"{owner}_{t.suffix}" for t in tables}
    return names


def tables(step: Step, names: dict[tuple[str, str], str]) -> list[Table]:
    """What a step brings itself; it may have them from another."""
    return [
        table(f"{step.name}_{t.suffix}", t.ctype, t.values, f"{step.name}: {t.comment}")
        for t in step.op.tables()
        if names[step.name, t.suffix] == f"{step.name}_{t.suffix}"
    ]


def table(name: str, ctype: str, values: Integers, comment: str) -> Table:
    if ctype.startswith("el_"):  # an array of structures, a row each
        rows = [f"{{{', '.join(map(str, row))}}}," for row in values.tolist()]
        return Table(f"static const {ctype} {name}[{len(values)}]", comment, rows, 2 * values.size)
    rows = textwrap.wrap(", ".join(str(v) for v in flat(values)), 92)
    size = CTYPE_BYTES[ctype] * values.size
    return Table(f"static const {ctype} {name}[{values.size}]", comment, rows, size)
