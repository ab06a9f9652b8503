"""torch's recurrent networks exported whole, and the same networks as steps of their cells.

`NETWORKS` has the rows of a table (`benchmarks.doors`); the tests build theirs from the same
modules.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from elegans.benchmarks.torch_files import to_onnx

_SEED = 302
_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclass(frozen=True)
class Sizes:
    """The sizes of a network, and the steps of the sequence that it is exported with."""

    inputs: int = 8
    units: int = 19
    layers: int = 2
    length: int = 20
    outputs: int = 3


class Whole(nn.Module):
    """An nn.LSTM, nn.GRU or nn.RNN with a linear head on its last step, or on each."""

    def __init__(self, kind: str, sizes: Sizes, batch_first: bool = True, last: bool = True):
        super().__init__()
        torch.manual_seed(_SEED)
        self.core = getattr(nn, kind)(
            sizes.inputs,
            sizes.units,
            sizes.layers,
            batch_first=batch_first,
            dropout=0.2 if sizes.layers > 1 else 0.0,
        )
        self.head, self.last = nn.Linear(sizes.units, sizes.outputs), last

    def forward(self, x: Tensor) -> Tensor:
        """x [1, T, I] or [T, 1, I] -> y [1, O], or one for each step."""
        y, _ = self.core(x)
        if self.last:
            y = y[:, -1] if self.core.batch_first else y[-1]
        made: Tensor = self.head(y)
        return made


class Cells(nn.Module):
    """One step of `Whole`, with the same weights, written by hand from torch's cells."""

    def __init__(self, kind: str, sizes: Sizes):
        super().__init__()
        whole = Whole(kind, sizes)
        self.kind, self.head, self.layers = kind, whole.head, sizes.layers
        reads = [sizes.inputs, *[sizes.units] * (sizes.layers - 1)]
        self.cells = nn.ModuleList(getattr(nn, f"{kind}Cell")(n, sizes.units) for n in reads)
        for layer, cell in enumerate(self.cells):
            for name in _WEIGHTS:
                setattr(cell, name, getattr(whole.core, f"{name}_l{layer}"))

    @property
    def states(self) -> list[str]:
        """The names of its states: h of all layers, then c."""
        kinds = "hc" if self.kind == "LSTM" else "h"
        return [f"{kind}{layer}" for kind in kinds for layer in range(self.layers)]

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """x [1, I], states [1, H] each -> y [1, O], the next states."""
        h, c = list(states[: self.layers]), list(states[self.layers :])
        for layer, cell in enumerate(self.cells):
            if self.kind == "LSTM":
                h[layer], c[layer] = cell(x, (h[layer], c[layer]))
            else:
                h[layer] = cell(x, h[layer])
            x = h[layer]
        return self.head(x), *h, *c


class Unrolled(nn.Module):
    """A loop over time that the user wrote; a trace of it has a copy of the cells a step."""

    def __init__(self, kind: str, sizes: Sizes):
        super().__init__()
        self.step, self.sizes = Cells(kind, sizes), sizes

    def forward(self, x: Tensor) -> Tensor:
        """x [1, T, I] -> y [1, O]."""
        states = [torch.zeros(1, self.sizes.units) for _ in self.step.states]
        for sample in x.unbind(1):
            y, *states = self.step(sample, *states)
        return y


class Scripted(nn.Module):
    """A loop over time that torch.jit.script keeps, and that becomes a Loop."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        torch.manual_seed(_SEED)
        self.cell, self.head = nn.LSTMCell(sizes.inputs, sizes.units), nn.Linear(sizes.units, 3)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [1, T, I], h and c [1, H] -> y [1, O], h and c."""
        for step in range(x.shape[1]):
            h, c = self.cell(x[:, step], (h, c))
        return self.head(h), h, c


class Scanned(nn.Module):
    """A step over which torch's `scan` runs, which becomes a Scan."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        torch.manual_seed(_SEED)
        self.w, self.u = nn.Linear(sizes.inputs, sizes.units), nn.Linear(sizes.units, sizes.units)
        self.head, self.units = nn.Linear(sizes.units, sizes.outputs), sizes.units

    def forward(self, x: Tensor) -> Tensor:
        """x [1, T, I] -> y [T, 1, O]."""
        from torch._higher_order_ops.scan import scan

        def step(h: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
            h = torch.tanh(self.w(sample) + self.u(h))
            return h, h.clone()

        _, y = scan(step, torch.zeros(1, self.units), x.transpose(0, 1))
        made: Tensor = self.head(y)
        return made


@dataclass(frozen=True)
class Network:
    """A row of the table.

    make       the module
    exporters  of torch: script, dynamo
    cells      the kind of the same step written by hand, to compare with; "" for none
    states     the names of its states, if they are inputs and outputs
    """

    make: Callable[[Sizes], nn.Module]
    exporters: tuple[str, ...] = ("script", "dynamo")
    cells: str = ""
    states: tuple[str, ...] = ()
    batch_first: bool = True


NETWORKS: dict[str, Network] = {
    "nn.LSTM, 2 layers": Network(lambda s: Whole("LSTM", s), cells="LSTM"),
    "nn.GRU, 2 layers": Network(lambda s: Whole("GRU", s), cells="GRU"),
    "nn.RNN, 2 layers": Network(lambda s: Whole("RNN", s), cells="RNN"),
    "nn.GRU, a head on each step": Network(
        lambda s: Whole("GRU", s, batch_first=False, last=False), cells="GRU", batch_first=False
    ),
    "LSTMCells in a Python loop": Network(lambda s: Unrolled("LSTM", s), cells="LSTM"),
    "LSTMCell in a scripted loop": Network(
        lambda s: torch.jit.script(Scripted(s)), ("script",), states=("h0", "c0")
    ),
    "tanh cell under torch's scan": Network(Scanned, ("dynamo",)),
}


def write(name: str, path: Path, dynamo: bool, sizes: Sizes | None = None) -> Path:
    """Write a network of the table by one of torch's two exporters; returns the path."""
    network, sizes = NETWORKS[name], sizes or Sizes()
    x = torch.zeros(1, sizes.length, sizes.inputs)
    if not network.batch_first:
        x = x.swapaxes(0, 1)
    states = [torch.zeros(1, sizes.units) for _ in network.states]
    inputs, outputs = ["x", *network.states], ["y", *(f"{state[0]}n" for state in network.states)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.script is deprecated; people have its files
        module = network.make(sizes).eval()
    return to_onnx(module, (x, *states), path, dynamo, inputs, outputs)


def write_cells(kind: str, path: Path, sizes: Sizes | None = None) -> Path:
    """Write the step of the cells of such a network; returns the path."""
    sizes = sizes or Sizes()
    cells = Cells(kind, sizes).eval()
    states = [torch.zeros(1, sizes.units) for _ in cells.states]
    inputs, outputs = ["x", *cells.states], ["y", *(f"{name}_next" for name in cells.states)]
    return to_onnx(cells, (torch.zeros(1, sizes.inputs), *states), path, False, inputs, outputs)
