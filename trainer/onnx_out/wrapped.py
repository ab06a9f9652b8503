"""One step of a module around recurrent networks, as a normalisation, a CfC and a Linear layer.

The module is run as it is, on a sequence of one sample. Each recurrent network in it is made to
start from its part of the state, whatever the module hands it, and to remember the state that
follows. What the module hands it as elapsed time counts: if that is nothing, time is 1, as in ncps.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.ports.names import is_time_name
from elegans.trainer.onnx_out import torch_rnn
from elegans.trainer.onnx_out.verify import StepFunction, compare_with_sequence


@dataclass(frozen=True, eq=False)
class Part:
    """A recurrent network inside of a module.

    name    its place in the module
    states  the number of its states
    step    x [1, I], h [1, H], dt [1, 1] -> y [1, O], h_next [1, H]
    """

    name: str
    module: nn.Module
    states: int
    step: StepFunction


@dataclass(frozen=True)
class _Form:
    """How a module takes a sequence: x [1, T, I] or [T, 1, I], or a sample x [1, I]; and the name
    and the number of axes of its elapsed time, if it takes any."""

    x_axes: int
    batch_first: bool
    time: str | None
    time_axes: int

    def arguments(self, x: Tensor, dt: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What the module is called with, for x [1, T, I] and dt [1, T]."""
        if not self.batch_first:
            x, dt = x.swapaxes(0, 1), dt.T
        x, dt = (x if self.x_axes == 3 else x[:, 0]), (dt if self.time_axes == 2 else dt[..., None])
        return x, {} if self.time is None else {self.time: dt}


def wrapped_step(module: nn.Module, parts: list[Part], input_size: int) -> StepFunction:
    """The step of a module with these recurrent networks in it.

    Its state is that of all of them, end to end. Raises `ElegansError` if the module cannot be run
    on one sample, or if its steps do not give what it computes on a sequence.
    """
    module.eval()
    names = list(inspect.signature(module.forward).parameters)[1:]
    time = next((name for name in names if is_time_name(name)), None)
    batch_first = getattr(parts[0].module, "batch_first", True)
    ways = ((3, 2), (3, 3), (2, 2)) if time else ((3, 2), (2, 2))
    faults: list[ElegansError] = []
    for x_axes, time_axes in ways:
        form = _Form(x_axes, batch_first, time, time_axes)
        step = _step(module, parts, form)
        try:
            with torch.no_grad():
                zeros = torch.zeros(1, sum(part.states for part in parts))
                step(torch.zeros(1, input_size), zeros, torch.ones(1, 1))
        except ElegansError as fault:
            faults.append(fault)
            continue
        if x_axes == 3:
            _compare(module, step, parts, form, input_size)
        return step
    raise faults[0]


def _step(module: nn.Module, parts: list[Part], form: _Form) -> StepFunction:
    def step(x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        sizes = [part.states for part in parts]
        states = dict(zip((p.name for p in parts), torch.split(h, sizes, dim=1), strict=True))
        with _driven(parts, states):
            y = _call(module, form.arguments(x[:, None], dt))
        return y.reshape(1, -1), torch.cat([states[part.name] for part in parts], dim=1)

    return step


@contextmanager
def _driven(parts: list[Part], states: dict[str, Tensor]) -> Iterator[None]:
    """Let each network go one step from its state in `states`, and leave the next one there."""
    with ExitStack() as stack:
        for part in parts:
            stack.callback(part.module.__dict__.pop, "forward", None)
            part.module.forward = _forward(part, states)
        yield


def _forward(part: Part, states: dict[str, Tensor]) -> Callable[..., Any]:
    """What takes the place of a network's own `forward`, with its arguments and results."""
    module, signature = part.module, inspect.signature(part.module.forward)

    def forward(*given: Any, **named: Any) -> Any:
        arguments = signature.bind(*given, **named).arguments
        x = next(iter(arguments.values()))
        elapsed = next((v for n, v in arguments.items() if is_time_name(n) and v is not None), 1.0)
        dt = elapsed if isinstance(elapsed, Tensor) else torch.full((1, 1), float(elapsed))
        module.__dict__.pop("forward")  # the step of a cell is its own forward
        y, h = part.step(x.reshape(1, -1), states[part.name], dt.reshape(1, 1))
        module.forward = partial(_refuse_again, module)
        states[part.name] = h
        if isinstance(module, nn.RNNBase):
            return torch_rnn.result(module, x, y, h)
        if isinstance(module, nn.LSTMCell):
            return h.chunk(2, dim=1)
        if is_cell(module):
            return h
        if getattr(module, "return_sequences", True):
            y = y.reshape(*x.shape[:-1], -1)
        pair = getattr(module, "use_mixed", False) or getattr(module, "pair", False)
        return y, (h.chunk(2, dim=1) if pair else h)

    return forward


def is_cell(module: nn.Module) -> bool:
    """Whether it is a cell of torch or of elegans, which takes one sample."""
    own = hasattr(module, "output") and not hasattr(module, "step")
    return own or isinstance(module, nn.RNNCellBase)


def _refuse_again(module: nn.Module, *given: Any, **named: Any) -> Any:
    raise _unknown(module, "is run twice for one sample")


def _call(module: nn.Module, arguments: tuple[Tensor, dict[str, Tensor]]) -> Tensor:
    """The outputs of the module."""
    x, named = arguments
    try:
        found = module(x, **named)
    except ElegansError:
        raise
    except Exception as error:  # whatever a module of the user raises
        reason = (f"{type(error).__name__}: {error}".splitlines() or [""])[0][:160]
        more = "".join(f", {name} {list(value.shape)}" for name, value in named.items())
        raise _unknown(module, f"does not run on x {list(x.shape)}{more} ({reason})") from None
    while isinstance(found, (tuple, list)) and found:
        found = found[0]
    if not isinstance(found, Tensor):
        raise _unknown(module, f"gives {type(found).__name__}, not its outputs")
    return found


def _compare(
    module: nn.Module, step: StepFunction, parts: list[Part], form: _Form, inputs: int
) -> None:
    """Compare the steps with a whole sequence, unless the module takes single samples only, as a
    cell does."""
    states = sum(part.states for part in parts)

    def whole(x: Tensor, dt: Tensor) -> Tensor:
        return _call(module, form.arguments(x, dt))

    if all(is_cell(part.module) for part in parts):
        try:
            with torch.no_grad():
                whole(torch.zeros(1, 2, inputs), torch.ones(1, 2))
        except ElegansError:
            return
    compare_with_sequence(type(module).__name__, step, states, whole, inputs)


def _unknown(module: nn.Module, fact: str) -> ElegansError:
    remedy = "write one step of it as a module of its own: see examples/from_onnx.md"
    return ElegansError(f"export_onnx, {type(module).__name__}", fact, remedy)
