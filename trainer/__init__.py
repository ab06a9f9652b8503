"""Liquid networks in PyTorch: wiring, cells, tasks, training, and the way out as ONNX."""

from __future__ import annotations

from typing import Any

__all__ = ["export_onnx"]


def __getattr__(name: str) -> Any:
    """`export_onnx` on demand: importing this package imports no torch."""
    if name == "export_onnx":
        from elegans.trainer.onnx_out.export_step import export_onnx

        return export_onnx
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
