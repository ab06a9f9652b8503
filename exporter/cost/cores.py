"""The cores for which there are estimates."""

from __future__ import annotations

CORES = {"m0": "m0", "m0plus": "m0", "m3": "m3", "m4": "m4", "m7": "m4", "m33": "m4", "m55": "m55"}
"""And the core whose kernels each has."""
