"""The plan of the code: what is decided about a model's C, made once and passed on."""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.codegen.copies import has_tables, is_inline
from elegans.exporter.codegen.fuse import fuse
from elegans.exporter.codegen.loops import roll
from elegans.exporter.codegen.placement import Placement, place
from elegans.exporter.codegen.program import Program
from elegans.exporter.codegen.scratch_buffer import misplaced
from elegans.exporter.codegen.solver.recognise import with_solvers
from elegans.exporter.codegen.step_body import StepBody, step_body
from elegans.exporter.codegen.tables import (
    ConstantArray,
    own_tables,
    table_array,
    table_member,
    words_member,
)
from elegans.exporter.delivery.layouts import LAYOUTS, Allowed
from elegans.exporter.delivery.weights_block import WeightsBlock
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model, Step
from elegans.exporter.numbers.fixed import Interval

_LAYERS = "biases and weights, in the order in which the kernels read them"
_SOLVER = "neurons and their synapses, in the order in which they are computed"


@dataclass(frozen=True)
class Plan:
    """The C of a model, decided but not yet printed.

    layout     the name of a row of `LAYOUTS`
    bounds     of every vector of the program, by name
    program    the steps as they are executed
    placement  where each vector lies
    body       the statements of `step`
    tables     every constant array but those of fused layers, which are in their runs
    block      the weights that can be replaced; None where they are among the tables and runs
    """

    model: Model
    layout: str
    bounds: dict[str, Interval]
    program: Program
    placement: Placement
    body: StepBody
    tables: list[ConstantArray]
    block: WeightsBlock | None = None

    @property
    def bytes(self) -> int:
        """What the weights and tables take of flash, on the core where they are largest.

        Unrolled maps are code with weights in it, and count here; other code does not.
        """
        tables = sum(table.bytes for table in self.tables)
        if self.block is not None:
            return tables + max(self.block.size(layout) for layout in self.block.layouts)
        runs = sum(run.bytes for run in self.body.runs)
        solvers = sum(solver.bytes for solver in self.body.solvers)
        return tables + runs + solvers + sum(f.bytes for f in self.body.functions)

    @property
    def kernels(self) -> list[str]:
        """The kernels that the step calls, sorted."""
        called = {
            step.op.kernel
            for step in self.program.steps
            if not is_inline(step) and step.name not in self.body.unrolled
        }
        if any("el_synapse(" in line for f in self.body.functions for line in f.lines):
            called.add("synapse")
        return sorted(called)


def plan(
    model: Model,
    bounds: dict[str, Interval],
    layout: str = "speed",
    limit: int | None = None,
    replaceable: bool = False,
) -> Plan:
    """The plan of a model's C.

    bounds  of every vector of the model, as `lower_with_proof` and `prove` find them
    layout  one of `LAYOUTS`; all give the same bits
    limit   of `Plan.bytes`: where a layout exceeds it, the next one is taken
    replaceable  whether the weights are a block that the code is given

    Raises `ElegansError` if the last layout exceeds the limit, too.
    """
    names = list(LAYOUTS)
    for chosen in names[names.index(layout) :]:
        found = _planned(model, bounds, chosen, replaceable)
        if limit is None or found.bytes <= limit:
            return found
    raise ElegansError(
        model.name,
        f"takes {found.bytes} bytes of flash for its tables alone, the limit is {limit}",
        "raise --flash-limit, take --weights int8, or train a smaller network",
    )


def _planned(model: Model, bounds: dict[str, Interval], name: str, replaceable: bool) -> Plan:
    rolled, bounds = roll(model, bounds)
    allowed = Allowed(LAYOUTS[name], replaceable)
    program, placement = _fused(rolled, bounds, allowed)
    body = step_body(program, placement, bounds, allowed)
    own = [
        (step, table)
        for step in program.steps
        if isinstance(step, Step) and has_tables(step) and step.name not in body.unrolled
        for table in own_tables(model.name, step, body.names, replaceable)
    ]
    moved = [pair for pair in own if replaceable and pair[1].trained]
    tables = [
        table_array(f"{model.name}_{s.name}_{t.suffix}", f"{s.name}: {t.comment}", t)
        for s, t in own
        if not (replaceable and t.trained)
    ]
    members = [
        words_member(one.name.removeprefix(f"{model.name}_"), what, one.words)
        for what, made in ((_LAYERS, body.runs), (_SOLVER, body.solvers))
        for one in made
    ]
    members += [table_member(step, table) for step, table in moved]
    block = WeightsBlock.of(members) if replaceable else None
    return Plan(model, name, bounds, program, placement, body, [*tables, *body.tables], block)


def _fused(
    program: Program, bounds: dict[str, Interval], allowed: Allowed
) -> tuple[Program, Placement]:
    """The program with its layers fused, as far as the places of their vectors allow it."""
    apart: set[str] = set()
    while True:
        solved = program
        if allowed.layout.solvers:
            solved = with_solvers(program, bounds, apart, replaceable=allowed.replaceable)
        fused = fuse(solved, bounds, allowed, apart)
        placement = place(fused)
        wrong = misplaced(fused, placement)
        if not wrong:
            return fused, placement
        apart |= wrong
