"""The figures of `elegans inspect` as files of their own: SVG and PNG by matplotlib, and JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from elegans.trainer.plots import figure
from elegans.viewer.analysis.account import Account
from elegans.viewer.pages.inspect_drawings import (
    LISTED,
    circuit_size,
    draw_activity,
    draw_bars,
    draw_circuit,
    draw_decision,
    draw_ranges,
    draw_tau,
)

FORMATS = ("svg", "png", "json")


def figure_bytes(account: Account, name: str, form: str, moment: int | None = None) -> bytes:
    """A figure of `FIGURES` in one of `FORMATS`; equal accounts give equal bytes.

    moment  of a decision, its number among those that are traced; the middle one if None
    """
    if moment is None:
        moment = len(account["decisions"]["at"]) // 2
    picked, draw, size = FIGURES[name]
    return _written(picked(account, moment), form, draw, size)


def circuit_bytes(name: str, circuit: Account, form: str) -> bytes:
    """The figure of a circuit alone, as `account.circuit_account` gives it, of a model's name."""
    return _written({"model": name, "circuit": circuit}, form, draw_circuit, circuit_size)


def _written(
    data: Account,
    form: str,
    draw: Callable[[Any, Account], None],
    size: Callable[[Account], tuple[float, float]],
) -> bytes:
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
    count = len(data["vectors"]) if "vectors" in data else min(len(data["rows"]), LISTED)
    return 8.0, min(max(2.5, 0.24 * count + 1.2), 60.0)


Figure = tuple[
    Callable[[Account, int], Account],
    Callable[[Any, Account], None],
    Callable[[Account], tuple[float, float]],
]
FIGURES: dict[str, Figure] = {
    "activity": (_pick_activity, draw_activity, _fixed(10.0, 5.0)),
    "circuit": (_pick_circuit, draw_circuit, circuit_size),
    "cost": (_pick_cost, draw_bars, _by_rows),
    "cuts": (_pick_cuts, draw_bars, _by_rows),
    "decision": (_pick_decision, draw_decision, circuit_size),
    "drivers": (_pick_drivers, draw_bars, _by_rows),
    "memory": (_pick_memory, draw_bars, _by_rows),
    "ranges": (_pick_ranges, draw_ranges, _by_rows),
    "time-constants": (_pick_tau, draw_tau, _fixed(10.0, 4.0)),
}
"""By name: what a figure shows of an account, how it is drawn, and its size in inches."""
