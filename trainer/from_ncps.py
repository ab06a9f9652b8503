"""A live `ncps` network as an ONNX step graph, in one line of the user's code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.exporter.interface import valid_name
from elegans.trainer.trace import trace

Range = tuple[float, float]

_LAYERS = ("inter", "command", "motor")  # of an NCP, in the order of the state


def export_onnx(
    module: nn.Module,
    input_size: int,
    path: str | Path,
    *,
    input_ranges: Range | list[Range] | None = None,
    dt_range: Range | None = None,
) -> Path:
    """Write the step of an `ncps.torch.CfC` to `path`: x [1, I], h [1, H], dt [1, 1] -> y, h_next.

    Wired or dense, with a projection or without, with mixed memory or without; with mixed
    memory the state is [h, c], 2 H long. The ranges, one for all inputs or one for each,
    and that of the elapsed time travel with the file; without them give them to
    `elegans export`. The model takes its name from the file. Raises ElegansError for a
    module of another kind, weights that are not finite, or a file that cannot be written.
    """
    path = Path(path)
    name = valid_name(path.stem.lower().replace("-", "_"))
    if not all(hasattr(module, part) for part in ("rnn_cell", "state_size", "fc")):
        raise ElegansError(
            f"export_onnx, {type(module).__name__}",
            "is no CfC of ncps",
            "give the ncps.torch.CfC itself, not a model around it",
        )
    for key, value in module.state_dict().items():
        if not torch.isfinite(value).all():
            raise ElegansError(f"weight {key}", "it holds NaN or infinity", "train again")
    step = _Step(module).eval()
    document = _document(module, step, name, input_size, input_ranges, dt_range)
    write_file(path, trace(step, input_size, step.neurons, name, json.dumps(document)))
    return path


class _Step(nn.Module):
    """One step of an ncps network, its states laid end to end."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.cell, self.readout = module.rnn_cell, module.fc
        self.lstm = module.lstm if getattr(module, "use_mixed", False) else None
        self.size = int(module.state_size)
        self.neurons = self.size * (1 if self.lstm is None else 2)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        if self.lstm is None:
            y, state = self.cell(x, h, dt)
            return self.readout(y), state
        memory = (h[:, : self.size], h[:, self.size :])
        state, carried = self.lstm(x, memory)
        y, state = self.cell(x, state, dt)
        return self.readout(y), torch.cat([state, carried], dim=1)


def _document(
    module: Any,
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


def _layers(module: Any) -> list[dict[str, Any]]:
    wiring = getattr(module, "wiring", None)
    if wiring is None or wiring.num_layers != len(_LAYERS):
        return []
    sizes = [len(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]
    return [{"name": n, "size": size} for n, size in zip(_LAYERS, sizes, strict=True)]
