"""Liquid networks in PyTorch: wirings, cells, networks, export as ONNX, tasks to train.

Inside, a stage imports only those before it: data, wiring, kernels, cells, networks, onnx_out,
chip_aware, learn, tasks, robustness, search.
The modules beside them (checkpoint, fit, progress, plots, straight_through) may be used by all.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLACES = {
    "AutoNCP": "wiring.ncp",
    "CTRNN": "networks.layers",
    "CfC": "networks.layers",
    "FullyConnected": "wiring.unlayered",
    "GRU": "networks.layers",
    "LSTM": "networks.layers",
    "LTC": "networks.layers",
    "NCP": "wiring.ncp",
    "Random": "wiring.unlayered",
    "Trainer": "learn.trainer",
    "Wiring": "wiring.ncp",
    "export_onnx": "onnx_out.export_step",
    "in_torch": "kernels.sequence",
    "kernels_in_use": "kernels.compiled",
    "load_ncps": "networks.load_ncps",
    "truncated": "networks.truncated",
}

__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    """Import what is asked for: importing this package imports no torch."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
