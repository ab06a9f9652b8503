"""How the figures of `elegans inspect` are drawn by matplotlib, from the data that they show."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from elegans.trainer.plots import BLUE, GREY, INK, ORANGE
from elegans.viewer.analysis.account import Account

LISTED = 20
"""Rows of bars that are drawn."""
_GAP, _COLUMN = 0.62, 3.4  # inches between nodes and between layers, about
_MOST_ROWS = 26  # of a column; a layer with more nodes is a block of columns


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


def circuit_size(data: Account) -> tuple[float, float]:
    """The width and height of a circuit's figure in inches."""
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


def draw_decision(canvas: Any, data: Account) -> None:
    """The strongest flows of a decision, its strongest path with its shares, and the sentence."""
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
    return "\n".join(textwrap.wrap(text, 110))


def draw_activity(canvas: Any, data: Account) -> None:
    """The states of all neurons over time, a row for each."""
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


def draw_tau(canvas: Any, data: Account) -> None:
    """The time constants of the first neurons over time."""
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


def draw_bars(canvas: Any, data: Account) -> None:
    """A bar for each of the first rows."""
    axes = canvas.add_subplot()
    rows = list(data["rows"].items())[:LISTED][::-1]
    values = np.array([value for _, value in rows])
    colours = [BLUE if v >= 0 else ORANGE for v in values]
    axes.set_axisbelow(True)
    axes.barh(range(len(rows)), values, color=colours)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=8)
    axes.axvline(0.0, color=INK, lw=0.8)
    axes.set(title=data["title"], xlabel=data["unit"])


def draw_ranges(canvas: Any, data: Account) -> None:
    """For each vector the range that it uses, in the range that is proved."""
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
