"""One step of a model around layers: layers one behind the other, and what lies around them."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.networks.sequence_layer import SequenceLayer

_SAMPLES = 6
_TOLERANCE = 1e-5
_TIME = ("timespans", "dt", "elapsed", "elapsed_time", "times")


def layers_in(model: nn.Module) -> list[SequenceLayer]:
    """The layers in `model`, in the order in which their states lie end to end."""
    return [part for part in model.modules() if isinstance(part, SequenceLayer)]


class ModelStep(nn.Module):
    """One step of a model that calls each of its layers once, on whole sequences.

    model   forward(x) or forward(x, dt), where dt may be named timespans; its first result is
            the output, [1, T, O] or [1, O]

    Raises ElegansError for a model with other arguments, or whose output after a sequence is
    not the one that its steps give: it then depends on more than the layers' states.
    """

    def __init__(self, model: nn.Module, input_size: int) -> None:
        super().__init__()
        self.model, self.layers = model.eval(), layers_in(model)
        self.states = sum(layer.carried_size for layer in self.layers)
        self._time = _time_argument(model)
        self._check(input_size)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """x [1, I], h [1, H], dt [1, 1] -> y [1, O], h_next [1, H]."""
        parts = torch.split(h, [layer.carried_size for layer in self.layers], dim=1)
        try:
            for layer, part in zip(self.layers, parts, strict=True):
                layer.stepping = [(part, dt)]
            y = self._called(x.unsqueeze(1), dt).reshape(1, -1)
            after = [layer.stepping for layer in self.layers]
            if any(behind is None or len(behind) != 2 for behind in after):
                raise _refused(
                    self.model, "does not call each of its layers once", "export them one by one"
                )
            return y, torch.cat([behind[1][0] for behind in after if behind], dim=1)
        finally:
            for layer in self.layers:
                layer.stepping = None

    def _called(self, x: Tensor, dt: Tensor) -> Tensor:
        result: Any = self.model(x, **({self._time: dt} if self._time else {}))
        output: Tensor = result[0] if isinstance(result, tuple) else result
        return output

    def _check(self, input_size: int) -> None:
        random = torch.Generator().manual_seed(0)
        x = torch.randn(1, _SAMPLES, input_size, generator=random)
        dt = (
            torch.rand(1, _SAMPLES, generator=random) + 0.1
            if self._time
            else x.new_ones(1, _SAMPLES)
        )
        swapped = any(not layer.batch_first for layer in self.layers)
        with torch.no_grad():
            y, h = x, x.new_zeros(1, self.states)
            for k in range(_SAMPLES):
                y, h = self(x[:, k], h, dt[:, k : k + 1])
            given = (x.transpose(0, 1), dt.t()) if swapped else (x, dt)
            whole = self._called(*given).reshape(-1, y.shape[1])[-1:]
        if not torch.allclose(whole, y, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise _refused(
                self.model,
                "gives another output after a sequence than after its steps",
                "let it use its layers' states and last outputs only, in eval mode",
            )


def _time_argument(model: nn.Module) -> str | None:
    """The name of the argument for elapsed time, if `forward` has one."""
    _, *others = inspect.signature(model.forward).parameters.values()
    needed = [p.name for p in others if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    found = [p.name for p in others if p.name in _TIME]
    if set(needed) - set(found[:1]):
        raise _refused(
            model, f"needs {', '.join(needed)} besides x", "give it forward(x, timespans=None)"
        )
    return found[0] if found else None


def _refused(model: nn.Module, fact: str, remedy: str) -> ElegansError:
    return ElegansError(f"export_onnx, {type(model).__name__}", fact, remedy)
