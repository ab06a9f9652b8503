"""The figures of `elegans inspect` as files of their own: SVG and PNG by matplotlib, and JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from elegans.trainer.plots import BLUE, GREY, INK, ORANGE, figure
from elegans.viewer.analysis.account import Account

FORMATS = ("svg", "png", "json")
_GAP, _COLUMN = 0.62, 3.4  # inches between nodes and between layers, about
_MOST_ROWS = 26  # of a column; a layer with more nodes is a block of columns
_LISTED = 20  # rows of bars


def figure_bytes(account: Account, name: str, form: str, moment: int | None = None) -> bytes:
    """A figure of `FIGURES` in one of `FORMATS`; equal accounts give equal bytes.

    moment  of a decision, its number among those that are traced; the middle one if None
    """
    if moment is None:
        moment = len(account["decisions"]["at"]) // 2
    picked, draw, size = FIGURES[name]
    data = picked(account, moment)
    if form == "json":
        return (json.dumps(plain(data), indent=1) + "\n").encode()
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        path = Path(scratch) / f"figure.{form}"
        with figure(path, *size(data)) as canvas:
            draw(canvas, data)
        return path.read_bytes()


def plain(value: Any) -> Any:
    """A value as JSON: arrays as lists, six digits, None for what is no number."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _places(circuit: Account) -> dict[int, tuple[float, float]]:
    """Nodes in columns by layer, their middle at zero; a large layer is a block."""
    places: dict[int, tuple[float, float]] = {}
    x = 0.0
    for row in circuit["rows"]:
        lines = -(-len(row) // _MOST_ROWS)
        each = -(-len(row) // lines)
        for number in range(lines):
            line = row[number * each : (number + 1) * each]
            for k, node in enumerate(line):
                places[node] = (x, _GAP * ((len(line) - 1) / 2 - k))
            x += _GAP
        x += _COLUMN - _GAP
    return places


def _circuit_size(data: Account) -> tuple[float, float]:
    places = _places(data["circuit"])
    x, y = (np.array([p[i] for p in places.values()]) for i in (0, 1))
    return min(3.5 + 0.62 * np.ptp(x), 24.0), max(3.6, 0.72 * np.ptp(y) + 1.4)


def _draw_nodes(axes: Any, circuit: Account, places: dict[int, tuple[float, float]]) -> None:
    top = max(y for _, y in places.values()) + 0.75
    for layer, row in zip(circuit["layers"], circuit["rows"], strict=True):
        x = float(np.mean([places[i][0] for i in row]))
        name = layer.removesuffix("s") if len(row) == 1 else layer
        axes.text(x, top, f"{len(row)} {name}", ha="center", color=GREY)
        kind = circuit["nodes"][row[0]]["kind"]
        square = kind in ("sensor", "delayed", "output")
        points = np.array([places[i] for i in row])
        face = GREY if square else "white"
        style = {"edgecolors": INK, "linewidths": 1.0, "zorder": 3}
        axes.scatter(
            *points.T, s=60 if square else 150, c=face, marker="s" if square else "o", **style
        )
        if kind == "delayed":
            continue
        for i in row:
            x, y = places[i]
            label = circuit["nodes"][i]["name"]
            if square:
                side = -1 if kind == "sensor" else 1
                align = "right" if side < 0 else "left"
                axes.text(x + 0.22 * side, y, label, ha=align, va="center", fontsize=9)
            else:
                axes.text(
                    x, y, label.split(" ")[-1], ha="center", va="center", fontsize=7, zorder=4
                )
    axes.set_axis_off()
    axes.set_ylim(-top + 0.2, top + 0.5)
    wide = max(len(circuit["nodes"][i]["name"]) for i in circuit["rows"][0])
    last = max(len(circuit["nodes"][i]["name"]) for i in circuit["rows"][-1])
    right = max(x for x, _ in places.values())
    axes.set_xlim(-0.6 - 0.13 * wide, right + 0.6 + 0.13 * last)


def _curve(
    axes: Any,
    a: tuple[float, float],
    b: tuple[float, float],
    colour: str,
    width: float,
    **more: Any,
) -> None:
    """A cubic curve: S-shaped between layers, an arc inside one, a loop onto itself."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    (x0, y0), (x1, y1) = a, b
    if a == b:
        points = [a, (x0 - 0.4, y0 + 0.55), (x0 + 0.4, y0 + 0.55), a]
    elif abs(x0 - x1) < 0.5 * _COLUMN:
        out = 0.35 + 0.12 * float(np.hypot(x1 - x0, y1 - y0))
        points = [a, (x0 + out, y0), (x1 + out, y1), b]
    else:
        bend = 0.45 * (x1 - x0)
        points = [a, (x0 + bend, y0), (x1 - bend, y1), b]
    codes = [Outline.MOVETO, Outline.CURVE4, Outline.CURVE4, Outline.CURVE4]
    axes.add_patch(PathPatch(Outline(points, codes), fill=False, ec=colour, lw=width, **more))


def draw_circuit(canvas: Any, data: Account) -> None:
    """The trained circuit; a synapse that has no sign is grey."""
    from matplotlib.lines import Line2D

    circuit, axes = data["circuit"], canvas.add_subplot()
    places = _places(circuit)
    for s in reversed(circuit["synapses"]):
        colour = {1: BLUE, -1: ORANGE, 0: GREY}[s["sign"]]
        dashes = (0, (4, 2)) if s["recurrent"] else "-"
        width = 0.2 + 2.2 * np.sqrt(s["strength"])
        a, b = places[s["source"]], places[s["target"]]
        _curve(axes, a, b, colour, width, alpha=0.5, zorder=1, linestyle=dashes)
    _draw_nodes(axes, circuit, places)
    kinds = [(BLUE, "excites", "-"), (ORANGE, "inhibits", "-"), (GREY, "has no sign", "-")]
    kinds.append((GREY, "reads the old state", "--"))
    handles = [Line2D([], [], color=c, lw=2, ls=ls, label=label) for c, label, ls in kinds]
    axes.legend(
        handles=handles, loc="lower center", ncols=4, fontsize=9, bbox_to_anchor=(0.5, -0.06)
    )
    axes.set_title(f"{data['model']}: {circuit['synapse_count']:,} synapses, as trained")


def _draw_decision(canvas: Any, data: Account) -> None:
    circuit, axes = data["circuit"], canvas.add_subplot()
    places, total = _places(circuit), data["total"]
    most = max((abs(flow) for _, _, flow in data["edges"]), default=1.0)
    for source, target, flow in reversed(data["edges"]):
        width = 0.4 + 6.0 * np.sqrt(abs(flow) / most)
        colour = BLUE if flow >= 0 else ORANGE
        _curve(axes, places[source], places[target], colour, width, alpha=0.6, zorder=1)
    _draw_nodes(axes, circuit, places)
    for (node, flow), (after, _) in zip(data["path"], data["path"][1:], strict=False):
        (x0, y0), (x1, y1) = places[node], places[after]
        share = f"{flow / total:.0%}" if total else ""
        axes.text((x0 + x1) / 2, (y0 + y1) / 2, share, ha="center", weight="bold", zorder=5)
    axes.set_title(_wrapped(data["sentence"]), fontsize=9, weight="normal")


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 110))


def _draw_activity(canvas: Any, data: Account) -> None:
    axes = canvas.add_subplot()
    h = np.asarray(data["h"]).T
    most = float(np.abs(h).max()) or 1.0
    axes.grid(visible=False)
    ends = (data["time"][0], data["time"][-1] or 1.0)
    image = axes.imshow(
        h,
        aspect="auto",
        cmap="PuOr_r",
        vmin=-most,
        vmax=most,
        interpolation="nearest",
        extent=(*ends, len(h) - 0.5, -0.5),
    )
    if len(h) <= 40:
        axes.set_yticks(range(len(h)), data["names"], fontsize=8)
    axes.set(xlabel=_time(data), title="states of the neurons")
    canvas.colorbar(image, ax=axes, shrink=0.8)


def _draw_tau(canvas: Any, data: Account) -> None:
    axes = canvas.add_subplot()
    tau = np.asarray(data["tau"], float)
    for k, name in enumerate(data["names"][:12]):
        axes.plot(data["time"], tau[:, k], lw=1.1, label=name)
    if tau.shape[1]:
        axes.set_yscale("log")
        axes.legend(fontsize=8, ncols=4)
    axes.set(xlabel=_time(data), ylabel=f"time constant, {data['time_unit']}")
    axes.set_title(
        _wrapped("; ".join(data["formulas"].values()) or "no time constants"), fontsize=9
    )


def _time(data: Account) -> str:
    return f"time, {data['time_unit']}" if data["time_unit"] else "time"


def _draw_bars(canvas: Any, data: Account) -> None:
    axes = canvas.add_subplot()
    rows = list(data["rows"].items())[:_LISTED][::-1]
    values = np.array([value for _, value in rows])
    colours = [BLUE if v >= 0 else ORANGE for v in values]
    axes.set_axisbelow(True)
    axes.barh(range(len(rows)), values, color=colours)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=8)
    axes.axvline(0.0, color=INK, lw=0.8)
    axes.set(title=data["title"], xlabel=data["unit"])


def _draw_ranges(canvas: Any, data: Account) -> None:
    axes = canvas.add_subplot()
    rows = data["vectors"][::-1]
    for k, row in enumerate(rows):
        (lo, hi), (least, most) = row["proved"], row["used"]
        span = hi - lo or 1.0
        axes.barh(k, 1.0, color="#dfe3e9", height=0.7)
        axes.barh(
            k, max((most - least) / span, 0.004), left=(least - lo) / span, color=BLUE, height=0.7
        )
        axes.text(1.02, k, f"{lo:.3g} to {hi:.3g}", va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows], fontsize=8)
    axes.set(xlim=(0, 1.25), xticks=[], title="what each vector uses of its proved range")
    axes.grid(visible=False)


def _pick_circuit(account: Account, moment: int) -> Account:
    return {"model": account["model"]["name"], "circuit": account["circuit"]}


def _pick_decision(account: Account, moment: int) -> Account:
    trace, decisions = account["decisions"]["traces"][0], account["decisions"]
    names = [i["name"] for i in account["model"]["inputs"]]
    return {
        "circuit": account["circuit"],
        "step": int(decisions["at"][moment]),
        "total": float(trace["total"][moment]),
        "value": float(trace["value"][moment]),
        "shares": dict(zip(names, trace["inputs"][moment], strict=True))
        | {
            "memory": float(trace["memory"][moment].sum()),
            "left over": float(trace["left_over"][moment]),
        },
        "edges": trace["edges"][moment],
        "path": trace["paths"][moment],
        "sentence": trace["sentences"][moment],
    }


def _pick_activity(account: Account, moment: int) -> Account:
    nodes, activity = account["circuit"]["nodes"], account["activity"]
    names = [nodes[i]["name"] for i in activity["neurons"]]
    return _timed(account) | {"names": names, "h": activity["h"]}


def _pick_tau(account: Account, moment: int) -> Account:
    nodes, activity = account["circuit"]["nodes"], account["activity"]
    names = [nodes[i]["name"] for i in activity["tau_of"]]
    found = {"names": names, "tau": activity["tau"], "formulas": activity["formulas"]}
    return _timed(account) | found | {"formula_of": activity["formula_of"]}


def _timed(account: Account) -> Account:
    return {key: account["model"][key] for key in ("time", "time_unit")}


def _pick_drivers(account: Account, moment: int) -> Account:
    drivers, step = account["drivers"], int(account["decisions"]["at"][moment])
    names = [i["name"] for i in account["model"]["inputs"]]
    output = account["decisions"]["traces"][0]["output"][moment]
    ablation = drivers["ablation"][step, :, output]
    rows = {f"{n}, gradient": v for n, v in zip(names, drivers["gradient"][0][moment], strict=True)}
    rows |= {f"{n}, ablation": v for n, v in zip(names, ablation, strict=True)}
    name, unit = (account["model"]["outputs"][output][key] for key in ("name", "unit"))
    return {"rows": rows, "unit": unit, "title": f"what drives {name} in step {step}"}


def _pick_cuts(account: Account, moment: int) -> Account:
    nodes = account["circuit"]["nodes"]

    def called(cut: Account) -> str:
        source = str(nodes[cut["source"]]["name"])
        return source if cut["target"] is None else f"{source} → {nodes[cut['target']]['name']}"

    rows = {called(cut): max(cut["rms"]) for cut in account["cuts"]["rows"]}
    return {"rows": rows, "unit": "rms change of an output", "title": "without each of these"}


def _pick_ranges(account: Account, moment: int) -> Account:
    return {"vectors": account["numerics"]["vectors"]}


def _pick_cost(account: Account, moment: int) -> Account:
    layers = account["numerics"]["layers"]
    rows = {row["name"]: row["products"] + row["elements"] for row in layers}
    more = {"layers": layers, "cores": account["numerics"]["memory"]["cores"]}
    return {
        "rows": rows,
        "unit": "products and elements of a step",
        "title": "cost by layer",
    } | more


def _pick_memory(account: Account, moment: int) -> Account:
    memory = account["numerics"]["memory"]
    parts = [(key, part) for key in ("flash", "state", "stack") for part in memory[key]]
    rows = {f"{key}: {part['name']}": part["bytes"] for key, part in parts}
    return {"rows": rows, "unit": "bytes", "title": "flash and RAM"} | {"parts": memory}


def _fixed(width: float, height: float) -> Callable[[Account], tuple[float, float]]:
    return lambda data: (width, height)


def _by_rows(data: Account) -> tuple[float, float]:
    count = len(data["vectors"]) if "vectors" in data else min(len(data["rows"]), _LISTED)
    return 8.0, min(max(2.5, 0.24 * count + 1.2), 60.0)


Figure = tuple[
    Callable[[Account, int], Account],
    Callable[[Any, Account], None],
    Callable[[Account], tuple[float, float]],
]
FIGURES: dict[str, Figure] = {
    "activity": (_pick_activity, _draw_activity, _fixed(10.0, 5.0)),
    "circuit": (_pick_circuit, draw_circuit, _circuit_size),
    "cost": (_pick_cost, _draw_bars, _by_rows),
    "cuts": (_pick_cuts, _draw_bars, _by_rows),
    "decision": (_pick_decision, _draw_decision, _circuit_size),
    "drivers": (_pick_drivers, _draw_bars, _by_rows),
    "memory": (_pick_memory, _draw_bars, _by_rows),
    "ranges": (_pick_ranges, _draw_ranges, _by_rows),
    "time-constants": (_pick_tau, _draw_tau, _fixed(10.0, 4.0)),
}
"""By name: what a figure shows of an account, how it is drawn, and its size in inches."""
