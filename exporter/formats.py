"""The formats that are known before any weight is: activations, gates, states, inputs."""

from __future__ import annotations

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.fixed import INT16_MAX, INT16_MIN, q_name, widest_frac
from elegans.exporter.fixed import quantise as to_integer
from elegans.exporter.interface import Signal
from elegans.exporter.layers import Layer
from elegans.exporter.model import Channel, Window
from elegans.exporter.network import Activation, Gate, Network
from elegans.exporter.ops import Op
from elegans.exporter.ops.gated_sum import GatedSum
from elegans.exporter.ops.lstm_cell import LstmCell
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.product import Product
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import Tanh

# An activation's op, the fractional bits of its argument and of its result.
ACTIVATIONS: dict[str, tuple[Op, int, int]] = {
    "tanh": (Tanh(), 12, 15),
    "sigmoid": (Sigmoid(), 11, 15),
}
# What a gate's parts must be, and what its result is, in fractional bits: the hull of f and
# g, |f + t g| <= 2, |u v| <= |v|, and the cell of an LSTM, which saturates at 16.
GATES: dict[str, tuple[Op, tuple[int, ...], int]] = {
    "mix": (Mix(), (15, 15, 15), 15),
    "gated_sum": (GatedSum(), (15, 15, 15), 14),
    "product": (Product(), (15, 15), 15),
    "lstm_cell": (LstmCell(4), (15, 11, 15, 15), 11),
}


def state_channels(network: Network, layers: dict[str, Layer]) -> tuple[Channel, ...]:
    """The channels of the states, each in the format that its gate proves enough.

    Raises `ElegansError` for a state that nothing bounds.
    """
    channels = []
    for window in network.h_next:
        frac = _state_frac(network, window)
        lo = INT16_MIN if frac == GATES["lstm_cell"][2] else -INT16_MAX
        group = layers[window.vector].group
        channels += [
            Channel(f"{group}[{i}]", "", frac, lo, INT16_MAX) for i in range(window.lo, window.hi)
        ]
    return tuple(channels)


def _state_frac(network: Network, window: Window) -> int:
    atom = network.atoms.get(window.vector)
    if isinstance(atom, Gate):
        return GATES[atom.kind][2]
    if isinstance(atom, Activation) and atom.function in ACTIVATIONS:
        return ACTIVATIONS[atom.function][2]
    raise ElegansError(
        f"the next state, vector {window.vector!r}",
        "is not the result of a gate or of a bounded activation, so nothing bounds it",
        "use a CfC, GRU, LSTM or tanh cell",
    )


def channel(signal: Signal) -> Channel:
    """An input's channel, from its declared range."""
    if signal.range is None:
        option = "--dt-range LO:HI or --dt VALUE" if signal.name == "dt" else "--input-range LO:HI"
        raise ElegansError(
            f"input {signal.name!r}",
            "has no declared range, and nothing is sampled",
            f"give {option}",
        )
    frac = widest_frac(*signal.range)
    lo, hi = (int(v) for v in np.clip(to_integer(signal.range, frac), INT16_MIN, INT16_MAX))
    if lo == hi:
        least, greatest = signal.range
        raise ElegansError(
            f"input {signal.name!r}",
            f"all of {least:.9g}:{greatest:.9g} is one integer in {q_name(frac)}",
            "subtract the offset before, or declare a wider range",
        )
    return Channel(signal.name, signal.unit, frac, lo, hi)
