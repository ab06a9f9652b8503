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
    model_name,
    to_metadata,
)
from elegans.exporter.ir.raw_format import named_format
from elegans.trainer.cells.ltc import POSITIVE
from elegans.trainer.networks.sequence_layer import SequenceLayer
from elegans.trainer.onnx_out import torch_rnn
from elegans.trainer.onnx_out.image_input import of_images
from elegans.trainer.onnx_out.own_step import kept_aside, own_step, states_of_forward, takes_state
from elegans.trainer.onnx_out.plain_module import on_cpu, unwrapped
from elegans.trainer.onnx_out.signals import from_data, signals, unit
from elegans.trainer.onnx_out.torch_to_onnx import step_to_onnx
from elegans.trainer.onnx_out.verify import StepFunction, check_finite, compare_with_torch
from elegans.trainer.onnx_out.wrapped import Part, is_cell, wrapped_step

_LAYERS = ("inter", "command", "motor")  # of an ncps NCP, in the order of the state
_KINDS = (
    "a network of elegans.trainer, a CfC or LTC of ncps.torch, a recurrent layer or cell of torch, "
    "a module around them, or one with y, h = net(x, h)"
)
# The comparison with torch draws inputs of order one, whatever their declared ranges: there
# tanh and sigmoid are curved, while far values would saturate them and hide differences.
_X_RANGE = (-1.0, 1.0)
# Elapsed times where no range is declared: the first, and shorter ones for a network whose solver
# diverges there.
_DT_RANGES = ((0.05, 1.0), (5e-4, 1e-2), (5e-6, 1e-4), (5e-8, 1e-6))


@of_images
def export_onnx(
    module: nn.Module,
    input_size: int | tuple[int, ...],
    path: str | Path,
    *,
    input_ranges: Range | Sequence[Range] | None = None,
    dt_range: Range | None = None,
    input_formats: Sequence[str] = (),
    state_ranges: Range | Mapping[str, Range] | None = None,
    input_names: Sequence[str] | None = None,
    input_units: str | Sequence[str] = "",
    output_names: Sequence[str] | None = None,
    output_units: str | Sequence[str] = "",
    output_ranges: Range | Sequence[Range] | None = None,
    time_unit: str = "s",
    state: Any = None,
    ranges_from: Any = None,
) -> Path:
    """Write one step of a network to `path`: x [1, I], h [1, H], dt [1, 1] -> y, h_next.

    module        a layer, network or cell of elegans.trainer; an `ncps.torch.CfC` or `LTC`,
                  wired or dense, with or without a projection and mixed memory; a GRU, LSTM or RNN
                  of torch in one direction, or a cell of these; a module around one or several of
                  them, as a normalisation, a CfC and a Linear layer; or one of your own that takes
                  its state and gives the next, as y, h = net(x, h), net(x, (h, c)) or
                  net(x, h, dt). An LSTM's state, and that of mixed memory, is [h, c]
    input_size    I; or the shape of an image that the module takes, as (3, 66, 200)
    path          the file; its name without the suffix becomes the model's name
    input_ranges  (lowest, highest) of all inputs, or a list of one for each
    dt_range      (shortest, longest) elapsed time, in `time_unit`
    input_formats of inputs that are raw counts, as `elegans export --input-format` takes them
    state_ranges  where states saturate that no theorem bounds, as an LSTM's cell: (lowest,
                  highest) of all of these, or by the names of layers in report.txt
    input_names   such as the columns of the training data; x0, x1, ... if None. What C does not
                  take in a name is replaced, with a warning
    input_units   one for all inputs, or one for each; "" for those behind the names: `temp [K]`
    output_names, output_units   the same of the outputs; y0, y1, ...
    output_ranges where outputs saturate, as `elegans export --output-range` takes it: (lowest,
                  highest) of all outputs, or a list of one for each
    time_unit     of the elapsed time that the network was trained with, such as h
    state         an example of the state that your own module takes, as torch.zeros(1, 8), or a
                  tuple; None to let it be found by the sizes of the weights
    ranges_from   data that input_ranges, and dt_range if it has a column dt, are found in: an array
                  [T, I] or [N, T, I], a DataFrame, whose columns then name the inputs, or the path
                  of a file as `elegans export --ranges-from` takes it

    The ranges travel in the file; without them, `elegans export` must be given them.
    onnxruntime runs the file beside torch before it gets its name. Returns the path. Raises
    ElegansError for a module of another kind, one that computes on a sequence what its steps do
    not give, units that cannot stand in C, data that do not fit, weights that are not finite,
    negative weights in an LTC, a file that onnxruntime runs differently, or a path that cannot be
    written.
    """
    path = Path(path)
    name = model_name(path.stem)
    if not isinstance(module, nn.Module):
        place = f"export_onnx, {type(module).__name__}"
        raise ElegansError(place, "is no torch.nn.Module", f"give {_KINDS}")
    if not isinstance(input_size, int) or input_size < 1:
        fact = f"input_size is {input_size!r:.60}"
        remedy = "give the number of inputs, 1 or more, or the shape of an image, as (3, 66, 200)"
        raise ElegansError("export_onnx", fact, remedy)
    module = on_cpu(unwrapped(module))
    check_finite(module)
    _check_positive(module)
    try:
        step = step_of(module.eval(), input_size, state).eval()
    except NotImplementedError as error:  # as of a program of torch.export
        place = f"export_onnx, {type(module).__name__}"
        raise ElegansError(place, f"is no plain module ({error})", f"give {_KINDS}") from None
    if ranges_from is not None:
        if input_ranges is not None:
            raise ElegansError("export_onnx", "input_ranges and ranges_from", "give one of them")
        input_names, input_ranges, found = from_data(ranges_from, input_size, input_names)
        dt_range = dt_range or found
    interface = Interface(
        name,
        inputs=signals("input", input_size, input_names, input_units, input_ranges),
        outputs=signals(
            "output", _outputs(step, input_size), output_names, output_units, output_ranges
        ),
        dt=Signal("dt", unit("time_unit", time_unit), dt_range),
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
        self.module, self.states, self.call = module, states, call

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """y [1, O] and h_next [1, H]."""
        return self.call(x, h, dt)


def step_of(module: Any, input_size: int = 0, state: Any = None) -> StepModule:
    """The step of a network or cell, recognised by the attributes that it has; of a module around
    such ones; or of one whose `forward` takes its state, of which `state` is an example.

    Raises ElegansError for a module in which there is none.
    """
    module = unwrapped(module)
    known = _known_step(module)
    if known is not None and state is None:
        return known
    parts = _parts(module)
    # What a module does to its state before a cell reads it counts, so its own step comes first.
    own = states_of_forward(module) and all(is_cell(part.module) for part in parts)
    if state is not None or takes_state(module) or own:
        return StepModule(module, *own_step(module, input_size, state))
    if not parts:
        raise ElegansError(
            f"export_onnx, {type(module).__name__}",
            kept_aside(module, input_size)
            or "keeps no state: it has no recurrent network, and takes no state",
            f"give {_KINDS}",
        )
    states = sum(part.states for part in parts)
    return StepModule(module, states, wrapped_step(module, parts, input_size))


def _parts(module: nn.Module) -> list[Part]:
    """The recurrent networks in a module, each whole, in the order in which it has them."""
    found: list[Part] = []
    for name, child in module.named_modules():
        inside = any(name.startswith(f"{part.name}.") for part in found)
        step = None if inside or child is module else _known_step(child)
        if step is not None:
            found.append(Part(name, child, step.states, step.call))
    return found


def _known_step(module: Any) -> StepModule | None:
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
    if isinstance(module, nn.RNNBase):
        return StepModule(module, torch_rnn.states_of(module), _bound(torch_rnn.step, module))
    if isinstance(module, (nn.GRUCell, nn.RNNCell)):
        return StepModule(module, module.hidden_size, lambda x, h, dt: (module(x, h),) * 2)
    return None


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


def _declared_states(
    ranges: Range | Mapping[str, Range] | None,
) -> tuple[tuple[str | None, Range], ...]:
    if ranges is None:
        return ()
    named = ranges.items() if isinstance(ranges, Mapping) else [(None, ranges)]
    return tuple((name, checked_range(f"state {name or ''}".rstrip(), r)) for name, r in named)


def _outputs(step: StepModule, input_size: int) -> int:
    """The number of outputs, counted by a step: ncps' output_size is wrong for one layer."""
    with torch.no_grad():
        y, _ = step(torch.zeros(1, input_size), torch.zeros(1, step.states), torch.ones(1, 1))
    return int(y.shape[1])


def _layers(module: nn.Module) -> tuple[tuple[str, int], ...]:
    """Names and sizes of the layers of a CfC circuit, ours or ncps'; () for what has none."""
    parts = [] if _known_step(module) else _parts(module)
    if len(parts) == 1:
        return _layers(parts[0].module)
    cell: Any = getattr(module, "rnn_cell", module)
    ours: tuple[tuple[str, int], ...] | None = getattr(cell, "wiring_layers", None)
    if ours is not None:
        return ours
    wiring: Any = getattr(module, "wiring", None)
    if wiring is None or wiring.num_layers != len(_LAYERS):
        return ()
    sizes = [len(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]
    return tuple(zip(_LAYERS, sizes, strict=True))
