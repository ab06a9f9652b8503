"""`Model` to C: `{path: text}`, pure and the same on every run.

Everything that computes is here; the templates print ready-made values.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from elegans.exporter.codegen import placement
from elegans.exporter.codegen.fuse import fuse
from elegans.exporter.codegen.fused_ops import FUSED
from elegans.exporter.codegen.scratch_buffer import misplaced
from elegans.exporter.codegen.step_body import StepCode, is_inline
from elegans.exporter.codegen.tables import tables
from elegans.exporter.ir.fixed_model import Channel, Model, prove
from elegans.exporter.numbers.fixed import q_name
from elegans.exporter.templates import environment

_HOUSE = Path(__file__).resolve().parents[2]
_RUNTIME = _HOUSE / "runtime_c"
_FILES = {"model.h": "model.h.j2", "model.c": "model.c.j2", "README.md": "README.md.j2"}
_NAMED = re.compile(r'"elegans/([\w/]+\.(?:h|inc))"')


def emit(model: Model, optimise: str = "speed") -> dict[str, str]:
    """The generated C, its README, and the runtime files that it uses.

    `speed` computes a layer at a time by a core's own kernel, `size` all layers by one loop.
    """
    context = _context(model, _arranged(model, optimise), optimise)
    templates = dict(_FILES)
    if context["runs"]:
        templates["layers.S"] = "layers.S.j2"
    files = {
        path: environment().get_template(template).render(context)
        for path, template in templates.items()
    }
    needed = [f"el_{kernel}.h" for kernel in context["kernels"]]
    return files | _runtime([*needed, *(["el_layers.inc"] if context["runs"] else [])])


def flash(model: Model, optimise: str) -> int:
    """The bytes that the generated tables take on the core where they are largest."""
    context = _context(model, _arranged(model, optimise), optimise)
    own: int = sum(table.bytes for table in context["tables"])
    layers: int = sum(run.flash for run in context["runs"])
    functions: int = sum(function.bytes for function in context["functions"])
    return own + layers + functions


def _arranged(model: Model, optimise: str) -> Model:
    """The model as it is computed: its layers fused, as far as their places allow it."""
    apart: set[str] = set()
    while True:
        fused = fuse(model, optimise, apart)
        wrong = misplaced(fused, placement.plan(fused))
        if not wrong:
            return fused
        apart |= wrong


def _runtime(needed: list[str]) -> dict[str, str]:
    """These headers, every runtime file that they name, and the sources beside them.

    `el_core.h` names two files of each core: `core.h` is always taken, so that one BUILD serves
    every core, and the assembler's `.inc` only where `el_layers.inc` is needed.
    """
    assembler = "el_layers.inc" in needed
    files: dict[str, str] = {}
    pending = [*needed, "el_fixed.h"]
    while pending:
        header = pending.pop()
        source = f"src/{Path(header).stem}.c" if header.endswith(".h") else ""
        for path in (f"include/elegans/{header}", source):
            if path and path not in files and (_RUNTIME / path).exists():
                files[path] = (_RUNTIME / path).read_text(encoding="utf-8")
                named = _NAMED.findall(files[path])
                pending += [n for n in named if assembler or not n.endswith(".inc")]
    return files


def _context(original: Model, model: Model, optimise: str) -> dict[str, Any]:
    plan, bounds = placement.plan(model), prove(original)
    calls = StepCode(model, plan, bounds, optimise)
    functions = {f.name: f for f in calls.written.values()}
    called = [s for s in model.steps if not is_inline(s) and s.name not in calls.written]
    own = [s for s in called if not isinstance(s.op, FUSED)]
    return {
        "name": model.name,
        "NAME": model.name.upper(),
        "version": version("elegans"),
        "digest": original.digest,
        "inputs": [_port(model, "X", c) for c in model.inputs],
        "outputs": [_port(model, "Y", c) for c in model.outputs],
        "dt": _port(model, "DT", model.dt) if model.dt else None,
        "neurons": len(model.states),
        "states": _runs(model, lambda c: (c.name.split("[")[0], c.frac)),
        "held": _runs(model, lambda c: (c.lo, c.hi)),
        "state_size": plan.state_size + plan.state_size % 2,
        "h": plan.h.offset,
        "kernels": sorted({step.op.kernel for step in called}),
        "tables": [
            *(table for step in own for table in tables(step, calls.tables)),
            *calls.own_tables,
        ],
        "buffers": [*calls.shared, *calls.scratch],
        "functions": list(functions.values()),
        "runs": calls.runs,
        "copies_memory": True,
        "blocks": calls.blocks,
        "copies": calls.copies,
        "synapses": original.weights,
    }


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


def _runs(model: Model, alike: Callable[[Channel], tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Neighbouring states that are alike, told together by their first."""
    runs: list[dict[str, Any]] = []
    start = 0
    for _, channels in itertools.groupby(model.states, alike):
        first, *others = channels
        group, q = first.name.split("[")[0], q_name(first.frac)
        end = start + 1 + len(others)
        run = {"start": start, "end": end, "group": group, "q": q}
        runs.append(run | {"lo": first.lo, "hi": first.hi})
        start = end
    return runs
