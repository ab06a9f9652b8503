"""`Plan` to C: texts by path, pure and the same on every run.

The templates print ready-made values; whatever is computed is computed here or before.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from elegans.exporter.codegen.plan import Plan
from elegans.exporter.codegen.program import FusedLayer
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.ir.vector_names import pixel_runs
from elegans.exporter.numbers.fixed import q_name
from elegans.exporter.templates import environment

_PACKAGE = Path(__file__).resolve().parents[2]
_RUNTIME = _PACKAGE / "runtime_c"
_FILES = {"model.h": "model.h.j2", "model.c": "model.c.j2", "README.md": "README.md.j2"}
_ABI = re.compile(r"#define EL_RUNTIME_ABI (\d+)")
_INLINE = "EL_INLINE void"
_NAMED = re.compile(r'"elegans/([\w/]+\.(?:h|inc))"')


def emit(plan: Plan) -> dict[str, str]:
    """The generated C, its README, and the runtime files that it uses: texts by path."""
    context = _context(plan)
    templates = _FILES | {f"{plan.model.name}_model.h": "name_model.h.j2"}
    if plan.body.runs:
        templates["layers.S"] = "layers.S.j2"
    files = {
        path: environment().get_template(template).render(context)
        for path, template in templates.items()
    }
    needed = [f"el_{kernel}.h" for kernel in plan.kernels]
    macros = ["el_layers.inc", _macros(plan)] if plan.body.runs else []
    return files | _runtime([*needed, *macros])


def _macros(plan: Plan) -> str:
    """The file of the macros that layers.S consists of."""
    small = any(isinstance(s.op, FusedLayer) and s.op.small for s in plan.program.steps)
    return "el_layers8.inc" if small else "el_layers.inc"


def _runtime(needed: list[str]) -> dict[str, str]:
    """These headers, every runtime file that they name, and the sources beside them.

    `el_core.h` names two files of each core: `core.h` is always taken, so that one BUILD serves
    every core, and the assembler's `.inc` only where `el_layers.inc` is needed.
    """
    assembler = "el_layers.inc" in needed
    files: dict[str, str] = {}
    pending = [*needed, "el_copy.h"]
    while pending:
        header = pending.pop()
        source = f"src/{Path(header).stem}.c" if header.endswith(".h") else ""
        for path in (f"include/elegans/{header}", source):
            inline = _INLINE in files.get(f"include/elegans/{header}", "")
            if path == source and inline:
                continue  # only tests call such a function by its address
            if path and path not in files and (_RUNTIME / path).exists():
                files[path] = (_RUNTIME / path).read_text(encoding="utf-8")
                named = _NAMED.findall(files[path])
                pending += [n for n in named if assembler or not n.endswith(".inc")]
    return files


def _runtime_abi() -> int:
    """The version of the kernels' interface, which the runtime's own header defines."""
    found = _ABI.search((_RUNTIME / "include/elegans/el_fixed.h").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1])


def _context(plan: Plan) -> dict[str, Any]:
    """What the templates print, ready-made."""
    model, body = plan.model, plan.body
    size = plan.placement.state_size
    return {
        "name": model.name,
        "NAME": model.name.upper(),
        "version": version("elegans"),
        "digest": model.digest,
        "abi": _runtime_abi(),
        "inputs": _inputs(model),
        "inputs_count": len(model.inputs),
        "outputs": [_port(model, "Y", c) for c in model.outputs],
        "dt": _port(model, "DT", model.dt) if model.dt else None,
        "states_count": len(model.states),
        "states": _runs(model, lambda c: (c.name.split("[")[0], c.frac, c.bits)),
        "held": _held(model),
        "ends": [(c.lo, c.hi) for c in model.states],
        "state_bits": model.state_bits,
        "dt_bits": model.dt_bits,
        "state_size": size + size % 2,  # whole words
        "image_size": plan.placement.image_size,
        "h": plan.placement.h.offset,
        "kernels": plan.kernels,
        "tables": plan.tables,
        "buffers": body.buffers,
        "functions": list(body.functions),
        "runs": body.runs,
        "macros": _macros(plan),
        "blocks": body.blocks,
        "copies": body.copies,
        "synapses": model.weight_count,
    }


def _held(model: Model) -> list[dict[str, Any]]:
    """Runs of states of one range; of 32-bit states, the pieces, whose ranges are a table."""
    if model.state_bits == 16:
        return _runs(model, lambda c: (c.lo, c.hi))
    return [{"start": p.start, "size": p.size, "at": p.at, "wide": p.wide} for p in model.pieces]


def _inputs(model: Model) -> list[dict[str, Any]]:
    """The inputs one by one; of an image, those that differ in nothing but their names together."""
    found: list[dict[str, Any]] = []
    index = 0
    for run in pixel_runs(model.inputs):
        port = _port(model, "X", run[0]) | {"index": index, "place": str(index)}
        port["element"] = port["macro"]
        if len(run) > 1:
            port["name"] = f"{run[0].name} to {run[-1].name}"
            port["place"] = f"{index}..{index + len(run) - 1}"
            port["element"] = f"{port['macro']} + i"
        found.append(port)
        index += len(run)
    return found


def _port(model: Model, kind: str, channel: Channel) -> dict[str, Any]:
    lo, hi = channel.range
    raw = channel.scale != 1
    prefix = f"{model.name.upper()}_{kind}"
    return {
        "macro": prefix if kind == "DT" else f"{prefix}_{channel.name.upper()}",
        "name": channel.name,
        "unit": channel.unit,
        "q": channel.format,
        "frac": channel.frac,
        # An offset is a whole number of units, unless it is that of raw counts.
        "offset": 0 if raw else round(math.ldexp(channel.offset, channel.frac)),
        "raw": raw,
        "real": f"{channel.offset:.9g}",
        "scale": f"{channel.scale:.9g}",
        "span": f"{lo:g} to {hi:g} {channel.unit}".rstrip(),
        "lo": f"{lo:g}",
        "hi": f"{hi:g}",
        "lo_int": channel.lo,
        "hi_int": channel.hi,
    }


def _runs(model: Model, alike: Callable[[Channel], tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Runs of neighbouring states that are alike, each described by its first state."""
    runs: list[dict[str, Any]] = []
    start = 0
    for _, channels in itertools.groupby(model.states, alike):
        first, *others = channels
        group, q = first.name.split("[")[0], q_name(first.frac, first.bits)
        end = start + 1 + len(others)
        run = {"start": start, "end": end, "group": group, "q": q}
        runs.append(run | {"lo": first.lo, "hi": first.hi})
        start = end
    return runs
