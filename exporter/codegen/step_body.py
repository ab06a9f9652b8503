"""The body of the generated `step`: a kernel call for each step of the program, block by block."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from elegans.exporter.codegen.copies import (
    Joined,
    clamp_lines,
    copy_all,
    copy_lines,
    declare,
    is_few,
    is_inline,
    used,
)
from elegans.exporter.codegen.elementwise.loop import loop_over, raised, runs
from elegans.exporter.codegen.fusion.compact import compact_run
from elegans.exporter.codegen.layer_run import LayerRun, layer_run
from elegans.exporter.codegen.placement import Place, Placement, blocks
from elegans.exporter.codegen.program import (
    CompactLayer,
    FusedLayer,
    LayerCall,
    Loop,
    Program,
    ProgramStep,
    Statement,
    step_comment,
)
from elegans.exporter.codegen.solver.tables import Solver, solver
from elegans.exporter.codegen.tables import BLOCK, ConstantArray, constant_array, table_names
from elegans.exporter.codegen.unrolled.unroll_sparse import Function, Unrolled, unrolled
from elegans.exporter.delivery.layouts import Allowed
from elegans.exporter.ir.fixed_model import Step
from elegans.exporter.numbers.fixed import Interval
from elegans.exporter.ops import parts
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.constant import Constant
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.short_time import ShortTime


@dataclass(frozen=True)
class Block:
    """Steps of one layer that follow each other: their buffers and their statements."""

    title: str
    buffers: list[str]
    statements: list[Statement]


@dataclass(frozen=True)
class StepBody:
    """What `step` does, and everything that it needs.

    blocks     the statements, layer by layer
    copies     of results to where the caller, or the next step, expects them
    buffers    that are declared for the whole step
    runs       of fused layers, each a function
    solvers    of LTC, each a function
    unrolled   the sparse maps that are functions of their own, by the step's name
    names      of the tables, by (step, suffix)
    tables     of compact layers
    pointwise  the names of steps that are computed in loops, element by element
    """

    blocks: list[Block]
    copies: list[str]
    buffers: list[str]
    runs: list[LayerRun]
    solvers: list[Solver]
    unrolled: dict[str, Unrolled]
    names: dict[tuple[str, str], str]
    tables: list[ConstantArray]
    pointwise: set[str]

    @property
    def functions(self) -> list[Function]:
        """The functions of unrolled maps, each once."""
        found = [f for one in self.unrolled.values() for f in one.functions]
        return list({function.name: function for function in found}.values())


@dataclass(frozen=True)
class _Writer:
    """What the statements are made from, and what they add to: functions, tables, `joined`."""

    program: Program
    placement: Placement
    bounds: dict[str, Interval]
    allowed: Allowed
    names: dict[tuple[str, str], str]
    unrolled: dict[str, Unrolled]
    runs: list[LayerRun] = field(default_factory=list)
    solvers: list[Solver] = field(default_factory=list)
    compact: list[str] = field(default_factory=list)  # names of the calls of compact layers
    tables: list[ConstantArray] = field(default_factory=list)
    sums: list[str] = field(default_factory=list)  # declarations of buffers of int32_t
    joined: Joined = field(default_factory=Joined)
    pointwise: set[str] = field(default_factory=set)
    scratch: list[str] = field(default_factory=list)  # declarations of those that outlive a run
    kept: set[str] = field(default_factory=set)  # buffers that lie in them


def step_body(
    program: Program,
    placement: Placement,
    bounds: dict[str, Interval],
    allowed: Allowed,
) -> StepBody:
    """The body of `step`. `bounds` are those of the program's vectors, by name. Where the weights
    are replaceable it is given these, and states no ranges."""
    maps = unrolled(program, bounds) if allowed.unrolled else {}
    names = table_names(program.model.name, program.steps, allowed.replaceable)
    to = _Writer(program, placement, bounds, allowed, names, maps)
    written = [_block(to, number, run) for number, run in enumerate(blocks(program))]
    results, joined = copy_all(program, placement)
    to.joined.size = max(to.joined.size, joined)
    lines = (line for block in written for s in block.statements for line in s.lines)
    shared = [b for b in placement.locals if b.block is None and b.name not in to.kept]
    buffers = [*to.scratch, *used(shared, [*lines, *results])]
    if to.joined.size:
        buffers.append(declare("joined", to.joined.size))
    buffers += to.sums
    return StepBody(
        written, results, buffers, to.runs, to.solvers, maps, names, to.tables, to.pointwise
    )


def _block(to: _Writer, number: int, steps: Sequence[ProgramStep]) -> Block:
    fused = [(s, s.op) for s in steps if isinstance(s, LayerCall) and isinstance(s.op, FusedLayer)]
    if fused:
        return _fused_block(to, fused)
    compact = [
        (s, s.op) for s in steps if isinstance(s, LayerCall) and isinstance(s.op, CompactLayer)
    ]
    if compact:
        return _compact_block(to, compact)
    buffers = [b for b in to.placement.locals if b.block == number]
    title = ", ".join(_title(to, group) for group in dict.fromkeys(s.group for s in steps))
    statements: list[Statement] = []
    for step in (s for s in steps if isinstance(s, LayerCall)):
        where = to.placement, BLOCK if to.allowed.replaceable else None
        to.solvers.append(found := solver(to.program.model.name, step, *where))
        to.tables.extend([found.places, *([found.wired] if to.allowed.replaceable else [])])
        statements.append(Statement(found.call, _comment(to, step)))
    at = 0
    plain = [step for step in steps if isinstance(step, Step)]
    while at < len(plain):
        loop = to.program.loop(plain[at])
        if loop is None:
            once = list(itertools.takewhile(lambda s: to.program.loop(s) is None, plain[at:]))
            statements += _once(to, once)
            at += len(once)
        else:
            statements += _loop(to, loop, plain[at : at + len(loop.names)])
            at += len(loop.names)
    return Block(title, used(buffers, (line for s in statements for line in s.lines)), statements)


def _title(to: _Writer, group: str) -> str:
    states = sum(c.name.split("[")[0] == group for c in to.program.model.states)
    return f"{group}: {states} state{'s' * (states > 1)}" if states else group


def _once(to: _Writer, steps: Sequence[Step]) -> list[Statement]:
    """Steps outside of all loops; element-wise ones that follow each other are a loop of theirs."""
    found = []
    for run in runs(steps, to.placement, to.unrolled.keys()):
        if (len(run) == 1 and not raised(run[0], to.program)) or not to.allowed.layout.pointwise:
            found += [_statement(to, step) for step in run]
        else:
            to.pointwise.update(step.name for step in run)
            known = None if to.allowed.replaceable else to.bounds
            found += loop_over(run, to.program, to.placement, to.names, known)
    return found


def _loop(to: _Writer, loop: Loop, steps: Sequence[Step]) -> list[Statement]:
    """The rounds of a solver as a loop over one body.

    What the first round reads in place of an earlier round's result is copied to where the
    rounds leave it, unless it lies there. Windows that a round copies together, and that no
    round changes, are copied once, before the loop.
    """
    begin = []
    for name, window in loop.carried.items():
        target, source = to.placement.places[name], to.placement.at(window)
        if target != source:
            begin += copy_lines(target, source, window.size)
    before = dict(to.joined.held)
    to.joined.held = {}
    for step in steps:
        _statement(to, step)
    lasting = {at: w for at, w in to.joined.held.items() if w.vector not in loop.names}
    for offset, window in lasting.items():
        if before.get(offset) != window:
            target = Place("joined", offset)
            begin += copy_lines(target, to.placement.at(window), window.size)
    to.joined.held = lasting
    body = [replace(_statement(to, step), indent="    ") for step in steps]
    begin += _sums_before(to, steps)
    head = f"for (uint32_t unfold = 0; unfold < {loop.count}U; unfold++) {{"
    comment = f"{loop.count} unfolds of the solver"
    return [Statement([*begin, head], comment), *body, Statement(["}"])]


def _fused_block(to: _Writer, steps: Sequence[tuple[LayerCall, FusedLayer]]) -> Block:
    """Fused layers in one call; vectors that only they read are in the run's scratch buffer."""
    own = f"layers{len(to.runs) or ''}"
    name = f"{to.program.model.name}_{own}"
    run = layer_run(name, steps, to.program, to.placement, to.allowed.layout.looped)
    to.runs.append(run)
    timed = any(len(step.inputs) > 1 for step, _ in steps)
    dt = f"{to.placement.places['dt_in']}[0]" if timed else "0"
    scratch = f"scratch{len(to.runs) - 1 or ''}"
    buffer = f"union {{ int16_t v[{run.scratch.size}]; int32_t words; }} {scratch};"
    kept = [f"int16_t *const {a} = &{scratch}.v[{at}];" for a, at in run.scratch.kept.items()]
    to.kept.update(run.scratch.kept)
    to.scratch.extend([buffer, *kept] if kept else [])
    words = f"{BLOCK}->{own}_w" if to.allowed.replaceable else f"{name}_w"
    call = f"{name}(s->v, {scratch}.v, {words}, {dt});"
    copies = [
        line
        for offset, place, size in run.scratch.fetched
        for line in copy_lines(Place(f"{scratch}.v", offset), place, size)
    ]
    results = [
        line
        for offset, place, size in run.scratch.left
        for line in copy_lines(place, Place(f"{scratch}.v", offset), size)
    ]
    lines = _commented(to, steps, [*copies, call, *results])
    return Block("layers", [] if kept else [buffer], lines)


def _compact_block(to: _Writer, steps: Sequence[tuple[LayerCall, CompactLayer]]) -> Block:
    """Compact layers in one call."""
    run = compact_run(steps, to.placement)
    name = f"{to.program.model.name}_layers{len(to.compact) or ''}"
    to.compact.append(name)
    for suffix, (ctype, values) in run.tables.items():
        table = constant_array(f"{name}_{suffix}", ctype, values, f"{name}: {suffix}")
        to.tables.append(table)
    dt = to.placement.places["dt_in"] if len(steps[0][0].inputs) > 1 else "NULL"
    tables = ", ".join(f"{name}_{suffix}" for suffix in ("w", "b", "rows"))
    call = [
        f"el_{run.kernel}(s->v, next, wired, {dt}, {name}_places, {len(steps)}U,",
        f"    {tables});",
    ]
    buffers = [declare("next", run.neurons), declare("wired", run.inputs)]
    return Block("layers", buffers, _commented(to, steps, call))


def _commented(
    to: _Writer, steps: Sequence[tuple[LayerCall, object]], lines: list[str]
) -> list[Statement]:
    """Lines that execute several steps, after the comments of all."""
    *others, last = (_comment(to, step) for step, _ in steps)
    return [*(Statement([], comment) for comment in others), Statement(lines, last)]


def _comment(to: _Writer, step: ProgramStep) -> str:
    return step_comment(step, None if to.allowed.replaceable else to.bounds[step.name])


def _statement(to: _Writer, step: Step) -> Statement:
    """The call of a step's kernel, after the copies that put its arguments side by side."""
    comment = _comment(to, step)
    if isinstance(step.op, Constant):
        return Statement([], f"{step.name}: constant")
    target = to.placement.places[step.name]
    if isinstance(step.op, Clamp) and is_inline(step):
        source = to.placement.at(step.inputs[0][0])
        return Statement(clamp_lines(step.op, target, source, to.allowed.layout), comment)
    if step.name in to.unrolled:
        call = to.unrolled[step.name].call(target, to.placement.at)
        return Statement([call] if call else [], comment)
    lines: list[str] = []
    inputs = []
    for argument in step.inputs:
        place = to.placement.address(argument)
        if place is None:
            lines += to.joined.copies(argument, to.placement)
            place = Place("joined", 0)
        inputs.append(str(place))
    tables = [to.names[step.name, table.suffix] for table in step.op.tables()]
    # Element-wise kernels take their length last, a vector in parts that of one part. That of a
    # linear map is in its scalars, and elapsed time is one number.
    time = isinstance(step.op, (Elapsed, ShortTime))
    told = time or any(hasattr(step.op, name) for name in ("weights", "window", "pixels"))
    size = [] if told else [step.size // parts(step.op)]
    numbers = [str(n) if time or n < 0 else f"{n}U" for n in (*step.op.scalars(), *size)]
    arguments = ", ".join([str(target), *inputs, *tables, *numbers])
    kernel = f"{step.op.kernel}_few" if is_few(step, to.allowed.layout) else step.op.kernel
    call = f"el_{kernel}({arguments});"
    wrapped = textwrap.wrap(call, 88, subsequent_indent="    ", break_long_words=False)
    return Statement(lines + wrapped, comment)


def _sums_before(to: _Writer, steps: Sequence[Step]) -> list[str]:
    """The calls, and the buffers, of what unrolled maps of a loop add up before it."""
    lines = []
    for step in (to.unrolled[s.name] for s in steps if s.name in to.unrolled):
        if step.base is not None:
            to.sums.append(f"int32_t {step.sums}[{step.size}];")
            lines.append(step.call_before(to.placement.at))
    return lines
