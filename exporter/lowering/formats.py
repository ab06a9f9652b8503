"""The formats of a network's vectors, chosen before any integer is: states, gates, inputs.

An activation's formats are its op's own. A gate's come from the bounds of what it blends
(`bounds.py`), and so do those of the vectors that only feed it.
"""

from __future__ import annotations

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Channel, Window
from elegans.exporter.ir.interface import Signal
from elegans.exporter.ir.real_network import Activation, Gate, Network
from elegans.exporter.lowering.bounds import Span, window_span
from elegans.exporter.lowering.vector_names import Layer
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Integers, q_name, widest_frac
from elegans.exporter.numbers.fixed import quantise as to_integer
from elegans.exporter.ops import Op
from elegans.exporter.ops.normal_cdf import NormalCdf
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import GAIN, Tanh

# An activation's op, the fractional bits of its argument and of its result, and the factor
# that its argument comes with.
ACTIVATIONS: dict[str, tuple[Op, int, int, float]] = {
    "tanh": (Tanh(), 12, 15, GAIN),
    "sigmoid": (Sigmoid(), 11, 15, GAIN),
    "normal_cdf": (NormalCdf(), 13, 15, 1.0),
}
GATE_FRAC = 15  # of everything in [0, 1] that a vector is multiplied by
# Where the op leaves no choice: the formats of its parts, and of its result.
FIXED_GATES: dict[str, tuple[tuple[int, ...], int]] = {
    "gated_sum": ((15, 15, 15), 14),
    "lstm_cell": ((15, 11, 15, 15), 11),
}
_FINEST_STATE = 15  # of a neuron that is divided: u 2^frac fits int32


def reach_frac(span: Span) -> int:
    """The finest scale that holds a span; the last 2^-13 of it may saturate, as 1 does in Q0.15."""
    inside = 1 - 2.0**-13
    return widest_frac(float(span[0].min()) * inside, float(span[1].max()) * inside)


def gate_frac(gate: Gate, spans: dict[str, Span], own: Span) -> int:
    """The fractional bits of a gate's result; `own` is its span."""
    if gate.kind in FIXED_GATES:
        return FIXED_GATES[gate.kind][1]
    if gate.kind == "mix":
        f, g = (window_span(w, spans) for w in gate.parts[:2])
        return min(reach_frac(f), reach_frac(g))
    frac = reach_frac(own)
    return min(frac, _FINEST_STATE) if gate.kind in ("fused_step", "quotient") else frac


def wanted(network: Network, spans: dict[str, Span]) -> dict[str, Integers]:
    """The formats of the affine vectors that a gate reads or that are states: theirs."""
    found: dict[str, Integers] = {}
    for name, gate in network.atoms.items():
        if not isinstance(gate, Gate):
            continue
        if gate.kind == "mix":
            frac = np.full(gate.size, gate_frac(gate, spans, spans[name]))
            fracs = dict.fromkeys(gate.parts[:2], frac)
        elif gate.kind == "fused_step":
            # I - G v and its product with 2^frac stay in range while G uses half of int16.
            fracs = dict.fromkeys(gate.parts[1:3], _common(gate.parts[1:3], spans, (1.0, 2.0)))
        elif gate.kind == "quotient":
            fracs = dict.fromkeys(gate.parts, _common(gate.parts, spans, (1.0, 1.0)))
        else:
            continue
        for window, frac in fracs.items():
            atom = network.atoms.get(window.vector)
            if isinstance(atom, Activation) and atom.function == "identity":
                found.setdefault(window.vector, frac)
    for window in network.h_next:
        atom = network.atoms.get(window.vector)
        if isinstance(atom, Activation) and atom.function == "identity":
            frac = np.full(atom.size, state_frac(network, window, spans))
            found.setdefault(window.vector, frac)
    return found


def _common(parts: tuple[Window, ...], spans: dict[str, Span], room: tuple[float, ...]) -> Integers:
    """For each row the finest scale that holds all parts, each with its room to grow."""
    reach = [np.maximum(*(np.abs(end) for end in window_span(w, spans))) for w in parts]
    tops = zip(*(r * more for r, more in zip(reach, room, strict=True)), strict=True)
    return np.array([min(widest_frac(-float(t), float(t)) for t in row) for row in tops])


def state_channels(
    network: Network, layers: dict[str, Layer], spans: dict[str, Span], inputs: tuple[Channel, ...]
) -> tuple[Channel, ...]:
    """The channels of the states, each in the format that its bounds prove enough.

    A state that repeats an input or an older state, as in a delay line, has its format.
    """
    fracs: list[int | None] = []
    names: list[str] = []
    exact: list[tuple[int, int]] = []
    for window in network.h_next:
        atom = network.atoms.get(window.vector)
        own = state_frac(network, window, spans) if atom else None
        for i in range(window.lo, window.hi):
            group = layers[window.vector].group if atom else "delay"
            names.append(f"{group}[{i}]" if atom else f"delay[{len(names)}]")
            if window.vector == "x":
                fracs.append(inputs[i].frac)
                exact.append((inputs[i].lo, inputs[i].hi))
            elif atom is None:
                fracs.append(None)
                exact.append((INT16_MIN, INT16_MAX))
            else:
                fracs.append(own)
                exact.append((0, 0))
    sources = [(w.vector, i) for w in network.h_next for i in range(w.lo, w.hi)]
    for i in range(len(fracs)):
        chain = [i]  # of copies, back to the one that is known
        while fracs[chain[-1]] is None and sources[chain[-1]][0] == "h":
            chain.append(sources[chain[-1]][1])
            if len(chain) > len(fracs):
                break
        if fracs[chain[-1]] is None:
            break  # a circle, refused below
        for copy in chain[:-1]:
            fracs[copy], exact[copy] = fracs[chain[-1]], exact[chain[-1]]
    channels = []
    for i, (vector, _) in enumerate(sources):
        frac = fracs[i]
        if frac is None:
            fact = "never changes: it is only copied from state to state"
            raise ElegansError(f"state {i}", fact, "leave it out, or feed it from an input")
        lo, hi = exact[i]
        if vector in network.atoms:
            lo, hi = _ends(network, vector, frac, spans["h"][0][i], spans["h"][1][i])
        elif lo > 0 or hi < 0:  # a delay line starts at zero
            lo, hi = min(lo, 0), max(hi, 0)
        channels.append(Channel(names[i], "", frac, lo, hi))
    return tuple(channels)


def state_frac(network: Network, window: Window, spans: dict[str, Span]) -> int:
    """The fractional bits of a state."""
    atom = network.atoms[window.vector]
    if isinstance(atom, Gate):
        own = window_span(window, spans)
        return gate_frac(atom, spans, (np.minimum(own[0], 0.0), np.maximum(own[1], 0.0)))
    if atom.function in ACTIVATIONS:
        return ACTIVATIONS[atom.function][2]
    return reach_frac(window_span(window, spans))


def _ends(network: Network, vector: str, frac: int, lo: float, hi: float) -> tuple[int, int]:
    """The least and the greatest integer of a state.

    A division is held in the theorem's hull itself, and a blend of odd functions is
    symmetric; whatever saturates, or blends what does, may hold any int16.
    """
    atom = network.atoms[vector]
    if isinstance(atom, Gate) and atom.kind in ("fused_step", "quotient"):
        return hull_ends(frac, lo, hi)
    if isinstance(atom, Gate) and atom.kind == "mix":
        odd = max(-lo, hi) <= 1.0 and frac == 15
        return (-INT16_MAX if odd else INT16_MIN), INT16_MAX
    saturates = isinstance(atom, Activation) and atom.function not in ACTIVATIONS
    saturates |= isinstance(atom, Gate) and atom.kind in ("lstm_cell", "product")
    return (INT16_MIN if saturates else -INT16_MAX), INT16_MAX


def hull_ends(frac: int, lo: float, hi: float) -> tuple[int, int]:
    """A real interval in integers, zero included: where a run begins."""
    ends = to_integer([min(lo, 0.0), max(hi, 0.0)], frac)
    least, most = (int(v) for v in np.clip(ends, INT16_MIN, INT16_MAX))
    return least, most


def channel(signal: Signal) -> Channel:
    """An input's channel, from its declared range."""
    least, greatest = declared(signal)
    frac = widest_frac(least, greatest)
    lo, hi = (int(v) for v in np.clip(to_integer([least, greatest], frac), INT16_MIN, INT16_MAX))
    if lo == hi:
        raise ElegansError(
            f"input {signal.name!r}",
            f"all of {least:.9g}:{greatest:.9g} is one integer in {q_name(frac)}",
            "subtract the offset before, or declare a wider range",
        )
    return Channel(signal.name, signal.unit, frac, lo, hi)


def declared(signal: Signal) -> tuple[float, float]:
    """The range of an input. Raises ElegansError where nobody declared one."""
    if signal.range is None:
        option = "--dt-range LO:HI or --dt VALUE" if signal.name == "dt" else "--input-range LO:HI"
        raise ElegansError(
            f"input {signal.name!r}",
            "has no declared range, and nothing is sampled",
            f"give {option}",
        )
    return signal.range
