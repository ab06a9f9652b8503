"""The numbers of a model: what each vector can reach, uses and gets wrong, and a step's cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen.plan import Plan, plan
from elegans.exporter.cost.cores import CORES
from elegans.exporter.cost.estimate import estimate
from elegans.exporter.delivery.layouts import LAYOUTS
from elegans.exporter.ir.fixed_model import Model, Step, formats, walk
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.vector_names import vector_names
from elegans.exporter.numbers.fixed import Reals, Value, dequantise
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops import RELATIVE, WIDE, form
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.viewer.analysis.subject import Inspected

_CORES = ("m0", "m3", "m4", "m55")


@dataclass(frozen=True)
class VectorRow:
    """One vector of the model, in its own unit.

    proved    the range that it can never leave
    used      the least and greatest value in this recording
    headroom  bits of int16 that the proved range never uses
    error     the greatest difference from the float network, which makes the same step from the
              device's state; None where the float network has no such vector
    """

    name: str
    layer: str
    format: str
    proved: tuple[float, float]
    used: tuple[float, float]
    headroom: int
    error: float | None


@dataclass(frozen=True)
class LayerCost:
    """What a step does in one layer: maps' products, elements of other operations, weights."""

    name: str
    products: int
    elements: int
    weights: int


@dataclass(frozen=True)
class MemoryPart:
    """A stretch of memory; `at` in bytes from the start, or None where the linker chooses."""

    name: str
    bytes: int
    at: int | None = None


@dataclass(frozen=True)
class MemoryMap:
    """The flash and RAM of a model.

    flash   constant tables, with the weights of fused layers
    state   what stays between steps, in the order of its addresses
    stack   buffers of one step, in portable C
    cores   (core, instructions of a step or None, bytes of flash with code or None): estimates
    """

    flash: list[MemoryPart]
    state: list[MemoryPart]
    stack: list[MemoryPart]
    cores: list[tuple[str, int | None, int | None]]


def vector_rows(subject: Inspected) -> list[VectorRow]:
    """A row for each vector that a step computes."""
    model, network = subject.model, subject.network
    bounds = subject.bounds
    fracs = {name: np.array(f) for name, f in model.fracs().items() if f}
    truth = _truth(network, subject)

    def apply(step: Step, args: list[Value]) -> Value:
        return step.op.integer(*args)

    def join(parts: list[Value]) -> Value:
        return np.concatenate(parts, axis=-1)

    given = {"x": subject.x, "dt": subject.dt[:, None], "h": subject.h[:-1]}
    _, _, integers = walk(model, given, join, apply)
    rows = []
    for step in model.steps:
        kind = form(step.op)
        if kind == RELATIVE:
            continue
        values = dequantise(integers[step.name], fracs[step.name])
        half = step.size // 2 if kind == WIDE else step.size
        if kind == WIDE:
            values = values[:, :half] + values[:, half:]
        upper = bounds[step.name][:half]
        scale = np.ldexp(1.0, -fracs[step.name][:half])
        exact = truth.get(step.name)
        error = None
        if exact is not None and exact.shape == values.shape:
            error = float(np.abs(values - exact).max())
        reach = max(int(upper.reach().max()), 1)
        rows.append(
            VectorRow(
                step.name,
                step.group,
                " ".join(formats(step)),
                (float((upper.lo * scale).min()), float((upper.hi * scale).max())),
                (float(values.min()), float(values.max())),
                max(15 - reach.bit_length(), 0),
                error,
            )
        )
    return rows


def _truth(network: Network, subject: Inspected) -> dict[str, Reals]:
    """The float network's vectors, by the names of the model's steps."""
    vectors = subject.vectors()
    called = vector_names(network)
    return {called[name].name: v for name, v in vectors.items() if name in called}


def layer_costs(model: Model) -> list[LayerCost]:
    """What a step does, by layer, in the order of their first steps."""
    found: dict[str, list[int]] = {}
    for step in model.steps:
        row = found.setdefault(step.group, [0, 0, 0])
        matrices = [getattr(step.op, name, None) for name in ("weights", "rates")]
        maps = [SparseMatrix.of(m) for m in matrices if m is not None]
        if not maps:
            row[1] += step.size
        for matrix in maps:
            every = len(matrix.counts) * matrix.cols
            row[0] += len(matrix.values) if isinstance(step.op, SparseLinear) else every
            row[2] += len(matrix.values)
    return [LayerCost(name, *row) for name, row in found.items()]


def memory(subject: Inspected) -> MemoryMap:
    """The flash and RAM of a model, from the plan of its C."""
    layout = subject.folder.layout
    made = plan(subject.model, subject.bounds, layout)
    flash = [MemoryPart(_declared(table.declaration), table.bytes) for table in made.tables]
    flash += [MemoryPart(run.name, run.bytes) for run in made.body.runs]
    flash += [MemoryPart(solver.name, solver.bytes) for solver in made.body.solvers]
    flash += [MemoryPart(f"{f.name} (code)", f.bytes) for f in made.body.functions]
    return MemoryMap(_sorted(flash), _state(made), _stack(made), _cores(made, layout))


def _declared(declaration: str) -> str:
    """The name of an array, from its declaration in C."""
    return declaration.split("[")[0].split()[-1]


def _sorted(parts: Sequence[MemoryPart]) -> list[MemoryPart]:
    return sorted((p for p in parts if p.bytes), key=lambda p: (-p.bytes, p.name))


def _state(made: Plan) -> list[MemoryPart]:
    """The inputs and the states in the array that stays, in bytes."""
    model, h = made.model, made.placement.h.offset
    parts = [MemoryPart("inputs", 2 * len(model.inputs), 2 * made.placement.places["x_in"].offset)]
    for piece in model.pieces:
        names = [c.name for c in model.states[piece.start : piece.start + piece.size]]
        name = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        words = piece.size * (2 if piece.wide else 1)
        parts.append(MemoryPart(name, 2 * words, 2 * (h + piece.at)))
    return sorted(parts, key=lambda p: p.at or 0)


def _stack(made: Plan) -> list[MemoryPart]:
    buffers = [MemoryPart(local.name, 2 * local.size) for local in made.placement.locals]
    runs = [MemoryPart(f"{run.name}, scratch", 2 * run.scratch.size) for run in made.body.runs]
    return _sorted([*buffers, *runs])


def _cores(made: Plan, layout: str) -> list[tuple[str, int | None, int | None]]:
    if not LAYOUTS[layout].estimated:
        return []
    found = [(core, estimate(made, core)) for core in _CORES if core in CORES]
    return [(core, cost.instructions, cost.flash) for core, cost in found]
