"""The work of a step: how often each thing happens in it that takes instructions.

Kernels take no branch that depends on data, so the instructions of a step are a sum over its
work: so many neurons of a layer, so many pairs of inputs, so many synapses. Work has names such
as `layer8.pairs`; what stands before the point is the kernel, `layer8` or `layer16` for fused
layers, `step` for the step's own function and `unrolled` for the functions of sparse maps.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from elegans.exporter.codegen.copies import is_few
from elegans.exporter.codegen.elementwise.loop import called
from elegans.exporter.codegen.fusion.leaky import Leaky
from elegans.exporter.codegen.plan import Plan
from elegans.exporter.codegen.program import LayerCall, elementwise
from elegans.exporter.codegen.unrolled.unroll_sparse import Function
from elegans.exporter.cost.layer_work import written_layers
from elegans.exporter.cost.solver_work import solver_work
from elegans.exporter.delivery.layouts import LAYOUTS
from elegans.exporter.ir.fixed_model import Step
from elegans.exporter.ops import parts
from elegans.exporter.ops.any_function import AnyFunction
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8
from elegans.exporter.ops.remember import Remember
from elegans.exporter.ops.sliding_linear import SlidingLinear, filters
from elegans.exporter.ops.sparse_linear import SparseLinear, gap_encoded
from elegans.exporter.ops.timed_linear import TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8
from elegans.exporter.ops.wide_sums import WideSums

Work = Counter[str]
_CALL = re.compile(r"\bel_(?!give)\w+(?<!_few)\(")
_COPIED = re.compile(r"el_copy(?:_down)?\(.*, (\d+)U\);")
_SYNAPSE = re.compile(r"el_times\((-?\d+), x")
_SHORT = 256
"""A weight below this is an immediate operand on cores without wide moves."""
_ROW = re.compile(r"^(?:y|sums)\[", re.MULTILINE)
_IN_FOURS = re.compile(r"^#else$(.*?)^#endif$", re.MULTILINE | re.DOTALL)


def work(plan: Plan) -> Work:
    """The work of one step of a plan."""
    return sum(work_by_function(plan).values(), Work())


def work_by_function(plan: Plan) -> dict[str, Work]:
    """The same by the functions of the program that do it, as a profile names them.

    Kernels that the compiler writes into the step's own function are named all the same.
    """
    name = plan.model.name
    calls = set(plan.kernels) - _INLINE
    found: dict[str, Work] = {f"{name}_step": _step(plan)}
    for run in plan.body.runs:
        found |= {name: layer.executed() for name, layer in written_layers(run.macros)}
    for step in plan.program.steps:
        loop = plan.program.loop(step)
        times = loop.count if loop else 1
        if step.name in plan.body.unrolled:
            one = plan.body.unrolled[step.name]
            for function, count in ((one.function, times), (one.base, 1)):
                if function is not None:
                    own = found.setdefault(function.name, Work())
                    own.update({k: n * count for k, n in _unrolled(function).items()})
        elif isinstance(step, Step) and step.op.kernel in calls and not _written(plan, step):
            own = found.setdefault(f"el_{step.op.kernel}", Work())
            own.update({k: n * times for k, n in _kernel(step).items()})
    return found


def _written(plan: Plan, step: Step) -> bool:
    """Whether the kernel of a step is written into the step's own function."""
    return step.name in plan.body.pointwise or is_few(step, LAYOUTS[plan.layout])


def _kernel(step: Step) -> Work:
    """The call of a kernel: its elements, or the rows and weights of a map."""
    op = step.op
    found: dict[str, int] = {"calls": 1}
    if isinstance(op, SlidingLinear):
        kept = filters(op)
        found |= {"filters": len(kept), "rows": sum(f.positions for f in kept)}
        found["synapses"] = sum(f.positions * len(f.weights) for f in kept)
    elif isinstance(op, SparseLinear):
        found |= {"rows": op.weights.shape[0], "synapses": len(gap_encoded(op.weights)[0])}
    elif isinstance(op, WideSums):
        counts = op.counts
        found |= {"rows": len(counts), "loops": int(np.count_nonzero(counts))}
        found |= dict(zip(("wide", "single", "run"), counts.sum(axis=0).tolist(), strict=True))
    elif isinstance(op, (Linear, TimedLinear)):
        rows, cols = op.weights.shape
        maps = 2 if isinstance(op, TimedLinear) else 1
        split = op.split if isinstance(op, (Linear8, TimedLinear8)) else 0
        found["rows"] = rows
        for n in filter(None, (split, cols - split)):
            rounds = _dot(n, isinstance(op, (Linear8, TimedLinear8)))
            found |= {k: found.get(k, 0) + maps * rows * rounds[k] for k in rounds}
    else:
        found["elements"] = step.size // parts(op)
        if elementwise(step) or isinstance(op, Leaky):  # M55 computes four at a time
            found["quads"] = -(-found["elements"] // 4)
        if isinstance(op, AnyFunction):  # what a table of where to begin leaves to search
            found["halvings"] = step.size * op.search[1].bit_length()
        if isinstance(op, Remember):
            found["products"] = op.coarse.size
    return Work({f"{op.kernel}.{what}": n for what, n in found.items() if n})


def _dot(count: int, small: bool) -> dict[str, int]:
    """The rounds of a sum of so many products, of which M55 takes eight at a time; other cores
    four and one, but M4 with int16 weights eight, two and one."""
    found = {"sums": 1, "fours": count // 4, "ones": count % 4, "vectors": -(-count // 8)}
    if not small:
        found |= {"eights": count // 8, "twos": count // 2 % 4, "odd": count % 2}
    return found


def code(plan: Plan) -> dict[str, Work]:
    """What takes flash as code: work of which each kind counts as often as it is written.

    By functions, as `work_by_function`; a kernel of the runtime is there once.
    """
    name = plan.model.name
    steps = plan.program.steps
    reached = {s.op.kernel for s in steps if isinstance(s, LayerCall) or not _written(plan, s)}
    own = {step.op.kernel for step in steps if isinstance(step, LayerCall)} | _INLINE
    inline = {step.op.kernel for step in steps} - reached
    linked = [kernel for kernel in plan.kernels if kernel not in own | inline]
    found = {f"el_{kernel}": Work({f"{kernel}.calls": 1}) for kernel in linked}
    found[f"{name}_step"] = _step(plan, once=True)
    for run in plan.body.runs:
        found[run.name] = Work({"run.calls": 1})
        for _, layer in written_layers(run.macros):
            found[run.name].update(layer.written())
    return found | {f.name: _unrolled(f) for f in plan.body.functions}


def array_bytes(plan: Plan, halves: bool) -> int:
    """The bytes of all weights and other tables of the model, without those of the runtime.

    halves  whether the core multiplies 16-bit halves: two weights are a word there, and on the
            others two words
    """
    size = sum(table.bytes for table in plan.tables)
    for run in plan.body.runs:
        pairs = sum(line.count("EL_PAIR(") for line in run.words)
        size += run.bytes - (4 * pairs if halves else 0)
    return size


def _unrolled(function: Function) -> Work:
    """A sparse map as code: a line begins with each row.

    Rows of one synapse that stand side by side count by themselves: some cores take four at a time.
    """
    text = "\n".join(function.lines)
    weights = [abs(int(w)) for w in _SYNAPSE.findall(text)]
    rows = len(_ROW.findall(text))
    single = sum(len(_ROW.findall(part)) for part in _IN_FOURS.findall(text))
    found = {
        "calls": 1,
        "rows": rows - single,
        "single": single,
        "synapses": len(weights) - single,
        "long": sum(w >= _SHORT for w in weights),
        "saturated": text.count("el_sat16(") + text.count("EL_SAT16_OF("),
        "sigmoids": text.count("el_synapse("),
        "begun": len(re.findall(r"\(sums\[", text)),
    }
    return Work({f"unrolled.{what}": n for what, n in found.items() if n})


def _step(plan: Plan, once: bool = False) -> Work:
    """The step's own function: calls, copies and clamps, by the lines of its C.

    once  whether each line counts once, although it is in a loop
    """
    found = Work({"step.calls": 1, "step.runs": len(plan.body.runs)})
    loops = [loop.count for loop in plan.program.loops]
    times = 1
    lines = [
        (line, bool(s.indent)) for b in plan.body.blocks for s in b.statements for line in s.lines
    ]
    for line, inside in [*lines, *((line, False) for line in plan.body.copies)]:
        if line.startswith("for (uint32_t i "):
            continue  # over elements: below
        if line.startswith("for ("):
            times = 1 if once else loops.pop(0)
            found.update({"step.rounds": times})
            continue
        count = times if inside else 1
        if copied := _COPIED.search(line):
            found.update({"step.loops": count, "step.looped": count * (int(copied[1]) // 2)})
        elif "el_copy2(" in line:
            found.update({"step.copied": count})
        elif "el_hold2(" in line:
            found.update({"step.held2": count})
        elif "el_hold(" in line:
            found.update({"step.held": count})
        elif re.match(r"\S+ = ", line):
            found.update({"step.moved": count})
        elif _CALL.match(line) or line.startswith(plan.model.name):
            found.update({"step.called": count})
    for step in plan.program.steps:
        loop = None if once else plan.program.loop(step)
        if isinstance(step, Step) and _written(plan, step):
            own, name = f"{step.op.kernel}.", "few."
            if step.name in plan.body.pointwise:
                name = f"pointwise.{called(step, plan.program, plan.bounds)}_"
            amounts = {name + k.removeprefix(own): n for k, n in _kernel(step).items()}
            found.update(dict.fromkeys(amounts, 1) if once else amounts)
        elif isinstance(step, Step) and step.op.kernel in _INLINE:
            amounts = Work({f"{step.op.kernel}.calls": 1}) if once else _kernel(step)
            found.update({k: n * (loop.count if loop else 1) for k, n in amounts.items()})
    for solver in plan.body.solvers:
        found.update(solver_work(solver.op, once))
    found.update({f"step.state_bits{plan.model.state_bits}": len(plan.model.states)})
    return found


_INLINE = {
    "advance",
    "decayed",
    "fused_step",
    "keep",
    "leaky",
    "lstm_cell",
    "narrow",
    "relax",
    "remember",
    "turn",
    "wide_advance",
    "wide_elapsed_gate",
    "wide_extremum",
    "wide_fused_step",
    "wide_gated_drive",
    "wide_keep",
    "wide_product",
    "wide_quotient",
    "wide_turn",
    "wrap",
}
"""Kernels that compilers write into the step's own function."""
