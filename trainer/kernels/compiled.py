"""The C of this folder as a library. Where there is none, all runs in torch: `kernels_in_use` says
which of the two it is, and why.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from elegans.exporter.native.library import Library, library

_SOURCES = Path(__file__).parent


@cache
def kernels() -> Library:
    """The library of this process, or None. Raises nothing."""
    paths = sorted(path for path in _SOURCES.iterdir() if path.suffix in (".c", ".h"))
    return library("cells", {path.name: path.read_bytes() for path in paths}, "-O3")


def kernels_in_use() -> str:
    """Which of the two ways cells take through sequences: compiled C, or torch, and why.

    Compiles the C if that was not done yet. Both ways give the same numbers up to float32's
    rounding.
    """
    found = kernels()
    return f"{'torch' if found.library is None else 'compiled'}: {found.story}"
