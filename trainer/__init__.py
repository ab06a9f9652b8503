"""Liquid networks in PyTorch: wirings, cells, networks, export as ONNX, tasks to train.

Inside, a stage imports only those before it: wiring, cells, networks, onnx_out, tasks. The
modules beside them (fit, progress, plots, straight_through) are used by the tasks and by tests.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["LTC", "NCP", "AutoNCP", "CfC", "export_onnx"]

_PLACES = {
    "CfC": "networks.cfc_sequence",
    "LTC": "networks.recurrent",
    "NCP": "wiring.ncp",
    "AutoNCP": "wiring.ncp",
    "export_onnx": "onnx_out.export_step",
}


def __getattr__(name: str) -> Any:
    """Import what is public when it is first used: importing this package imports no torch."""
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
