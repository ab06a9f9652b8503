"""`Plan` to C: texts by path, pure and the same on every run.

The templates print ready-made values; whatever is computed is computed here or before.
"""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from elegans.exporter.codegen.plan import Plan
from elegans.exporter.codegen.program import FusedLayer
from elegans.exporter.codegen.step_body import StepBody
from elegans.exporter.delivery.border import border
from elegans.exporter.delivery.layouts import LAYOUTS
from elegans.exporter.delivery.runtime_files import runtime_files, runtime_version
from elegans.exporter.delivery.table_layouts import ANY
from elegans.exporter.delivery.weights_block import (
    WeightsBlock,
    block_path,
    structure_digest,
)
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.ir.vector_names import pixel_runs
from elegans.exporter.numbers.fixed import q_name
from elegans.exporter.templates import environment


def emit(plan: Plan, counts: Mapping[str, str] | None = None) -> dict[str, str]:
    """The generated C, its README, and the runtime files that it uses: texts by path.

    counts  for each input that is a sensor's raw count, its type, such as uint12, by name
    """
    context = _context(plan) | {"border": border(plan.model, counts or {})}
    name = plan.model.name
    templates = {
        f"{name}.h": "model.h.j2",
        f"{name}.c": "model.c.j2",
        "README.md": "README.md.j2",
        f"{name}_float.h": "float.h.j2",
        f"{name}_health.h": "health.h.j2",
        f"{name}.hpp": "wrapper.hpp.j2",
    }
    time = context["border"]["time"]
    if time and time["ms"]:
        templates[f"{name}_clock.h"] = "clock.h.j2"
    if plan.body.runs:
        templates[f"{name}_layers.S"] = "layers.S.j2"
    if plan.block is not None:
        templates[f"{name}_weights.h"] = "weights.h.j2"
    files = _rendered(templates, context)
    needed = ["el_real.h", *(f"el_{kernel}.h" for kernel in plan.kernels)]
    if plan.block is not None:
        structure = structure_digest(files)
        context["block"] |= _built_in(plan.model, plan.block, structure)
        own = {f"{name}.c": "model.c.j2", f"{name}_weights.c": "weights.c.j2"}
        files |= _rendered(own, context)
        needed += ["el_block.h", *(["el_wiring.h"] if plan.body.solvers else [])]
    macros = ["el_layers.inc", _macros(plan)] if plan.body.runs else []
    return files | runtime_files([*needed, *macros])


def _rendered(templates: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, str]:
    return {
        path: environment().get_template(template).render(context)
        for path, template in templates.items()
    }


def _block(block: WeightsBlock) -> dict[str, Any]:
    """What is printed of a block of weights but its digests."""
    layered = len(block.layouts) > 1
    return {
        "members": block.members,
        "bytes": max(block.size(layout) for layout in block.layouts),
        "tables": "EL_TABLES" if layered else f"{ANY.number}U",
        "structure": [],
    }


def _built_in(model: Model, block: WeightsBlock, structure: str) -> dict[str, Any]:
    """The digests of the block that is compiled in, its files, and its CRC in both byte orders."""
    files = []
    for layout in block.layouts:
        content = [
            block.file(layout, runtime_version(), structure, model.digest, order) for order in "<>"
        ]
        crc = [f"0x{zlib.crc32(each[:-4]):08X}UL" for each in content]
        path = block_path(model.name, layout)
        files.append({"path": path, "number": layout.number, "crc": crc})
    return {"structure": _bytes(structure), "model": _bytes(model.digest), "files": files}


def _bytes(digest: str) -> list[str]:
    numbers = [f"0x{byte:02x}" for byte in bytes.fromhex(digest)]
    return [", ".join(numbers[i : i + 12]) + "," for i in range(0, len(numbers), 12)]


def _macros(plan: Plan) -> str:
    """The file of the macros that the layers in assembler consist of."""
    return "el_layers8.inc" if _small(plan) else "el_layers.inc"


def _small(plan: Plan) -> bool:
    """Whether layers have int8 weights."""
    return any(isinstance(s.op, FusedLayer) and s.op.small for s in plan.program.steps)


def _context(plan: Plan) -> dict[str, Any]:
    """What the templates print, ready-made."""
    model, body = plan.model, plan.body
    size = plan.placement.state_size
    return {
        "name": model.name,
        "NAME": model.name.upper(),
        "version": version("elegans"),
        "digest": model.digest,
        "runtime": runtime_version(),
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
        "table_bytes": plan.bytes,
        "buffer_bytes": _buffer_bytes(body),
        "kernels": plan.kernels,
        "tables": plan.tables,
        "buffers": body.buffers,
        "functions": list(body.functions),
        "runs": body.runs,
        "looped": bool(body.runs) and LAYOUTS[plan.layout].looped,
        "solvers": body.solvers,
        "macros": _macros(plan),
        "small": _small(plan),
        "blocks": body.blocks,
        "copies": body.copies,
        "synapses": model.weight_count,
        "block": None if plan.block is None else _block(plan.block),
    }


def _buffer_bytes(body: StepBody) -> int:
    """The bytes of the most buffers that exist at a time in a step."""

    def size(declarations: list[str]) -> int:
        arrays = re.findall(r"int(16|32)_t \w+\[(\d+)\]", " ".join(declarations))
        return sum(int(bits) // 8 * int(count) for bits, count in arrays)

    return size(body.buffers) + max((size(block.buffers) for block in body.blocks), default=0)


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
        "span": f"{lo:g} to {hi:g} {channel.shown_unit}".rstrip(),
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
