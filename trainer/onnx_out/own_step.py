"""One step of a module that takes its state as an argument: forward(x, h), forward(x, (h, c), dt).

The module is run as it is, on one sample. Where the user does not say what its state is, it is
looked for: a state is what the module takes and gives back in the same shapes.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.ports.names import is_state_name, is_time_name
from elegans.trainer.onnx_out import torch_rnn
from elegans.trainer.onnx_out.state_trees import candidates, example, filled, leaves
from elegans.trainer.onnx_out.verify import StepFunction, compare_with_sequence

_SHAPES_OF_TIME = ((1, 1), (1,), (), (1, 1, 1))
_REMEDY = (
    "let forward take the state and give the next one in the same shapes, as y, h = net(x, h), and "
    "give an example of it: state=torch.zeros(1, 8), or a tuple"
)


@dataclass(frozen=True)
class _Call:
    """How a module is called for one sample.

    x_shape   of its input: [1, I], [1, 1, I], with or without a batch
    states    the names of its states, and an example of each
    time      the name of its elapsed time and its shape, or None
    """

    x_shape: tuple[int, ...]
    states: tuple[tuple[str, Any], ...]
    time: tuple[str, tuple[int, ...]] | None

    @property
    def sizes(self) -> list[int]:
        """The numbers of the tensors of all states."""
        return [leaf.numel() for _, tree in self.states for leaf in leaves(tree)]

    def run(self, module: nn.Module, x: Tensor, h: Tensor, dt: Tensor) -> list[Tensor]:
        """The tensors that the module gives for x [1, I], h [1, H] and dt [1, 1]."""
        parts = iter(torch.split(h, self.sizes, dim=1))
        named = {name: filled(tree, parts) for name, tree in self.states}
        if self.time is not None:
            named[self.time[0]] = dt.reshape(self.time[1])
        return leaves(module(x.reshape(self.x_shape), **named))

    def parted(self, found: list[Tensor]) -> tuple[Tensor, Tensor] | None:
        """y [1, O] and h_next [1, H] of what the module gives; None if it holds no next state.

        The states stand at the end, as torch has them, or at the beginning. What gives nothing
        beside them shows its state, if it is called one.
        """
        named = all(is_state_name(name) for name, _ in self.states)
        shapes = [leaf.shape for _, tree in self.states for leaf in leaves(tree)]
        for start in dict.fromkeys((len(found) - len(shapes), 0)):
            part = found[start : start + len(shapes)] if start >= 0 else []
            rest = found[:start] + found[start + len(shapes) :] if start >= 0 else []
            if [leaf.shape for leaf in part] == shapes and (rest or named):
                h = torch.cat([leaf.reshape(1, -1) for leaf in part], dim=1)
                y = [leaf.reshape(1, -1).to(h.dtype) for leaf in rest] or [h]
                return torch.cat(y, dim=1), h
        return None


def takes_state(module: nn.Module) -> bool:
    """Whether `forward` cannot do without a state."""
    parameters = inspect.signature(module.forward).parameters
    return any(parameters[n].default is inspect.Parameter.empty for n in states_of_forward(module))


def states_of_forward(module: nn.Module) -> list[str]:
    """The names of the states that `forward` cannot do without, or that are called so."""
    parameters = list(inspect.signature(module.forward).parameters.items())[1:]
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        name
        for name, parameter in parameters
        if parameter.kind in plain and not is_time_name(name)
        if parameter.default is inspect.Parameter.empty or is_state_name(name)
    ]


def kept_aside(module: nn.Module, input_size: int) -> str | None:
    """Where a module keeps its state by itself, if it does: in a buffer or an attribute."""
    before = {name: value.clone() for name, value in _tensors(module).items()}
    for shape in ((1, input_size), (1, 1, input_size)):
        with contextlib.suppress(Exception), torch.no_grad():
            module(torch.ones(shape))
    for name, value in _tensors(module).items():
        if name not in before or not torch.equal(before[name], value):
            return f"keeps its state to itself, in {name!r:.60}"
    return None


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    found = dict(module.named_buffers())
    for place, part in module.named_modules():
        named = {f"{place}.{name}".lstrip("."): value for name, value in vars(part).items()}
        found |= {name: value for name, value in named.items() if isinstance(value, Tensor)}
    return found


def own_step(module: nn.Module, input_size: int, state: Any = None) -> tuple[int, StepFunction]:
    """The number of states of a module whose `forward` takes them, and its step.

    state  an example of them, or None to look for it

    Raises `ElegansError` if it cannot be run on one sample, gives no next state, or computes on a
    sequence what single steps do not give.
    """
    names = states_of_forward(module)
    time = next(
        (n for n in [*inspect.signature(module.forward).parameters][1:] if is_time_name(n)), None
    )
    if state is not None:
        trees: Iterator[tuple[Any, ...]] = iter([_given(module, state, len(names))])
    else:
        trees = candidates(module, len(names))
    shapes = [(1, input_size), (1, 1, input_size)]
    if any(isinstance(part, nn.RNNBase) for part in module.modules()):
        shapes.reverse()
    times = [(time, shape) for shape in _SHAPES_OF_TIME] if time else [None]
    first: str | None = None
    for tree, x_shape, elapsed in itertools.product(trees, shapes, times):
        call = _Call(x_shape, tuple(zip(names, tree, strict=True)), elapsed)
        fault = _fault(module, call, input_size)
        if fault is None:
            step = _step(module, call)
            _compare(module, call, step, input_size)
            return sum(call.sizes), step
        first = first or fault
    raise _refused(module, first or "has no weights that tell the size of its state")


def _given(module: nn.Module, state: Any, count: int) -> tuple[Any, ...]:
    """The example of each of so many states that a user gives."""
    try:
        found = (example(state),) if count == 1 else tuple(map(example, state))
    except TypeError:
        found = ()
    if count and len(found) == count:
        return found
    plural = "" if count == 1 else "s"
    fact = f"its forward takes {count} state{plural}, and `state` is {type(state).__name__}"
    raise _refused(module, f"{fact} of {len(found)}" if found else fact)


def _fault(module: nn.Module, call: _Call, input_size: int) -> str | None:
    """Why a call does not give a next state; None if it does."""
    try:
        with torch.no_grad(), _one_sample(module):
            h = torch.zeros(1, sum(call.sizes))
            found = call.run(module, torch.zeros(1, input_size), h, torch.ones(1, 1))
    except Exception as error:  # whatever a module of the user raises
        if isinstance(error, ElegansError):
            raise
        reason = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
        return f"does not run on one sample ({reason:.160})"
    if call.parted(found) is None:
        shapes = ", ".join(str(list(leaf.shape)) for leaf in found) or "no tensor"
        return f"gives {shapes:.120}, in which there is no next state"
    return None


def _step(module: nn.Module, call: _Call) -> StepFunction:
    def step(x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        with _one_sample(module):
            found = call.parted(call.run(module, x, h, dt))
        if found is None:
            raise _refused(module, "gives other shapes after another state")
        return found

    return step


@contextmanager
def _one_sample(module: nn.Module) -> Iterator[None]:
    """Let torch's recurrent layers compute a sequence of one sample as a step of their cells, which
    is what an exporter can write."""
    layers = [part for part in module.modules() if isinstance(part, nn.RNNBase)]
    try:
        for layer in layers:
            layer.forward = partial(_layer, layer)
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def _layer(layer: nn.RNNBase, x: Tensor, hx: Any = None) -> Any:
    state = (
        torch.cat([leaf.reshape(1, -1) for leaf in leaves(hx)], dim=1)
        if hx is not None
        else (torch.zeros(1, torch_rnn.states_of(layer)))
    )
    y, h = torch_rnn.step(layer, x.reshape(1, -1), state, x)
    return torch_rnn.result(layer, x, y, h)


def _compare(module: nn.Module, call: _Call, step: StepFunction, input_size: int) -> None:
    """Where the module takes sequences, its steps must give what it computes on one."""
    if len(call.x_shape) < 3:
        return
    layers = [part for part in module.modules() if isinstance(part, nn.RNNBase)]
    batch_first = all(layer.batch_first for layer in layers)

    def whole(x: Tensor, dt: Tensor) -> Tensor:
        x = x if batch_first else x.swapaxes(0, 1)
        named: dict[str, Any] = dict(call.states)
        if call.time is not None:
            named[call.time[0]] = dt if batch_first else dt.T
        return leaves(module(x, **named))[0]

    compare_with_sequence(type(module).__name__, step, sum(call.sizes), whole, input_size)


def _refused(module: nn.Module, fact: str) -> ElegansError:
    return ElegansError(f"export_onnx, {type(module).__name__}", fact, _REMEDY)
