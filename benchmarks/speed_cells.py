"""The cells whose speed is measured (`benchmarks.speed`), and the floor of each on a core.

ncp19 and cfc32 are the trained networks of `benchmarks.nets`; the others are those of
`benchmarks.cells` with the weights that they begin with: 8 inputs, 19 units, and what an ONNX
file of theirs needs. The same seed gives the same weights on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from elegans.benchmarks import cells, nets
from elegans.exporter.ir.interface import Range
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell, MLPCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

_UNTRAINED = {
    "no gate": "CfC, wired, no gate",
    "pure": "CfC, wired, pure",
    "GRU": "GRU",
    "LSTM": "LSTM",
    "LTC": "LTC, 6 unfolds, wired",
    "CTRNN": "CTRNN, exact",
    "MLP": "MLP on 8 samples",
}
TITLES = {
    "ncp19": "CfC, wired (ncp19)",
    "clamped": "CfC, wired (ncp19), inputs clamped",
    **_UNTRAINED,
    "cfc32": "CfC, 32 neurons, backbone of 32 (cfc32)",
}
"""The names of the cells, and how a table calls them."""
_CLAMPED = (-0.7, 0.7)
"""A range in the middle of its format: the step clamps each input. -1 to 1 fills Q0.15."""


@dataclass(frozen=True)
class Work:
    """What a step computes at least: products of a weight that is not zero, values of a
    function, new values of a neuron, quotients."""

    products: int
    functions: int
    neurons: int
    quotients: int = 0


@dataclass(frozen=True)
class Least:
    """Instructions of a core for each of these, in integers of 16 bits, and for the call."""

    product: float
    function: int
    neuron: int
    quotient: int
    call: int = 40

    def of(self, work: Work) -> int:
        """The floor of a step."""
        each = self.product * work.products + self.function * work.functions
        return round(each + self.neuron * work.neurons + self.quotient * work.quotients + self.call)


FLOORS = {
    "M0": Least(product=2.5, function=15, neuron=14, quotient=60),
    "M3": Least(product=1.5, function=5, neuron=10, quotient=10),
    "M4": Least(product=0.625, function=5, neuron=10, quotient=10),
    "M55": Least(product=0.25, function=2, neuron=4, quotient=10),
}
"""By core: below this we know no way. A product takes MULS, ADDS and half a load of two weights
on M0, MLA and half a load on M3, half an SMLAD and an eighth of an LDM of four words on M4, and an
eighth of a VMLADAV and of a load on M55. A function is a look-up in a table; M55 gathers several.
A quotient is normalised, divided, on M0 by 16 rounds, and shifted back."""


def ranges(name: str) -> tuple[Range, Range]:
    """The ranges of a cell's inputs and of its elapsed time."""
    if name in _UNTRAINED:
        return (-2.0, 2.0), (0.01, 1.0)
    return _CLAMPED if name == "clamped" else (-1.0, 1.0), nets.DT


@cache
def network(name: str) -> Recurrent:
    """The network of a cell. Those of ncps are its weights in elegans' cell."""
    if name in _UNTRAINED:
        return cells.trained(cells.CELLS[_UNTRAINED[name]][1], updates=0)
    of_ncps: Any = _of_ncps(name)
    own = Recurrent(WiredCfCCell(AutoNCP(19, 1).build(nets.INPUTS)))
    if name == "cfc32":
        own = Recurrent(CfCCell(nets.INPUTS, 32, backbone=cells.Backbone(32)))
    own.rnn_cell.load_state_dict(of_ncps.rnn_cell.state_dict())
    return own


def _of_ncps(name: str) -> nn.Module:
    return _trained()["ncp19" if name == "clamped" else name]


@cache
def _trained() -> dict[str, nn.Module]:
    return nets.trained()


def make(folder: Path, names: list[str]) -> None:
    """Write the ONNX files of these cells, ``<folder>/<name>.onnx``, where there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / f"{name}.onnx"
        if not path.exists():
            net: nn.Module = network(name) if name in _UNTRAINED else _of_ncps(name)
            inputs, dt = ranges(name)
            export_onnx(net, nets.INPUTS, path, input_ranges=inputs, dt_range=dt)


def work(net: Recurrent) -> Work:
    """What a step of a network computes."""
    one = _WORK[type(net.rnn_cell)](net.rnn_cell)
    projection = getattr(net.fc, "weight", None)
    more = 0 if projection is None else _count(projection)
    return Work(one.products + more, one.functions, one.neurons, one.quotients)


def _count(*weights: Any) -> int:
    return sum(int((w != 0).sum()) for w in weights)


def _cfc(cell: CfCCell) -> Work:
    if cell.mode == "pure":
        return Work(_count(cell.masked_weight(cell.ff1)), cell.units, cell.units)
    maps = [cell.masked_weight(cell.ff1), cell.masked_weight(cell.ff2)]
    linear = [p for p in cell.backbone or () if isinstance(p, nn.Linear)]
    products = _count(*maps, cell.time_a.weight, cell.time_b.weight, *(p.weight for p in linear))
    functions = 3 * cell.units + sum(p.out_features for p in linear)
    return Work(products, functions, cell.units)


def _wired(cell: WiredCfCCell) -> Work:
    each = [_cfc(layer) for layer in cell.layers]
    return Work(*(sum(getattr(w, n) for w in each) for n in ("products", "functions", "neurons")))


def _ltc(cell: LTCCell) -> Work:
    """Three products a synapse: its argument, and its parts of current and conductance."""
    values = _count(cell.sensory_mask) + cell.unfolds * _count(cell.mask)
    updates = cell.unfolds * cell.state_size
    return Work(3 * values, values, updates, updates)


def _gates(times: int) -> Callable[[Any], Work]:
    """Of torch's own cells, with so many functions a unit."""
    return lambda cell: Work(
        _count(cell.cell.weight_ih, cell.cell.weight_hh),
        times * int(cell.output_size),
        int(cell.output_size),
    )


def _mlp(cell: MLPCell) -> Work:
    linear = [p for p in cell.layers if isinstance(p, nn.Linear)]
    return Work(
        _count(*(p.weight for p in linear)), 0, int(np.sum([p.out_features for p in linear]))
    )


_WORK: dict[type, Callable[[Any], Work]] = {
    CfCCell: _cfc,
    WiredCfCCell: _wired,
    LTCCell: _ltc,
    GRUCell: _gates(3),
    LSTMCell: _gates(5),
    CTRNNCell: lambda cell: Work(_count(cell.drive.weight), 2 * cell.state_size, cell.state_size),
    MLPCell: _mlp,
}
