"""Liquid networks in PyTorch: wirings, cells, networks, export as ONNX, tasks to train.

Inside, a stage imports only those before it: wiring, cells, networks, onnx_out, tasks. The
modules beside them (fit, progress, plots, straight_through) are used by the tasks and by tests.
"""

from __future__ import annotations

from typing import Any

__all__ = ["export_onnx"]


def __getattr__(name: str) -> Any:
    """Import `export_onnx` when it is first used: importing this package imports no torch."""
    if name == "export_onnx":
        from elegans.trainer.onnx_out.export_step import export_onnx

        return export_onnx
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
