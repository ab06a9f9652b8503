"""A compiled cell over whole sequences as one node of autograd.

The C works on blocks of 16 sequences, one beside the other in each vector. Blocks are independent
and their gradients are added in one order, so the number of threads changes no bit.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elegans.exporter.errors import ElegansError
from elegans.trainer.kernels.compiled import kernels

LANES = 16
"""Sequences in a block, as in lanes.h."""

_IN_TORCH: ContextVar[bool] = ContextVar("in_torch", default=False)

_POINTERS = ("shape", "flat", "x", "dt", "h0", "states", "record", "scratch")
_GRADIENTS = ("d_states", "dx", "d_dt", "dh0", "d_flat")
_SIZES = ("weights", "x_lane", "x_step", "dt_lane", "dt_step")
_COUNTS = ("steps", "first", "last", "keep")


class _Call(ctypes.Structure):
    """`Call` of lanes.h."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in (*_POINTERS, *_GRADIENTS)),
        *((name, ctypes.c_int64) for name in _SIZES),
        *((name, ctypes.c_int32) for name in _COUNTS),
    ]


class CompiledCell(NamedTuple):
    """A cell as the C wants it."""

    name: str
    """`cfc`, `ctrnn` or `ltc`: the C file."""
    shape: Tensor
    """int32: the sizes and the wiring; each file says which."""
    flat: Tensor
    """float32 [P]: all weights, one behind the other; gradients flow through it."""


@contextlib.contextmanager
def in_torch() -> Iterator[None]:
    """Run all cells in torch inside the block, as where there is no compiler."""
    before = _IN_TORCH.set(True)
    try:
        yield
    finally:
        _IN_TORCH.reset(before)


def can_run(*tensors: Tensor) -> bool:
    """Whether compiled cells can take these tensors: float32 on the CPU, outside `in_torch`."""
    plain = all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)
    return plain and not _IN_TORCH.get() and kernels().library is not None


@torch.compiler.disable  # type: ignore[untyped-decorator]
def run_compiled(cell: CompiledCell, x: Tensor, dt: Tensor, h0: Tensor) -> Tensor:
    """x [B, T, I], dt [B, T], h0 [B, H] -> the states behind every step [B, T, H].

    Needs `can_run` of all of them and of `cell.flat`. Gradients flow to all of them, once:
    `create_graph` raises ElegansError.
    """
    result: Tensor = _Sequence.apply(cell.name, cell.shape, cell.flat, x, dt, h0)  # type: ignore[no-untyped-call]
    return result


class _Sequence(torch.autograd.Function):
    """Keeps a record of each step for the way back if any gradient is asked for."""

    @staticmethod
    def forward(ctx: Any, name: str, shape: Tensor, *given: Tensor) -> Tensor:
        flat, x, dt, h0 = given
        x = x if x.stride(2) == 1 else x.contiguous()
        flat, dt, h0 = flat.contiguous(), dt.contiguous(), h0.contiguous()
        keep = any(ctx.needs_input_grad)
        batch, steps = dt.shape
        states = x.new_empty(batch, steps, h0.shape[1])
        record = x.new_empty((_blocks(batch) * steps if keep else 0, _size(name, "record", shape)))
        call = _Call(weights=flat.numel(), keep=keep, steps=steps)
        _point(call, shape=shape, flat=flat, h0=h0, states=states, record=record)
        _point_to_inputs(call, x, dt)
        _run(name, "forward", call, shape, batch)
        ctx.name, ctx.shape = name, shape
        ctx.save_for_backward(flat, x, dt, h0, record)
        return states

    @staticmethod
    def backward(ctx: Any, d_states: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # create_graph: torch's own decorator lets this pass
            raise ElegansError(
                "compiled cells", "they have no second derivatives", "run them inside in_torch()"
            )
        flat, x, dt, h0, record = ctx.saved_tensors
        batch, steps = dt.shape
        d_states = d_states.contiguous()
        wanted = ctx.needs_input_grad[3:]
        dx, d_dt, dh0 = (
            torch.empty(t.shape, dtype=t.dtype) if need else None
            for t, need in zip((x, dt, h0), wanted, strict=True)
        )
        d_flat = flat.new_zeros(_blocks(batch), flat.numel())
        call = _Call(weights=flat.numel(), keep=True, steps=steps)
        _point(call, shape=ctx.shape, flat=flat, record=record, d_states=d_states)
        _point(call, dx=dx, d_dt=d_dt, dh0=dh0, d_flat=d_flat)
        _point_to_inputs(call, x, dt)
        _run(ctx.name, "backward", call, ctx.shape, batch)
        return None, None, d_flat.sum(dim=0), dx, d_dt, dh0


def flattened(weights: Sequence[tuple[Tensor, Tensor | None]]) -> Tensor:
    """Weights, each times its mask where it has one, one behind the other: [P].

    As one node of autograd: with one for each weight and mask, a small network would spend more
    time on its weights than on its sequences.
    """
    masks = [mask for _, mask in weights]
    result: Tensor = _Flattened.apply(masks, *(weight for weight, _ in weights))  # type: ignore[no-untyped-call]
    return result


class _Flattened(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, masks: list[Tensor | None], *weights: Tensor) -> Tensor:
        ctx.masks, ctx.shapes = masks, [weight.shape for weight in weights]
        pairs = zip(weights, masks, strict=True)
        return torch.cat([(w if mask is None else w * mask).reshape(-1) for w, mask in pairs])

    @staticmethod
    def backward(ctx: Any, d_flat: Tensor) -> tuple[Any, ...]:
        parts = torch.split(d_flat, [shape.numel() for shape in ctx.shapes])
        rows = zip(parts, ctx.shapes, ctx.masks, strict=True)
        shaped = ((part.view(shape), mask) for part, shape, mask in rows)
        return None, *(part if mask is None else part * mask for part, mask in shaped)


def _blocks(batch: int) -> int:
    return -(-batch // LANES)


def _point(call: _Call, **tensors: Tensor | None) -> None:
    for name, tensor in tensors.items():
        setattr(call, name, None if tensor is None else tensor.data_ptr())


def _point_to_inputs(call: _Call, x: Tensor, dt: Tensor) -> None:
    _point(call, x=x, dt=dt)
    call.x_lane, call.x_step = x.stride(0), x.stride(1)
    call.dt_lane, call.dt_step = dt.stride(0), dt.stride(1)


def _run(name: str, way: str, call: _Call, shape: Tensor, batch: int) -> None:
    """Call the C for all blocks, spread over as many threads as torch uses."""
    library: Any = kernels().library
    function = getattr(library, f"{name}_{way}")
    blocks, scratch_size = _blocks(batch), _size(name, "scratch", shape)
    threads = max(min(torch.get_num_threads(), blocks), 1)

    def part(index: int) -> None:
        first, last = (LANES * (blocks * end // threads) for end in (index, index + 1))
        own = _Call.from_buffer_copy(call)
        own.first, own.last = first, min(last, batch)
        scratch = torch.empty(scratch_size)
        own.scratch = scratch.data_ptr()
        if not own.record:  # nothing is kept: one step, overwritten by the next
            record = torch.empty(_size(name, "record", shape))
            own.record = record.data_ptr()
        library.without_subnormals(function, ctypes.byref(own))

    if threads == 1:
        part(0)
    else:
        list(_threads().map(part, range(threads)))


def _size(name: str, what: str, shape: Tensor) -> int:
    function = getattr(kernels().library, f"{name}_{what}")
    function.restype = ctypes.c_int64
    size: int = function(ctypes.c_void_p(shape.data_ptr()))
    return size


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="elegans")


# A child of `fork` has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)
