"""`export_onnx`: a network of elegans, ncps or torch as an ONNX file of one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.exporter.ir.declared import with_formats
from elegans.exporter.ir.interface import (
    Interface,
    Range,
    Signal,
    checked_range,
    to_metadata,
    valid_name,
)
from elegans.exporter.ir.raw_format import named_format
from elegans.trainer.cells.ltc import POSITIVE
from elegans.trainer.networks.sequence_layer import SequenceLayer
from elegans.trainer.onnx_out.step_of_model import ModelStep, layers_in
from elegans.trainer.onnx_out.torch_to_onnx import step_to_onnx
from elegans.trainer.onnx_out.verify import StepFunction, check_finite, compare_with_torch

_LAYERS = ("inter", "command", "motor")  # of an ncps NCP, in the order of the state
_KINDS = "a network of elegans.trainer, a CfC or LTC of ncps.torch, or a GRU-, LSTM- or RNNCell"
# The comparison with torch draws inputs of order one, whatever their declared ranges: there
# tanh and sigmoid are curved, while far values would saturate them and hide differences.
_X_RANGE = (-1.0, 1.0)
# Elapsed times where no range is declared: the first, and shorter ones for a network whose solver
# diverges there.
_DT_RANGES = ((0.05, 1.0), (5e-4, 1e-2), (5e-6, 1e-4), (5e-8, 1e-6))


def export_onnx(
    module: nn.Module,
    input_size: int,
    path: str | Path,
    *,
    input_ranges: Range | list[Range] | None = None,
    dt_range: Range | None = None,
    input_formats: Sequence[str] = (),
    state_ranges: Range | Mapping[str, Range] | None = None,
) -> Path:
    """Write one step of a network to `path`: x [1, I], h [1, H], dt [1, 1] -> y, h_next.

    module        a layer, network or cell of elegans.trainer, or a model around layers whose
                  `forward` takes x, or x and timespans; an `ncps.torch.CfC` or `LTC`, wired or
                  dense, with or without a projection and mixed memory; or a GRUCell, LSTMCell
                  or RNNCell of torch. An LSTM's state, and that of mixed memory, is [h, c]
    input_size    I
    path          the file; its name without the suffix becomes the model's name
    input_ranges  (lowest, highest) of all inputs, or a list of one for each
    dt_range      (shortest, longest) elapsed time, s
    input_formats of inputs that are raw counts, as `elegans export --input-format` takes them
    state_ranges  where states saturate that no theorem bounds, as an LSTM's cell: (lowest,
                  highest) of all of these, or by the names of layers in report.txt

    The ranges travel in the file; without them, `elegans export` must be given them.
    onnxruntime runs the file beside torch before it gets its name. Returns the path. Raises
    ElegansError for a module of another kind, a name that cannot prefix C, weights that are
    not finite, negative weights in an LTC, a file that onnxruntime runs differently, or a
    path that cannot be written.
    """
    path = Path(path)
    name = valid_name(path.stem.lower().replace("-", "_"))
    check_finite(module)
    _check_positive(module)
    step = step_of(module, input_size).eval()
    interface = Interface(
        name,
        inputs=_input_signals(input_size, input_ranges),
        outputs=tuple(Signal(f"y{i}") for i in range(_outputs(step, input_size))),
        dt=Signal("dt", "s", dt_range),
        layers=_layers(module),
        declared_states=_declared_states(state_ranges),
    )
    if input_formats:
        interface = with_formats(interface, [named_format(text) for text in input_formats])
    data = step_to_onnx(step, interface, step.states, to_metadata(interface))
    x_range = ([_X_RANGE[0]] * input_size, [_X_RANGE[1]] * input_size)
    compare_with_torch(data, step, name, x_range, (dt_range,) if dt_range else _DT_RANGES)
    write_file(path, data)
    return path


class StepModule(nn.Module):
    """One step of `module`, computed by `call`: x [1, I], h [1, H], dt [1, 1] -> y, h_next.

    `states` is H: where a network has several state vectors, they lie end to end in h.
    """

    def __init__(self, module: nn.Module, states: int, call: StepFunction) -> None:
        super().__init__()
        self.module, self.states, self._call = module, states, call

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """y [1, O] and h_next [1, H]."""
        return self._call(x, h, dt)


def step_of(module: Any, input_size: int = 0) -> StepModule | ModelStep:
    """The step of a network or cell, recognised by the attributes that it has.

    input_size  I, for a model around layers

    Raises ElegansError for a module of another kind.
    """
    if isinstance(module, SequenceLayer):
        return StepModule(module, module.carried_size, module.step)
    if hasattr(module, "step") and hasattr(module, "state_size"):  # elegans: Recurrent
        return StepModule(module, module.state_size, module.step)
    if all(hasattr(module, part) for part in ("state_size", "output", "forward")):  # its cells
        return StepModule(module, module.state_size, _bound(_elegans_cell, module))
    if hasattr(module, "rnn_cell") and hasattr(module, "state_size"):  # ncps: CfC, LTC
        size = int(module.state_size)
        if getattr(module, "use_mixed", False):
            return StepModule(module, 2 * size, _bound(_ncps_mixed_memory, module))
        return StepModule(module, size, _bound(_ncps, module))
    if isinstance(module, nn.LSTMCell):
        return StepModule(module, 2 * module.hidden_size, _bound(_lstm, module))
    if isinstance(module, (nn.GRUCell, nn.RNNCell)):
        return StepModule(module, module.hidden_size, lambda x, h, dt: (module(x, h),) * 2)
    if isinstance(module, nn.Module) and layers_in(module):
        return ModelStep(module, input_size)
    raise ElegansError(
        f"export_onnx, {type(module).__name__}",
        "is no network whose step elegans knows",
        f"give {_KINDS}; a model around one only if it has layers of elegans.trainer",
    )


def _bound(call: Callable[..., tuple[Tensor, Tensor]], module: Any) -> StepFunction:
    return lambda x, h, dt: call(module, x, h, dt)


def _elegans_cell(module: Any, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    h_next = module(x, h, dt)
    return module.output(h_next), h_next


def _ncps(module: Any, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    y, h_next = module.rnn_cell(x, h, dt)
    return (module.fc(y) if hasattr(module, "fc") else y), h_next


def _ncps_mixed_memory(module: Any, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    """The LSTM moves [h, c]; the cell then starts from the LSTM's h."""
    size = int(module.state_size)
    hidden, cell_state = module.lstm(x, (h[:, :size], h[:, size:]))
    y, hidden = _ncps(module, x, hidden, dt)
    return y, torch.cat([hidden, cell_state], dim=1)


def _lstm(module: nn.LSTMCell, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    """dt is not read."""
    size = module.hidden_size
    hidden, cell_state = module(x, (h[:, :size], h[:, size:]))
    return hidden, torch.cat([hidden, cell_state], dim=1)


def _check_positive(module: nn.Module) -> None:
    """Raise for negative weights in an LTC, ours or ncps', that has no softplus over them."""
    for path, part in module.named_modules():
        softplus = getattr(part, "softplus", getattr(part, "_implicit_param_constraints", None))
        if softplus is not False:  # None: not an LTC
            continue
        for name in POSITIVE:
            value = getattr(part, name, None)
            # In ncps, `sparsity_mask` and `sensory_sparsity_mask` hide absent synapses.
            mask = getattr(part, name.replace("w", "sparsity_mask"), None)
            value = value if value is None or mask is None else value * mask
            if value is not None and bool((value < 0).any()):
                raise ElegansError(
                    f"weight {path}.{name}".replace("weight .", "weight "),
                    f"reaches {value.min().item():.3g}, and LTC divides by its sum",
                    "call apply_constraints() (apply_weight_constraints() in ncps) after each "
                    "update, or let a softplus keep it positive",
                )


def _input_signals(input_size: int, input_ranges: Range | list[Range] | None) -> tuple[Signal, ...]:
    ranges = input_ranges if isinstance(input_ranges, list) else [input_ranges] * input_size
    if len(ranges) != input_size:
        raise ElegansError(
            "export_onnx",
            f"{len(ranges)} input_ranges for {input_size} inputs",
            "give one for all inputs, or one for each",
        )
    return tuple(Signal(f"x{i}", range=bounds) for i, bounds in enumerate(ranges))


def _declared_states(
    ranges: Range | Mapping[str, Range] | None,
) -> tuple[tuple[str | None, Range], ...]:
    if ranges is None:
        return ()
    named = ranges.items() if isinstance(ranges, Mapping) else [(None, ranges)]
    return tuple((name, checked_range(f"state {name or ''}".rstrip(), r)) for name, r in named)


def _outputs(step: StepModule | ModelStep, input_size: int) -> int:
    """The number of outputs, counted by a step: ncps' output_size is wrong for one layer."""
    with torch.no_grad():
        y, _ = step(torch.zeros(1, input_size), torch.zeros(1, step.states), torch.ones(1, 1))
    return int(y.shape[1])


def _layers(module: nn.Module) -> tuple[tuple[str, int], ...]:
    """Names and sizes of the layers of a CfC circuit, ours or ncps'; () for what has none."""
    inside = layers_in(module)
    if inside and inside != [module]:  # a model around layers
        return _layers(inside[0]) if len(inside) == 1 else ()
    cell: Any = getattr(module, "rnn_cell", module)
    ours: tuple[tuple[str, int], ...] | None = getattr(cell, "wiring_layers", None)
    if ours is not None:
        return ours
    wiring: Any = getattr(module, "wiring", None)
    if wiring is None or wiring.num_layers != len(_LAYERS):
        return ()
    sizes = [len(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]
    return tuple(zip(_LAYERS, sizes, strict=True))
