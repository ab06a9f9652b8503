"""`Model` to C: `{path: text}`, pure and the same on every run.

Everything that computes is here; the templates print ready-made values.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from elegans.exporter import layer_code, memory
from elegans.exporter.fixed import INT16_MAX, INT16_MIN, Interval, q_name
from elegans.exporter.fuse import Layer, fuse
from elegans.exporter.model import Argument, Channel, Model, Step, flat, prove
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.templates import environment

_HOUSE = Path(__file__).resolve().parents[1]
_RUNTIME = _HOUSE / "runtime_c"
_FILES = {"model.h": "model.h.j2", "model.c": "model.c.j2", "README.md": "README.md.j2"}
_FEW = 32  # inputs and outputs that are copied one by one, faster and smaller than by a call
_INCLUDE = re.compile(r'#include "elegans/(el_\w+\.\w+)"')


@dataclass(frozen=True)
class _Table:
    """A constant array, ready to print."""

    declaration: str
    comment: str
    rows: list[str]


@dataclass(frozen=True)
class _Call:
    """One statement of `step`, with what it leaves behind."""

    lines: list[str]
    comment: str


@dataclass(frozen=True)
class _Block:
    """Steps of one layer that follow each other: their buffers and their calls."""

    title: str
    buffers: list[str]
    calls: list[_Call]


def emit(model: Model, optimise: str = "speed") -> dict[str, str]:
    """The generated C, its README, and the runtime files that it uses.

    `speed` computes a layer at a time, with a kernel for each core; `size` an op at a time.
    """
    context = _context(model, _arranged(model, optimise))
    templates = dict(_FILES)
    if context["runs"]:
        templates["layers.S"] = "layers.S.j2"
    files = {
        path: environment().get_template(template).render(context)
        for path, template in templates.items()
    }
    needed = [f"el_{kernel}.h" for kernel in context["kernels"]]
    return files | _runtime([*needed, *(["el_layers.inc"] if context["runs"] else [])])


def _arranged(model: Model, optimise: str) -> Model:
    """The model as it is computed: its layers fused where that is faster."""
    fused = fuse(model) if optimise == "speed" else model
    plan = memory.plan(fused)
    layers = [step for step in fused.steps if isinstance(step.op, Layer)]
    return fused if layer_code.can_run(layers, plan) else model


def _runtime(needed: list[str]) -> dict[str, str]:
    """These headers, all that they include, and the sources beside them."""
    files: dict[str, str] = {}
    pending = [*needed, "el_fixed.h"]
    while pending:
        header = pending.pop()
        source = f"src/{Path(header).stem}.c" if header.endswith(".h") else ""
        for path in (f"include/elegans/{header}", source):
            if path and path not in files and (_RUNTIME / path).exists():
                files[path] = (_RUNTIME / path).read_text(encoding="utf-8")
                pending += _INCLUDE.findall(files[path])
    return files


def _context(original: Model, model: Model) -> dict[str, Any]:
    plan, bounds = memory.plan(model), prove(original)
    calls = _Calls(model, plan, bounds)
    own = [s for s in model.steps if not (isinstance(s.op, Layer) or _inline(s))]
    return {
        "name": model.name,
        "NAME": model.name.upper(),
        "version": version("elegans"),
        "digest": original.digest,
        "inputs": [_port(model, "X", c) for c in model.inputs],
        "outputs": [_port(model, "Y", c) for c in model.outputs],
        "dt": _port(model, "DT", model.dt) if model.dt else None,
        "neurons": len(model.states),
        "states": _runs(model),
        "state_size": plan.state_size + plan.state_size % 2,
        "h": plan.h.offset,
        "kernels": sorted({step.op.kernel for step in model.steps if not _inline(step)}),
        "tables": [table for step in own for table in _tables(step, calls.tables)],
        "buffers": [
            _declare(b.name, b.size)
            for b in plan.locals
            if b.block is None and b.name not in calls.in_scratch
        ]
        + calls.scratch,
        "runs": calls.runs,
        "copies_memory": bool(calls.copies or calls.scratch or calls.runs),
        "blocks": calls.blocks,
        "copies": calls.copies,
        "synapses": original.weights,
    }


def _inline(step: Step) -> bool:
    """Whether a step is written out, without a kernel."""
    return isinstance(step.op, Clamp) and step.size <= _FEW


def _port(model: Model, kind: str, channel: Channel) -> dict[str, Any]:
    lo, hi = channel.range
    prefix = f"{model.name.upper()}_{kind}"
    return {
        "macro": prefix if kind == "DT" else f"{prefix}_{channel.name.upper()}",
        "name": channel.name,
        "unit": channel.unit,
        "q": q_name(channel.frac),
        "frac": channel.frac,
        "span": f"{lo:g} to {hi:g} {channel.unit}".rstrip(),
        "lo": f"{lo:g}",
        "hi": f"{hi:g}",
        "lo_int": channel.lo,
        "hi_int": channel.hi,
    }


def _runs(model: Model) -> list[dict[str, Any]]:
    """Neighbouring states of one format and one range, told together."""
    runs: list[dict[str, Any]] = []
    for i, c in enumerate(model.states):
        group = c.name.split("[")[0]
        key = (group, c.frac, c.lo, c.hi)
        if runs and runs[-1]["key"] == key:
            runs[-1]["end"] = i + 1
        else:
            runs.append({"key": key, "start": i, "end": i + 1})
    for run in runs:
        group, frac, lo, hi = run["key"]
        run.update(group=group, q=q_name(frac), lo_int=lo, hi_int=hi)
    return runs


def _declare(name: str, size: int) -> str:
    return f"int16_t {name}[{size}];"


def _table_names(model: Model) -> dict[tuple[str, str], str]:
    """The C name of each step's tables, by (step, suffix).

    Steps of which all tables are equal share them: an LTC repeats the maps of its synapses
    in every unfold.
    """
    known: dict[tuple[object, ...], str] = {}
    names: dict[tuple[str, str], str] = {}
    for step in model.steps:
        if isinstance(step.op, Layer) or _inline(step):
            continue
        tables = step.op.tables()
        values = (np.asarray(table.values, np.int64).tobytes() for table in tables)
        owner = known.setdefault((step.op.kernel, *values), step.name)
        names |= {(step.name, t.suffix): f"{owner}_{t.suffix}" for t in tables}
    return names


def _tables(step: Step, names: dict[tuple[str, str], str]) -> list[_Table]:
    return [
        _Table(
            f"static const {table.ctype} {step.name}_{table.suffix}[{table.values.size}]",
            f"{step.name}: {table.comment}",
            textwrap.wrap(", ".join(str(v) for v in flat(table.values)), 92),
        )
        for table in step.op.tables()
        if names[step.name, table.suffix] == f"{step.name}_{table.suffix}"
    ]


class _Calls:
    """The body of `step`: one kernel call a step of the model, block by block."""

    def __init__(self, model: Model, plan: memory.Plan, bounds: dict[str, Interval]) -> None:
        self.model, self.plan, self.bounds = model, plan, bounds
        self.tables = _table_names(model)
        self.joined = 0
        self.runs: list[layer_code.Run] = []
        self.in_scratch: set[str] = set()
        self._in_joined: Argument = ()
        self.blocks = [self._block(i, steps) for i, steps in enumerate(memory.blocks(model))]
        self.copies = self._copies()
        self.scratch = [_declare("joined", self.joined)] if self.joined else []

    def _block(self, number: int, steps: list[Step]) -> _Block:
        if isinstance(steps[0].op, Layer):
            return self._run(steps)
        group = steps[0].group
        buffers = [_declare(b.name, b.size) for b in self.plan.locals if b.block == number]
        neurons = sum(c.name.split("[")[0] == group for c in self.model.states)
        title = f"{group}: {neurons} neuron{'s' * (neurons > 1)}" if neurons else group
        return _Block(title, buffers, [self._call(step) for step in steps])

    def _run(self, steps: list[Step]) -> _Block:
        """Layers in one call; their results in between live in its scratch buffer."""
        name = f"{self.model.name}_layers{len(self.runs) or ''}"
        run = layer_code.run(name, steps, self.plan)
        self.runs.append(run)
        self.in_scratch |= {self.plan.places[step.name].array for step in steps}
        timed = any(len(step.inputs) > 1 for step in steps)
        dt = f"{self.plan.places['dt_in']}[0]" if timed else "0"
        buffers = [f"union {{ int16_t v[{run.scratch}]; int32_t words; }} scratch;"]
        call = f"{name}(s->v, scratch.v, {name}_w, {dt});"
        comments = [_Call([], self._comment(step)) for step in steps[:-1]]
        return _Block("layers", buffers, [*comments, _Call([call], self._comment(steps[-1]))])

    def _call(self, step: Step) -> _Call:
        if _inline(step):
            return _Call(self._held(step), self._comment(step))
        lines: list[str] = []
        inputs = []
        for argument in step.inputs:
            place = self.plan.address(argument)
            if place is None:
                lines += self._join(argument)
                place = memory.Place("joined", 0)
            inputs.append(str(place))
        tables = [self.tables[step.name, table.suffix] for table in step.op.tables()]
        numbers = [f"{n}U" for n in (*step.op.scalars(), *self._size(step))]
        arguments = ", ".join([str(self.plan.places[step.name]), *inputs, *tables, *numbers])
        call = textwrap.wrap(
            f"el_{step.op.kernel}({arguments});",
            88,
            subsequent_indent="    ",
            break_long_words=False,
        )
        return _Call(lines + call, self._comment(step))

    def _held(self, step: Step) -> list[str]:
        """A few clamped inputs, one by one; those that may be any int16 are only copied."""
        lines = []
        assert isinstance(step.op, Clamp)
        target, source = self.plan.places[step.name], self.plan.at(step.inputs[0][0])
        any_int16 = [*((step.op.lo == INT16_MIN) & (step.op.hi == INT16_MAX)), False]
        i = 0
        while i < step.size:
            value = "dt" if source.array == "&dt" else _element(source, i)
            if any_int16[i] and any_int16[i + 1]:
                lines.append(f"el_copy2(&{_element(target, i)}, &{value});")
                i += 1
            elif any_int16[i]:
                lines.append(f"{_element(target, i)} = {value};")
            else:
                ends = f"{step.op.lo[i]}, {step.op.hi[i]}"
                lines.append(f"{_element(target, i)} = el_hold({value}, {ends});")
            i += 1
        return lines

    @staticmethod
    def _size(step: Step) -> list[int]:
        """Element-wise kernels take their length last; a linear map's is in its scalars."""
        return [] if hasattr(step.op, "weights") else [step.size]

    def _join(self, argument: Argument) -> list[str]:
        """Copies into the scratch buffer, unless it still holds the same vectors."""
        if argument == self._in_joined:
            return []
        self._in_joined = argument
        lines, offset = [], 0
        for window in argument:
            target = memory.Place("joined", offset)
            lines.append(self._copy(target, self.plan.at(window), window.size))
            offset += window.size
        self.joined = max(self.joined, offset)
        return lines

    def _comment(self, step: Step) -> str:
        bounds, fracs = self.bounds[step.name], sorted(set(step.frac))
        lo = min(int(v) / 2.0**f for v, f in zip(bounds.lo, step.frac, strict=True))
        hi = max(int(v) / 2.0**f for v, f in zip(bounds.hi, step.frac, strict=True))
        names = " ".join(q_name(f) for f in fracs)
        return f"{step.name}: {names}, in [{lo:.5g}, {hi:.5g}]"

    def _copies(self) -> list[str]:
        """What is not yet where the caller, or the next step, expects it.

        y comes first: it may hold a part of the old state, which the new one replaces.
        """
        lines, offset = [], 0
        for window in self.model.y:
            place = self.plan.at(window)
            if place.array != "y" and window.size <= _FEW:
                target = memory.Place("y", offset)
                for i in range(0, window.size - 1, 2):
                    lines.append(f"el_copy2(&{_element(target, i)}, &{_element(place, i)});")
                if window.size % 2:
                    i = window.size - 1
                    lines.append(f"{_element(target, i)} = {_element(place, i)};")
            elif place.array != "y":
                lines.append(self._copy(memory.Place("y", offset), place, window.size))
            offset += window.size
        moves, offset = [], self.plan.h.offset
        for window, stays in zip(self.model.h_next, self.plan.stays, strict=True):
            if not stays:
                target = memory.Place(self.plan.h.array, offset)
                moves.append((target, self.plan.at(window), window.size))
            offset += window.size
        return lines + self._moves(moves)

    def _moves(self, moves: list[tuple[memory.Place, memory.Place, int]]) -> list[str]:
        """Copies within the state, as a delay line has them: none may spoil a later one."""
        spoils = any(
            _overlap(target, size, source, other)
            for i, (target, _, size) in enumerate(moves)
            for _, source, other in moves[i + 1 :]
        )
        if not spoils:
            return [self._copy(*move) for move in moves]
        first, last, offset = [], [], 0
        for target, source, size in moves:
            kept = memory.Place("joined", offset)
            first.append(self._copy(kept, source, size))
            last.append(self._copy(target, kept, size))
            offset += size
        self.joined = max(self.joined, offset)
        return first + last

    @staticmethod
    def _copy(target: memory.Place, source: memory.Place, size: int) -> str:
        copy = "memmove" if _overlap(target, size, source, size) else "memcpy"
        return f"{copy}({target}, {source}, {size}U * sizeof(int16_t));"


def _element(place: memory.Place, i: int) -> str:
    return f"{place.array}[{place.offset + i}]"


def _overlap(a: memory.Place, a_size: int, b: memory.Place, b_size: int) -> bool:
    """Whether two stretches of memory share an element."""
    near = a.offset < b.offset + b_size and b.offset < a.offset + a_size
    return a.array == b.array and near
