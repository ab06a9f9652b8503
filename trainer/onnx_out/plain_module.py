"""The module that an export reads: without wrappers, on the CPU, in float32."""

from __future__ import annotations

import copy

import torch
from torch import nn

from elegans.exporter.errors import ElegansError

_AROUND = ("OptimizedModule", "DataParallel", "DistributedDataParallel")
_WHOLE = (torch.int64, torch.int32, torch.uint8, torch.bool)  # of buffers, such as counters


def unwrapped(module: nn.Module) -> nn.Module:
    """The module itself, without what torch puts around it to compile it or to spread it over
    devices. Raises ElegansError for a TorchScript program."""
    while isinstance(
        inner := getattr(module, "_orig_mod", getattr(module, "module", None)), nn.Module
    ):
        if type(module).__name__ not in _AROUND:
            break
        module = inner
    if isinstance(module, torch.jit.ScriptModule):
        fact = "is a TorchScript program, whose parts are not Python"
        raise ElegansError("export_onnx", fact, "give the module that it was made of")
    return module


def on_cpu(module: nn.Module) -> nn.Module:
    """The module on the CPU and in float32: a copy, unless it is there."""
    values = [*module.parameters(), *module.buffers()]
    if all(v.device.type == "cpu" and v.dtype in (torch.float32, *_WHOLE) for v in values):
        return module
    return copy.deepcopy(module).to("cpu", torch.float32)
