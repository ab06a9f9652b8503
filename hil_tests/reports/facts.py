"""The figures of a verdict as lines of a table: what was measured, and its value with the unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def facts(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines for a `Verdict.json`; what is not known has no line."""
    return [(label, text) for label, text in _all(figures) if text]


def _all(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    get = figures.get
    saturated = {layer: steps for layer, steps in (get("saturated_steps") or {}).items() if steps}
    return [
        ("board", _text(get("board"))),
        ("reached by", _text(get("emulator") or get("port"))),
        ("compiled by", _text(get("compiler"))),
        ("model", _text(get("model_digest"))[:32]),
        ("firmware", _text(get("firmware_digest"))[:32]),
        ("instructions a step", _range(get("instructions_per_step"))),
        ("ticks of the board's counter a step", _range(get("ticks_per_step"))),
        ("time of a step", "" if get("emulator") else _time(figures)),
        ("flash of the model (code, tables, weights)", _bytes(get("flash_bytes"))),
        ("RAM of the model", _bytes(get("ram_bytes"))),
        ("stack of a step", _bytes(get("stack_bytes"))),
        ("stack used since the start", _used(figures)),
        ("steps a second over the line", _text(get("vectors_per_second"))),
        ("line: bits a second", _text(get("baud"))),
        ("line: frames received", _text(get("frames"))),
        ("line: frames sent again", _text(get("resent"))),
        ("line: frames damaged", _text(get("damaged_frames"))),
        ("line: round trip", _unit(get("round_trip_ms"), "ms")),
        ("steps that saturate", ", ".join(f"{s} in {n}" for n, s in saturated.items())),
    ]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _unit(value: object, unit: str) -> str:
    return "" if value is None else f"{value} {unit}"


def _bytes(value: object) -> str:
    return _unit(value, "bytes")


def _used(figures: Mapping[str, Any]) -> str:
    used, reserved = figures.get("stack_used"), figures.get("stack_reserved")
    return "" if used is None or not reserved else f"{used} of {reserved} bytes"


def _range(value: Mapping[str, int] | None) -> str:
    if value is None:
        return ""
    low, high = value["min"], value["max"]
    return str(low) if low == high else f"{low} to {high}"


def _time(figures: Mapping[str, Any]) -> str:
    """The time of a step on a real board. An emulator's counter says nothing of time."""
    ticks, rate = figures.get("ticks_per_step"), figures.get("ticks_per_second")
    if ticks is None or not rate:
        return ""
    low, high = (f"{1e6 * ticks[end] / rate:.1f}" for end in ("min", "max"))
    return f"{low} µs" if low == high else f"{low} to {high} µs"
