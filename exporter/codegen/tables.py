"""The constant arrays of the generated C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen.program import LayerCall, ProgramStep
from elegans.exporter.delivery.table_layouts import words_size
from elegans.exporter.delivery.weights_block import ALIGNMENT, Member
from elegans.exporter.ir.fixed_model import Step, flat
from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.ops import CTYPE_BYTES, Table

_WIDTH = 92


@dataclass(frozen=True)
class ConstantArray:
    """A constant array of the generated C, ready to print; `bytes` is what it takes of flash."""

    declaration: str
    comment: str
    rows: list[str]
    bytes: int


BLOCK = "block"
"""What `step` calls the weights that it is given, where they are replaceable."""


def table_names(
    model: str, steps: Sequence[ProgramStep], replaceable: bool = False
) -> dict[tuple[str, str], str]:
    """The C name of each step's tables, by (step, suffix); `model` is the prefix of all, but of
    those that are trained and `replaceable`.

    Steps of which all tables are equal share them, as equal maps do; a table that is `shared` is
    shared by itself. A fused layer has its tables in its run.
    """
    known: dict[tuple[object, ...], str] = {}
    names: dict[tuple[str, str], str] = {}
    for step in steps:
        if isinstance(step, LayerCall):
            continue
        tables = step.op.tables()
        values = [np.asarray(table.values, np.int64).tobytes() for table in tables]
        owner = known.setdefault((step.op.kernel, *values), step.name)
        for table, own in zip(tables, values, strict=True):
            key = (step.op.kernel, table.suffix, own)
            first = known.setdefault(key, step.name) if table.shared else owner
            names[step.name, table.suffix] = _argument(model, first, table, replaceable)
    return names


def _argument(model: str, step: str, table: Table, replaceable: bool) -> str:
    """A table as the argument of a kernel; one that is aligned is a part of a union."""
    owner = f"{BLOCK}->{step}" if replaceable and table.trained else f"{model}_{step}"
    return f"{owner}_{table.suffix}{'.v' if table.aligned else ''}"


def own_tables(
    model: str, step: Step, names: dict[tuple[str, str], str], replaceable: bool = False
) -> list[Table]:
    """The tables that this step owns; equal tables are emitted once, by the first to need them."""
    return [
        table
        for table in step.op.tables()
        if names[step.name, table.suffix] == _argument(model, step.name, table, replaceable)
    ]


def table_array(name: str, comment: str, table: Table) -> ConstantArray:
    """A table as a constant array of this name."""
    found = constant_array(name, table.ctype, table.values, comment)
    if not table.aligned:
        return found
    own = f"{table.ctype} v[{table.values.size}]; int32_t words;"
    rows = ["{", *(f"    {row}" for row in found.rows), "}"]
    return ConstantArray(f"static const union {{ {own} }} {name}", comment, rows, found.bytes)


def constant_array(name: str, ctype: str, values: Integers, comment: str) -> ConstantArray:
    """Values as an array of `ctype`; those of a structure, `el_...`, are [count, fields]."""
    if ctype.startswith("el_"):
        rows = [f"{{{', '.join(map(str, row))}}}," for row in values.tolist()]
        size = CTYPE_BYTES["uint16_t"] * values.size  # the fields of every structure
        return ConstantArray(f"static const {ctype} {name}[{len(values)}]", comment, rows, size)
    rows = _wrapped([str(v) for v in flat(values)])
    size = CTYPE_BYTES[ctype] * values.size
    return ConstantArray(f"static const {ctype} {name}[{values.size}]", comment, rows, size)


def _wrapped(numbers: Sequence[str]) -> list[str]:
    """Numbers with commas between them, in lines of at most `_WIDTH` characters.

    It gives the lines of `textwrap.wrap`, in a tenth of its time: large networks have millions
    of characters.
    """
    lines: list[str] = []
    line = ""
    for number in numbers[:-1]:
        if len(line) + len(number) + 2 > _WIDTH and line:
            lines.append(line)
            line = f"{number},"
        else:
            line = f"{line} {number}," if line else f"{number},"
    for number in numbers[-1:]:
        if len(line) + len(number) + 1 > _WIDTH and line:
            lines.append(line)
            line = number
        else:
            line = f"{line} {number}" if line else number
    return [*lines, line] if line else lines


def table_member(step: Step, table: Table) -> Member:
    """A table of a step as a member of the block of weights."""
    name, count = f"{step.name}_{table.suffix}", table.values.size
    comment = f"{step.name}: {table.comment}"
    found = table_array(name, comment, table)
    kind, align = f"{table.ctype} {name}[{count}];", CTYPE_BYTES[table.ctype]
    if table.aligned:
        kind, align = f"union {{ {table.ctype} v[{count}]; int32_t words; }} {name};", ALIGNMENT
    return Member(kind, comment, found.rows, align, table.ctype, np.asarray(table.values))


def words_member(name: str, what: str, words: list[str]) -> Member:
    """The table of a run of layers, or of a solver, as a member of the block of weights.

    name   of the run or the solver, without the model's
    what   it has, for the comment
    words  of its table, line by line
    """
    kind = f"int32_t {name}_w[{words_size(words)}];"
    return Member(kind, f"{name}: {what}", [*words, "EL_TAIL"], ALIGNMENT, "int32_t", None)
