"""A live network as an ONNX step graph, in one line of the user's code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.exporter.ir.interface import valid_name
from elegans.trainer.onnx_out.torch_to_onnx import trace

Range = tuple[float, float]

_LAYERS = ("inter", "command", "motor")  # of an NCP, in the order of the state
_TOLERANCE = 1e-4  # between onnxruntime and torch, as a fraction of what they compute
_POSITIVE = ("w", "sensory_w", "cm", "gleak")
_KINDS = "a network of elegans.trainer, a CfC or LTC of ncps.torch, or a GRU-, LSTM- or RNNCell"


def export_onnx(
    module: nn.Module,
    input_size: int,
    path: str | Path,
    *,
    input_ranges: Range | list[Range] | None = None,
    dt_range: Range | None = None,
) -> Path:
    """Write the step of a network to `path`: x [1, I], h [1, H], dt [1, 1] -> y, h_next.

    The network is one of elegans.trainer, an `ncps.torch.CfC` or `LTC`, wired or dense,
    with a projection or without, with mixed memory or without, or a recurrent cell of
    torch. With mixed memory, as in an LSTM, the state is [h, c], 2 H long. The ranges, one
    for all inputs or one for each, and that of the elapsed time travel with the file;
    without them give them to `elegans export`. The model takes its name from the file.
    The file is run against torch before it gets its name. Raises ElegansError for a module
    of another kind, weights that are not finite or that LTC cannot have, or a file that
    cannot be written.
    """
    path = Path(path)
    name = valid_name(path.stem.lower().replace("-", "_"))
    _check_weights(module)
    step = step_of(module).eval()
    document = _document(module, step, name, input_size, input_ranges, dt_range)
    data = trace(step, input_size, step.neurons, name, json.dumps(document))
    _verify(data, step, input_size, name)
    write_file(path, data)
    return path


class _Step(nn.Module):
    """One step of a network, its states laid end to end."""

    def __init__(
        self, module: nn.Module, neurons: int, call: Callable[..., tuple[Tensor, Tensor]]
    ) -> None:
        super().__init__()
        self.module, self.neurons, self._call = module, neurons, call

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        return self._call(x, h, dt)


def step_of(module: Any) -> _Step:
    """The step of whatever it is that the user has."""
    if hasattr(module, "step") and hasattr(module, "state_size"):
        return _Step(module, module.state_size, module.step)
    if all(hasattr(module, part) for part in ("state_size", "output", "forward")):
        return _Step(module, module.state_size, lambda x, h, dt: _read_out(module, x, h, dt))
    if hasattr(module, "rnn_cell") and hasattr(module, "state_size"):
        size = int(module.state_size)
        if getattr(module, "use_mixed", False):
            return _Step(module, 2 * size, lambda *given: _mixed(module, size, *given))
        return _Step(module, size, lambda *given: _plain(module, *given))
    if isinstance(module, nn.LSTMCell):
        return _Step(module, 2 * module.hidden_size, lambda x, h, dt: _lstm(module, x, h))
    if isinstance(module, (nn.GRUCell, nn.RNNCell)):
        return _Step(module, module.hidden_size, lambda x, h, dt: (module(x, h),) * 2)
    raise ElegansError(
        f"export_onnx, {type(module).__name__}",
        "is no network whose step elegans knows",
        f"give {_KINDS}, not a model around it",
    )


def _read_out(module: Any, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    state = module(x, h, dt)
    return module.output(state), state


def _plain(module: Any, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    y, state = module.rnn_cell(x, h, dt)
    return (module.fc(y) if hasattr(module, "fc") else y), state


def _mixed(module: Any, size: int, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    state, carried = module.lstm(x, (h[:, :size], h[:, size:]))
    y, state = _plain(module, x, state, dt)
    return y, torch.cat([state, carried], dim=1)


def _lstm(module: nn.LSTMCell, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    size = module.hidden_size
    state, carried = module(x, (h[:, :size], h[:, size:]))
    return state, torch.cat([state, carried], dim=1)


def _check_weights(module: nn.Module) -> None:
    for key, value in module.state_dict().items():
        if not torch.isfinite(value).all():
            raise ElegansError(f"weight {key}", "it holds NaN or infinity", "train again")
    for key, part in module.named_modules():
        softplus = getattr(part, "softplus", getattr(part, "_implicit_param_constraints", None))
        if softplus is not False:
            continue
        for name in _POSITIVE:
            value = getattr(part, name, None)
            mask = getattr(part, name.replace("w", "sparsity_mask"), None)
            value = value if value is None or mask is None else value * mask
            if value is not None and bool((value < 0).any()):
                raise ElegansError(
                    f"weight {key}.{name}".replace("weight .", "weight "),
                    f"reaches {float(value.min()):.3g}, and LTC divides by its sum",
                    "call apply_constraints() (apply_weight_constraints() in ncps) after each "
                    "update, or let a softplus keep it positive",
                )


def _verify(data: bytes, step: _Step, input_size: int, name: str) -> None:
    """Run the file beside torch, free from h = 0 for 32 steps, seeded."""
    import onnxruntime

    random = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    known = [port.name for port in session.get_inputs()]
    h = np.zeros((1, step.neurons), np.float32)
    for _ in range(32):
        x = random.uniform(-1, 1, (1, input_size)).astype(np.float32)
        dt = random.uniform(0.05, 1, (1, 1)).astype(np.float32)
        feed = {k: v for k, v in {"x": x, "h": h, "dt": dt}.items() if k in known}
        with torch.no_grad():
            wanted = step(*(torch.from_numpy(v) for v in (x, h, dt)))
        found = session.run(["y", "h_next"], feed)
        for one, other in zip(found, wanted, strict=True):
            reach = max(1.0, float(other.abs().max()))
            worst = float(np.abs(one - other.numpy()).max())
            if not worst <= _TOLERANCE * reach:
                raise ElegansError(
                    f"export_onnx, {name}",
                    f"onnxruntime and torch differ by {worst:.2g}",
                    "see whether a sum of conductances comes near zero, or a weight is huge; if "
                    "not, this is a bug in the export: report it with the weights",
                )
        h = found[1]


def _document(
    module: nn.Module,
    step: _Step,
    name: str,
    input_size: int,
    input_ranges: Range | list[Range] | None,
    dt_range: Range | None,
) -> dict[str, Any]:
    ranges = input_ranges if isinstance(input_ranges, list) else [input_ranges] * input_size
    if len(ranges) != input_size:
        raise ElegansError(
            "export_onnx",
            f"{len(ranges)} input_ranges for {input_size} inputs",
            "give one for each",
        )
    with torch.no_grad():  # ncps' own output_size is wrong for wirings of one layer
        outputs = step(torch.zeros(1, input_size), torch.zeros(1, step.neurons), torch.ones(1, 1))
    inputs: list[dict[str, Any]] = [{"name": f"x{i}", "unit": ""} for i in range(input_size)]
    for entry, bounds in zip(inputs, ranges, strict=True):
        if bounds is not None:
            entry["range"] = [float(b) for b in bounds]
    dt = {"unit": "s"} if dt_range is None else {"unit": "s", "range": [float(b) for b in dt_range]}
    return {
        "schema": 1,
        "name": name,
        "inputs": inputs,
        "dt": dt,
        "outputs": [{"name": f"y{i}", "unit": ""} for i in range(outputs[0].shape[1])],
        "layers": _layers(module),
    }


def _layers(module: nn.Module) -> list[dict[str, Any]]:
    """The layers of a CfC circuit, ours or ncps'; an LTC is one."""
    cell: Any = getattr(module, "rnn_cell", module)
    ours = getattr(cell, "wiring_layers", None)
    if ours is not None:
        return [{"name": name, "size": size} for name, size in ours]
    wiring: Any = getattr(module, "wiring", None)
    if wiring is None or wiring.num_layers != len(_LAYERS):
        return []
    sizes = [len(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]
    return [{"name": n, "size": size} for n, size in zip(_LAYERS, sizes, strict=True)]
