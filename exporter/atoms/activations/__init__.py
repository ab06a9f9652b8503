"""One activation a file: `<name>.py` defines a class and names it `ACTIVATION`."""

from __future__ import annotations

import importlib
import pkgutil

from elegans.exporter.ir.atom import Activation


def activations() -> tuple[type[Activation], ...]:
    """Every activation of this folder, in the order of the files' names."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.ACTIVATION for module in modules)
