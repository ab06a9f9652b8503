"""The body of the generated `step`: one kernel call a step of the model, block by block."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np

from elegans.exporter.codegen import layer_run, placement
from elegans.exporter.codegen.fused_ops import FUSED, CompactLayer, Layer
from elegans.exporter.codegen.tables import Table, table, table_names
from elegans.exporter.codegen.unroll_sparse import written_out
from elegans.exporter.ir.fixed_model import Argument, Model, Step, Window
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Interval, q_name
from elegans.exporter.ops.clamp import Clamp

_FEW = 32  # inputs and outputs that are copied one by one, faster and smaller than by a call


@dataclass(frozen=True)
class Call:
    """One statement of `step`, with what it leaves behind."""

    lines: list[str]
    comment: str


@dataclass(frozen=True)
class Block:
    """Steps of one layer that follow each other: their buffers and their calls."""

    title: str
    buffers: list[str]
    calls: list[Call]


class StepCode:
    """What `step` does, and all that it needs for it."""

    def __init__(
        self, model: Model, plan: placement.Plan, bounds: dict[str, Interval], optimise: str
    ) -> None:
        self.model, self.plan, self.bounds, self.optimise = model, plan, bounds, optimise
        self.tables = table_names(model, FUSED)
        self.written = written_out(model, bounds) if optimise == "speed" else {}
        self.joined = 0
        self.runs: list[layer_run.Run] = []
        self.compact: list[str] = []
        self.own_tables: list[Table] = []
        self._in_joined: dict[int, Window] = {}
        self.blocks = [self._block(i, steps) for i, steps in enumerate(placement.blocks(model))]
        self.copies = self._copies()
        self.shared = self._shared()
        self.scratch = [declare("joined", self.joined)] if self.joined else []

    def _block(self, number: int, steps: list[Step]) -> Block:
        if isinstance(steps[0].op, Layer):
            return self._run(steps)
        if isinstance(steps[0].op, CompactLayer):
            return self._compact(steps)
        group = steps[0].group
        buffers = [declare(b.name, b.size) for b in self.plan.locals if b.block == number]
        neurons = sum(c.name.split("[")[0] == group for c in self.model.states)
        title = f"{group}: {neurons} neuron{'s' * (neurons > 1)}" if neurons else group
        return Block(title, buffers, [self._call(step) for step in steps])

    def _run(self, steps: list[Step]) -> Block:
        """Layers in one call; their results in between live in its scratch buffer."""
        name = f"{self.model.name}_layers{len(self.runs) or ''}"
        run = layer_run.run(name, steps, self.model, self.plan)
        self.runs.append(run)
        timed = any(len(step.inputs) > 1 for step in steps)
        dt = f"{self.plan.places['dt_in']}[0]" if timed else "0"
        buffers = [f"union {{ int16_t v[{run.scratch.size}]; int32_t words; }} scratch;"]
        call = f"{name}(s->v, scratch.v, {name}_w, {dt});"
        copies = [
            f"memcpy(&scratch.v[{offset}], {place}, {size}U * sizeof(int16_t));"
            for offset, place, size in run.scratch.fetched
        ]
        results = [
            f"memcpy({place}, &scratch.v[{offset}], {size}U * sizeof(int16_t));"
            for offset, place, size in run.scratch.left
        ]
        comments = [Call([], self._comment(step)) for step in steps[:-1]]
        last = Call([*copies, call, *results], self._comment(steps[-1]))
        return Block("layers", buffers, [*comments, last])

    def _compact(self, steps: list[Step]) -> Block:
        """Compact layers in one call."""
        run = layer_run.compact_run(steps, self.plan)
        name = f"{self.model.name}_layers{len(self.compact) or ''}"
        self.compact.append(name)
        for suffix, (ctype, values) in run.tables.items():
            self.own_tables.append(table(f"{name}_{suffix}", ctype, values, f"{name}: {suffix}"))
        dt = self.plan.places["dt_in"] if len(steps[0].inputs) > 1 else "NULL"
        tables = ", ".join(f"{name}_{suffix}" for suffix in ("w", "b", "rows"))
        call = [
            f"el_{run.kernel}(s->v, next, wired, {dt}, {name}_places, {len(steps)}U,",
            f"    {tables});",
        ]
        comments = [Call([], self._comment(step)) for step in steps[:-1]]
        last = Call(call, self._comment(steps[-1]))
        buffers = [declare("next", run.neurons), declare("wired", run.inputs)]
        return Block("layers", buffers, [*comments, last])

    def _shared(self) -> list[str]:
        """The buffers of the whole step; what only layers use lies in their scratch."""
        used = {self.plan.places[s.name].array for s in self.model.steps if not is_layer(s)}
        copied = [part for run in self.runs for part in (*run.scratch.fetched, *run.scratch.left)]
        used |= {place.array for _, place, _ in copied}
        return [
            declare(b.name, b.size) for b in self.plan.locals if b.block is None and b.name in used
        ]

    def _call(self, step: Step) -> Call:
        if is_inline(step):
            return Call(self._held(step), self._comment(step))
        if step.name in self.written:
            places = [self.plan.places[step.name], *(self.plan.at(w) for w in step.inputs[0])]
            arguments = ", ".join(map(str, places))
            return Call([f"{self.written[step.name].name}({arguments});"], self._comment(step))
        lines: list[str] = []
        inputs = []
        for argument in step.inputs:
            place = self.plan.address(argument)
            if place is None:
                lines += self._join(argument)
                place = placement.Place("joined", 0)
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
        return Call(lines + call, self._comment(step))

    def _held(self, step: Step) -> list[str]:
        """A few clamped inputs, one by one; those that may be any int16 are only copied."""
        lines = []
        assert isinstance(step.op, Clamp)
        target, source = self.plan.places[step.name], self.plan.at(step.inputs[0][0])
        if (
            self.optimise == "size"
            and np.all(step.op.lo == INT16_MIN)
            and np.all(step.op.hi == INT16_MAX)
        ):
            return [self._copy(target, source, step.size)]
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
        """Copies into the scratch buffer, but for what still lies there."""
        lines, offset, known = [], 0, {}
        for window in argument:
            known[offset] = window
            if self._in_joined.get(offset) != window:
                target = placement.Place("joined", offset)
                lines.append(self._copy(target, self.plan.at(window), window.size))
            offset += window.size
        self._in_joined = known
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
                target = placement.Place("y", offset)
                for i in range(0, window.size - 1, 2):
                    lines.append(f"el_copy2(&{_element(target, i)}, &{_element(place, i)});")
                if window.size % 2:
                    i = window.size - 1
                    lines.append(f"{_element(target, i)} = {_element(place, i)};")
            elif place.array != "y":
                lines.append(self._copy(placement.Place("y", offset), place, window.size))
            offset += window.size
        moves, offset = [], self.plan.h.offset
        for window, stays in zip(self.model.h_next, self.plan.stays, strict=True):
            if not stays:
                target = placement.Place(self.plan.h.array, offset)
                moves.append((target, self.plan.at(window), window.size))
            offset += window.size
        return lines + self._moves(moves)

    def _moves(self, moves: list[tuple[placement.Place, placement.Place, int]]) -> list[str]:
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
            kept = placement.Place("joined", offset)
            first.append(self._copy(kept, source, size))
            last.append(self._copy(target, kept, size))
            offset += size
        self.joined = max(self.joined, offset)
        return first + last

    @staticmethod
    def _copy(target: placement.Place, source: placement.Place, size: int) -> str:
        copy = "memmove" if _overlap(target, size, source, size) else "memcpy"
        return f"{copy}({target}, {source}, {size}U * sizeof(int16_t));"


def _element(place: placement.Place, i: int) -> str:
    return f"{place.array}[{place.offset + i}]"


def _overlap(a: placement.Place, a_size: int, b: placement.Place, b_size: int) -> bool:
    """Whether two stretches of memory share an element."""
    near = a.offset < b.offset + b_size and b.offset < a.offset + a_size
    return a.array == b.array and near


def is_layer(step: Step) -> bool:
    """Whether a core's own kernel executes it."""
    return isinstance(step.op, Layer)


def is_inline(step: Step) -> bool:
    """Whether a step is written out, without a kernel."""
    return isinstance(step.op, Clamp) and step.size <= _FEW


def declare(name: str, size: int) -> str:
    return f"int16_t {name}[{size}];"
