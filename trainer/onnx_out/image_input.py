"""Modules that take images: the step takes their elements in a row, as every step does."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import torch
from torch import nn

P = ParamSpec("P")


def of_images(write: Callable[P, Path]) -> Callable[P, Path]:
    """`export_onnx` that also takes the shape of an image, (C, H, W), as `input_size`."""

    @functools.wraps(write)
    def shaped(*args: P.args, **options: P.kwargs) -> Path:
        bound = inspect.signature(write).bind(*args, **options)
        module, shape = bound.arguments["module"], bound.arguments["input_size"]
        if not (isinstance(module, nn.Module) and _is_shape(shape)):
            return write(*args, **options)

        def as_image(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
            x, *others = given
            flat = isinstance(x, torch.Tensor) and x.shape[-1:] == (math.prod(shape),)
            return (x.unflatten(-1, shape) if flat else x, *others)

        bound.arguments["input_size"] = math.prod(shape)
        hook = module.register_forward_pre_hook(as_image)
        try:
            return write(*bound.args, **bound.kwargs)
        finally:
            hook.remove()

    return shaped


def _is_shape(shape: object) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) > 1
        and all(isinstance(n, int) and n > 0 for n in shape)
    )
