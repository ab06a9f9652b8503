"""Names in a note of one line."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[object], most: int = 5) -> str:
    """`a, b, c` and, beyond `most`, how many more: for a note of one line."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
