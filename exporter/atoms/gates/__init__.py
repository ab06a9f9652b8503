"""One gate a file: `<name>.py` defines a class and names it `GATE`."""

from __future__ import annotations

import importlib
import pkgutil

from elegans.exporter.ir.atom import Gate


def gates() -> tuple[type[Gate], ...]:
    """Every gate of this folder, in the order of the files' names."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.GATE for module in modules)
