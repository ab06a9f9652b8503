"""JSON with an indent, as `json.dumps(data, indent=1)` writes it, and ten times as fast.

With an indent the standard library encodes each number in Python, and a model of many synapses has
millions of them in a few long lists.
"""

from __future__ import annotations

import json
from typing import Any


def indented(data: Any, level: int = 0) -> str:
    """Plain data with names that are strings, as text; `level` is its depth."""
    start, end = "\n" + " " * (level + 1), "\n" + " " * level
    if isinstance(data, dict) and data:
        items = (f"{json.dumps(k)}: {indented(v, level + 1)}" for k, v in data.items())
        return f"{{{start}{f',{start}'.join(items)}{end}}}"
    if isinstance(data, (list, tuple)) and data:
        plain = all(type(item) is int for item in data)
        texts = map(str, data) if plain else (indented(item, level + 1) for item in data)
        return f"[{start}{f',{start}'.join(texts)}{end}]"
    return json.dumps(data)
