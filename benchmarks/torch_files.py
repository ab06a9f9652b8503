"""Writes modules by torch's two exporters, as a user would call them, without their messages."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def to_onnx(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    dynamo: bool,
    inputs: list[str],
    outputs: list[str],
    opset: int | None = None,
) -> Path:
    """Write a module in eval mode by torch's dynamo or its TorchScript exporter; returns the path.

    inputs, outputs  the names of the graph's ports
    opset            None for the exporter's own
    """
    more: dict[str, Any] = {"external_data": False} if dynamo else {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            str(path),
            input_names=inputs,
            output_names=outputs,
            opset_version=opset,
            dynamo=dynamo,
            verbose=False,
            **more,
        )
    return path
