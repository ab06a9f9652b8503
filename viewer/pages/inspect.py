"""The page of `elegans inspect`: an account (`analysis.account`) as one HTML file."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from elegans.viewer.analysis.account import Account
from elegans.viewer.analysis.decisions import POINTS
from elegans.viewer.pages.page import page

_STEPS = 65534  # of 16 bits between the least and the greatest value; one more is "none"
_DECADES = 100.0  # an array whose values span more is packed by its logarithms
_COLOURED = 150  # synapses that are in colour at first


def inspect_page(account: Account) -> str:
    """The HTML of the page; equal accounts give equal bytes."""
    title = f"{account['model']['name']}: inspected"
    told = {key: packed(value) for key, value in account.items() if key in _READ}
    return page("inspect", title, _values(account), told)


_READ = {"model", "circuit", "activity", "decisions", "drivers", "cuts"}  # by the script


def packed(value: Any) -> Any:
    """A value as JSON; arrays of numbers with 16 bits for each, NaN as none."""
    if isinstance(value, dict):
        return {key: packed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [packed(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist() if value.dtype.kind in "iu" else _packed_array(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}")
    return value.item() if isinstance(value, np.generic) else value


def _packed_array(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    log = bool(known.size and known.min() > 0 and known.max() > _DECADES * known.min())
    scaled = np.log10(np.where(np.isfinite(values), values, 1.0)) if log else values
    known = scaled[np.isfinite(values)]
    lo, hi = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    span = hi - lo or 1.0
    steps = np.round(np.where(np.isfinite(values), (scaled - lo) / span, 0.0) * _STEPS)
    steps = np.where(np.isfinite(values), steps, _STEPS + 1).astype("<u2")
    text = base64.b64encode(steps.tobytes()).decode()
    return {"packed": text, "shape": list(values.shape), "ends": [lo, lo + span, log]}


def _values(account: Account) -> dict[str, Any]:
    """What the template shows."""
    model, circuit, numbers = account["model"], account["circuit"], account["numerics"]
    cuts, decisions = account["cuts"], account["decisions"]
    return {
        "name": model["name"],
        "states": f"{model['states']:,}",
        "weights": f"{model['weights']:,}",
        "synapses": circuit["synapse_count"],
        "drawn": len(circuit["synapses"]),
        "threshold": _threshold(circuit),
        "steps": f"{model['steps']:,}",
        "steps_left": model["of_steps"] - model["steps"],
        "source": model["source"],
        "trace_steps": decisions["steps"],
        "points": POINTS,
        "top_edges": max((len(e) for t in decisions["traces"] for e in t["edges"]), default=0),
        "cut_neurons": cuts["neurons"],
        "cut_synapses": cuts["synapses"],
        "vectors": [_vector(row) for row in numbers["vectors"]],
        "errors": [
            error | {"worst": f"{error['worst']:.1e}", "rms": f"{error['rms']:.1e}"}
            for error in numbers["errors"]
        ],
        "layers": numbers["layers"],
        "cores": [
            {"name": core.upper(), "instructions": f"{n:,}", "flash": f"{flash:,}"}
            for core, n, flash in numbers["memory"]["cores"]
        ],
        "memory": [
            {
                "title": title,
                "total": f"{sum(part['bytes'] for part in numbers['memory'][key]):,}",
                "parts": numbers["memory"][key],
            }
            for title, key in (
                ("Flash: constants and unrolled maps", "flash"),
                ("RAM that stays between steps", "state"),
                ("Stack of a step, its buffers", "stack"),
            )
        ],
        "provenance": account["provenance"],
    }


def _threshold(circuit: Account) -> int:
    """The percentage at which the slider stands first: it leaves some synapses in colour."""
    strengths = sorted((s["strength"] for s in circuit["synapses"]), reverse=True)
    return int(100 * strengths[_COLOURED]) if len(strengths) > _COLOURED else 0


def _vector(row: dict[str, Any]) -> dict[str, Any]:
    (lo, hi), (least, most) = row["proved"], row["used"]
    span = hi - lo or 1.0
    left, width = 100 * (least - lo) / span, 100 * (most - least) / span
    return row | {
        "proved": f"{lo:.4g} to {hi:.4g}",
        "used": f"{least:.4g} to {most:.4g}",
        "left": f"{max(left, 0.0):.1f}",
        "width": f"{min(max(width, 0.0), 100.0):.1f}",
        "share": f"{min(max(width, 0.0), 100.0):.0f} %",
        "error": "" if row["error"] is None else f"{row['error']:.1e}",
    }
