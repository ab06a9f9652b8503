"""The networks of `benchmarks.step_cost`: those that costs are fitted to, and those held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from elegans.trainer.cells.cfc import Backbone, CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

Make = Callable[[], Recurrent]


def _wired(inputs: int, neurons: int, outputs: int, mode: str = "default") -> Make:
    return lambda: Recurrent(WiredCfCCell(AutoNCP(neurons, outputs).build(inputs), mode))


def _dense(
    inputs: int, neurons: int, out: int, units: int = 0, layers: int = 1, f: str = ""
) -> Make:
    backbone = Backbone(units, layers, f or "lecun_tanh") if units else None
    return lambda: Recurrent(CfCCell(inputs, neurons, backbone=backbone), projection=out)


def _ltc(inputs: int, neurons: int, outputs: int, unfolds: int, softplus: bool = False) -> Make:
    wiring = AutoNCP(neurons, outputs).build(inputs)
    return lambda: Recurrent(LTCCell(wiring, unfolds=unfolds, softplus=softplus))


def _gru(inputs: int, neurons: int, out: int | None) -> Make:
    return lambda: Recurrent(GRUCell(inputs, neurons), projection=out)


def _lstm(inputs: int, neurons: int, out: int) -> Make:
    return lambda: Recurrent(LSTMCell(inputs, neurons), projection=out)


def _ctrnn(inputs: int, neurons: int, out: int) -> Make:
    return lambda: Recurrent(CTRNNCell(inputs, neurons), projection=out)


def _pruned(make: Make, share: float) -> Make:
    """The same with this share of its weights zero, but one in each row."""

    def found() -> Recurrent:
        net = make()
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if parameter.dim() == 2 and "weight" in name:
                    gone = torch.rand_like(parameter) < share
                    rows = torch.arange(parameter.shape[0])
                    gone[rows, torch.randint(parameter.shape[1], (len(rows),))] = False
                    parameter[gone] = 0
        return net

    return found


def _spread(make: Make, spread: float, gain: float = 1.0) -> Make:
    """The same with weights as after a training: columns are `gain` times as large and differ by
    e^`spread`, so that int8 weights have two scales a row, and sums can leave int16."""

    def found() -> Recurrent:
        net = make()
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if parameter.dim() == 2 and "weight" in name:
                    parameter *= gain * torch.exp(spread * torch.randn(1, parameter.shape[1]))
        return net

    return found


NETS: dict[str, Make] = {
    "CfC wired 3-10-1": _wired(3, 10, 1),
    "CfC wired 11-30-1": _wired(11, 30, 1),
    "CfC wired 8-24-4": _wired(8, 24, 4),
    "CfC wired 6-20-3": _wired(6, 20, 3),
    "CfC wired 4-14-2": _wired(4, 14, 2),
    "CfC wired 7-22-2": _wired(7, 22, 2),
    "CfC wired 10-34-5": _wired(10, 34, 5),
    "CfC wired 5-40-7": _wired(5, 40, 7),
    "CfC wired 13-64-10": _wired(13, 64, 10),
    "CfC no gate 6-20-3": _wired(6, 20, 3, "no_gate"),
    "CfC no gate 9-26-2": _wired(9, 26, 2, "no_gate"),
    "CfC no gate 8-19-1": _wired(8, 19, 1, "no_gate"),
    "CfC pure 6-20-3": _wired(6, 20, 3, "pure"),
    "CfC pure 9-26-2": _wired(9, 26, 2, "pure"),
    "CfC pure 8-19-1": _wired(8, 19, 1, "pure"),
    "CfC dense 4-12-3": _dense(4, 12, 3),
    "CfC backbone 6-24-20-1": _dense(6, 20, 1, 24),
    "CfC backbone 9-50-50-33-5": _dense(9, 33, 5, 50, 2),
    "CfC silu 5-20-16-1": _dense(5, 16, 1, 20, 1, "silu"),
    "CfC dense 7-25-2": _dense(7, 25, 2),
    "GRU 5-12-2": _gru(5, 12, 2),
    "GRU 9-33-4": _gru(9, 33, 4),
    "GRU 3-21": _gru(3, 21, None),
    "GRU 7-16-1": _gru(7, 16, 1),
    "LSTM 5-12-2": _lstm(5, 12, 2),
    "LSTM 8-27-3": _lstm(8, 27, 3),
    "CTRNN 5-13-2": _ctrnn(5, 13, 2),
    "CTRNN 8-30-1": _ctrnn(8, 30, 1),
    "CTRNN 6-22-1": _ctrnn(6, 22, 1),
    "LTC 3-10-1": _ltc(3, 10, 1, 6),
    "LTC 8-24-4": _ltc(8, 24, 4, 4),
    "LTC softplus 6-16-2": _ltc(6, 16, 2, 6, True),
    "LTC 5-32-3": _ltc(5, 32, 3, 3),
    "LTC 8-64-4": _ltc(8, 64, 4, 6),
    "CfC wired 8-19-1": _wired(8, 19, 1),
    "CfC wired 6-28-4": _wired(6, 28, 4),
    "CfC backbone 8-32-32-3": _dense(8, 32, 3, 32),
    "GRU 8-19-1": _gru(8, 19, 1),
    "LSTM 8-19-1": _lstm(8, 19, 1),
    "CTRNN 8-19-1": _ctrnn(8, 19, 1),
    "LTC 8-19-1": _ltc(8, 19, 1, 6),
}
_PRUNED = (
    ("CfC wired 8-24-4", 0.85),
    ("CfC wired 13-64-10", 0.85),
    ("CfC wired 8-19-1", 0.85),
    ("CfC backbone 6-24-20-1", 0.85),
    ("GRU 5-12-2", 0.85),
    ("GRU 9-33-4", 0.6),
)
NETS |= {f"{name}, {share:.0%} pruned": _pruned(NETS[name], share) for name, share in _PRUNED}
_SPREAD = (
    ("CfC wired 6-20-3", 1.0, 1.0),
    ("CfC wired 6-20-3", 2.0, 2.0),
    ("CfC wired 8-24-4", 1.0, 1.0),
    ("CfC wired 13-64-10", 1.0, 1.0),
    ("CfC wired 3-10-1", 1.0, 3.0),
    ("CfC wired 4-14-2", 1.0, 1.0),
    ("CfC wired 11-30-1", 1.0, 1.0),
    ("CfC backbone 6-24-20-1", 1.0, 1.0),
    ("CfC backbone 9-50-50-33-5", 1.0, 3.0),
    ("CfC wired 7-22-2", 1.0, 1.0),
    ("CfC wired 10-34-5", 1.0, 3.0),
    ("CfC wired 10-34-5", 2.0, 2.0),
)
NETS |= {
    f"{name}, spread {spread:g} x{gain:g}": _spread(NETS[name], spread, gain)
    for name, spread, gain in _SPREAD
}


@dataclass(frozen=True)
class Measured:
    """A network as it is exported.

    cores   that are measured
    bits    of a weight
    period  a fixed one, in s
    reach   of the inputs; those that do not fill their integers are clamped
    """

    net: str
    cores: str = "m0 m3 m4 m55"
    bits: int = 16
    period: float | None = None
    reach: float = 2.0

    @property
    def name(self) -> str:
        """The network and how it is exported."""
        fixed = "" if self.period is None else ", period fixed"
        clamped = "" if self.reach == 2.0 else f", inputs to {self.reach:g}"
        return f"{self.net}{', int8' if self.bits == 8 else ''}{fixed}{clamped}"


_FEW, _MORE = "m0 m4", "m0 m3 m4"
_FITTED_INT8 = (
    Measured("CfC wired 6-20-3, spread 1 x1", bits=8),
    Measured("CfC wired 6-20-3, spread 1 x1", bits=8, period=0.1),
    Measured("CfC wired 8-24-4, spread 1 x1", bits=8),
    Measured("CfC wired 13-64-10, spread 1 x1", bits=8),
    Measured("CfC wired 13-64-10, spread 1 x1", bits=8, period=0.1),
    Measured("CfC wired 3-10-1, spread 1 x3", bits=8),
    Measured("CfC wired 4-14-2, spread 1 x1", bits=8),
    Measured("CfC wired 4-14-2, spread 1 x1", bits=8, reach=3.0),
    Measured("CfC wired 11-30-1, spread 1 x1", bits=8, reach=5.0),
    Measured("CfC backbone 6-24-20-1, spread 1 x1", bits=8, period=0.1),
    Measured("CfC backbone 9-50-50-33-5", bits=8),
    Measured("CfC wired 6-20-3, spread 2 x2", bits=8),
    Measured("CfC backbone 9-50-50-33-5, spread 1 x3", bits=8),
    Measured("GRU 9-33-4", bits=8),
    Measured("GRU 7-16-1", bits=8),
)
FITTED = {
    one.name: one
    for one in (
        Measured("CfC wired 8-24-4"),
        Measured("CfC wired 8-24-4", bits=8),
        Measured("CfC wired 13-64-10"),
        Measured("CfC wired 13-64-10", bits=8),
        Measured("CfC wired 13-64-10", period=0.1),
        Measured("CfC wired 5-40-7", _FEW),
        Measured("CfC wired 3-10-1"),
        Measured("CfC wired 3-10-1", bits=8),
        Measured("CfC wired 11-30-1"),
        Measured("CfC wired 11-30-1", _FEW, 8),
        Measured("CfC wired 11-30-1", period=0.1),
        Measured("CfC no gate 6-20-3"),
        Measured("CfC no gate 6-20-3", period=0.1),
        Measured("CfC no gate 9-26-2"),
        Measured("CfC pure 6-20-3"),
        Measured("CfC pure 9-26-2"),
        Measured("CfC dense 4-12-3"),
        Measured("CfC dense 4-12-3", _FEW, 8),
        Measured("CfC dense 4-12-3", bits=8, period=0.1),
        Measured("CfC backbone 6-24-20-1"),
        Measured("CfC backbone 6-24-20-1", bits=8),
        Measured("CfC backbone 9-50-50-33-5"),
        Measured("CfC silu 5-20-16-1"),
        Measured("GRU 5-12-2"),
        Measured("GRU 5-12-2", _FEW, 8),
        Measured("GRU 9-33-4", _MORE),
        Measured("GRU 3-21", _MORE),
        Measured("GRU 7-16-1"),
        Measured("LSTM 5-12-2"),
        Measured("LSTM 8-27-3", "m4"),
        Measured("CTRNN 5-13-2"),
        Measured("CTRNN 8-30-1", "m4"),
        Measured("CTRNN 6-22-1"),
        Measured("LTC 3-10-1"),
        Measured("LTC 8-24-4"),
        Measured("LTC softplus 6-16-2"),
        Measured("LTC 5-32-3", "m3"),
        Measured("LTC 8-64-4"),
        Measured("CfC wired 8-24-4, 85% pruned"),
        Measured("CfC wired 13-64-10, 85% pruned", _FEW),
        Measured("CfC backbone 6-24-20-1, 85% pruned", _MORE),
        Measured("GRU 5-12-2, 85% pruned", bits=8),
        Measured("GRU 9-33-4, 60% pruned", bits=8),
        Measured("CfC wired 8-24-4, 85% pruned", bits=8),
        Measured("GRU 9-33-4, 60% pruned", _FEW),
        *_FITTED_INT8,
    )
}
HELD = {
    one.name: one
    for one in (
        Measured("CfC wired 8-19-1"),
        Measured("CfC wired 8-19-1", bits=8),
        Measured("CfC no gate 8-19-1"),
        Measured("CfC pure 8-19-1"),
        Measured("CfC wired 7-22-2, spread 1 x1", bits=8),
        Measured("CfC wired 7-22-2, spread 1 x1", bits=8, period=0.1),
        Measured("CfC wired 10-34-5, spread 1 x3", bits=8, reach=3.0),
        Measured("CfC wired 10-34-5, spread 2 x2", bits=8),
        Measured("CfC wired 8-19-1, 85% pruned"),
        Measured("CfC wired 8-19-1, 85% pruned", bits=8),
        Measured("CfC wired 6-28-4", "m3 m55"),
        Measured("CfC backbone 8-32-32-3", _FEW, 8),
        Measured("GRU 8-19-1"),
        Measured("GRU 8-19-1", bits=8),
        Measured("LSTM 8-19-1", "m4"),
        Measured("CTRNN 8-19-1", "m4"),
        Measured("LTC 8-19-1", _MORE),
    )
}
