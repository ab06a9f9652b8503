"""The formats of a network's vectors, chosen before any integer is: inputs, states, affine parts.

An activation's formats are its op's own. A gate's come from the bounds of what it blends
(`bounds.py`), and so do those of the affine forms that it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.gates.fused_step import FusedStepGate
from elegans.exporter.atoms.gates.lstm_cell import LstmCellGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import Gate
from elegans.exporter.ir.builder import VectorName
from elegans.exporter.ir.fixed_model import WIDE_BITS, Channel, Window
from elegans.exporter.ir.interface import Signal, StateRange
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span, element_fracs, integer_ends, window_span
from elegans.exporter.lowering.bounds import declared_range, network_bounds
from elegans.exporter.lowering.wide_states import WideStates, wide_states
from elegans.exporter.numbers.fixed import (
    Integers,
    q_name,
    quantise,
    widest_frac,
)

_ANY = 99  # fractional bits that no format has, of elements that nobody asks for
_ROOM = 2.0  # what spans are multiplied by that follow from weights which may be replaced


@dataclass(frozen=True)
class Formats:
    """What is known of a network's vectors before it is lowered.

    inputs, dt, states  the channels of x, of elapsed time (None if nothing reads it) and of h
    wide                the states that have 32 bits
    spans               the interval of every vector of the real network
    wanted              by name, the fractional bits [size] of affine forms that are vectors
    """

    inputs: tuple[Channel, ...]
    dt: Channel | None
    states: tuple[Channel, ...]
    wide: WideStates
    spans: dict[str, Span]
    wanted: dict[str, Integers]


def choose_formats(
    network: Network,
    names: dict[str, VectorName],
    replaceable: bool = False,
    results: frozenset[str] = frozenset(),
) -> Formats:
    """The formats of a network's vectors, which have room for those of other weights if the weights
    are `replaceable`; `results` are the atoms whose results shall have 32 bits. Raises ElegansError
    for an input without a range."""
    interface = network.interface
    inputs = tuple(_channel(signal) for signal in interface.inputs)
    spans = network_bounds(network)
    if replaceable:
        spans = _with_room(network, spans)
    wide = wide_states(network, spans, results)
    dt = _channel(interface.dt, WIDE_BITS if wide.timed else 16) if network.timed else None
    states = _state_channels(network, names, spans, inputs, wide)
    return Formats(inputs, dt, states, wide, spans, _wanted(network, spans))


def _with_room(network: Network, spans: dict[str, Span]) -> dict[str, Span]:
    """The spans, with those that follow from the weights twice as wide: of affine forms, and of
    potentials, which are means of what synapses draw them to."""
    grown = {
        name: (_ROOM * spans[name][0], _ROOM * spans[name][1])
        for name, atom in network.atoms.items()
        if isinstance(atom, LinearMapActivation | FusedStepGate)
    }
    lo, hi = (end.copy() for end in spans["h"])
    declared = network.interface.states or (None,) * len(lo)
    start = 0
    for window in network.h_next:
        for i in range(start, start + window.size):
            if window.vector in grown and declared[i] is None:
                lo[i], hi[i] = _ROOM * lo[i], _ROOM * hi[i]
        start += window.size
    return spans | grown | {"h": (lo, hi)}


def _wanted(network: Network, spans: dict[str, Span]) -> dict[str, Integers]:
    """The formats of the affine forms that a gate reads or that are states: what those want."""
    found: dict[str, Integers] = {}
    for name, gate in network.atoms.items():
        if isinstance(gate, Gate):
            for window, frac in gate.part_fracs(spans, spans[name]).items():
                atom = network.atoms.get(window.vector)
                if isinstance(atom, LinearMapActivation):
                    own = found.setdefault(window.vector, np.full(atom.size, _ANY))
                    part = own[window.lo : window.hi]
                    part[part == _ANY] = frac[part == _ANY]
    for vector, fracs in found.items():
        fracs[fracs == _ANY] = element_fracs(spans[vector])[fracs == _ANY]
    start = 0
    for window in network.h_next:
        atom = network.atoms.get(window.vector)
        if isinstance(atom, LinearMapActivation):
            own = atom.state_fracs(spans, _held(spans, window, start))
            found.setdefault(window.vector, own)
        start += window.size
    return found


def _held(spans: dict[str, Span], window: Window, start: int) -> Span:
    """The span of a piece of the next states, within the declared ranges."""
    lo, hi = (end[start : start + window.size] for end in spans["h"])
    least, most = window_span(window, spans)
    return np.clip(least, lo, hi), np.clip(most, lo, hi)


def _state_channels(
    network: Network,
    names: dict[str, VectorName],
    spans: dict[str, Span],
    inputs: tuple[Channel, ...],
    wide: WideStates,
) -> tuple[Channel, ...]:
    """The channels of the states, each in the finest format that its bounds allow.

    A state that repeats an input or another state, as in a delay line, has that one's format.
    """
    sources = [(w.vector, i) for w in network.h_next for i in range(w.lo, w.hi)]
    declared = network.interface.states or (None,) * len(sources)
    found: list[Channel | None] = []
    for window, carried in zip(network.h_next, wide.pieces, strict=True):
        atom = network.atoms.get(window.vector)
        if carried:
            found += _wide_channels(network, names, spans, window, len(found))
            continue
        held = _held(spans, window, len(found))
        fracs = () if atom is None else atom.state_fracs(spans, held)
        for i in range(window.lo, window.hi):
            at = len(found)
            if atom is not None:
                frac = int(fracs[i - window.lo])
                lo, hi = (float(end[at]) for end in spans["h"])
                name = f"{names[window.vector].layer}[{i}]"
                if declared[at] is None:
                    found.append(Channel(name, "", frac, *atom.state_ends(frac, lo, hi)))
                else:
                    ends = integer_ends(frac, lo, hi)
                    found.append(Channel(name, "", frac, *ends, saturates=True))
            elif window.vector == "x":
                # A delay line starts at zero, whatever the input's range.
                lo_int, hi_int = min(inputs[i].lo, 0), max(inputs[i].hi, 0)
                found.append(Channel(f"delay[{at}]", "", inputs[i].frac, lo_int, hi_int))
            else:
                found.append(None)
    return tuple(_copied(i, sources, found) for i in range(len(found)))


def _wide_channels(
    network: Network,
    names: dict[str, VectorName],
    spans: dict[str, Span],
    window: Window,
    start: int,
) -> list[Channel]:
    """Channels of 32 bits: any lower half below and above the bounds of the upper one."""
    gate = network.atoms[window.vector]
    assert isinstance(gate, Gate)
    frac = gate.wide_frac(network.atoms, spans, _held(spans, window, start))
    own = slice(start, start + window.size)
    lo, hi = (end[own] for end in spans["h"])
    declared = network.interface.states[own]
    saturates = any(e is not None for e in declared) and not _inside((lo, hi), declared)
    if isinstance(gate, LstmCellGate):  # its op has one end for all
        lo, hi = np.full(window.size, lo.min()), np.full(window.size, hi.max())
    found = []
    for i in range(window.size):
        least, most = gate.wide_ends(frac, float(lo[i]), float(hi[i]))
        ends = (least << 16) - (1 << 15), (most << 16) + (1 << 15) - 1
        name = f"{names[window.vector].layer}[{i}]"
        found.append(Channel(name, "", frac + 16, *ends, bits=WIDE_BITS, saturates=saturates))
    return found


def _inside(own: Span, declared: Sequence[StateRange | None]) -> bool:
    """Whether the bounds of states end before their declared ranges do, so that they are proved."""
    return all(
        e is None or (lo > min(e.ends[0], 0.0) and hi < max(e.ends[1], 0.0))
        for lo, hi, e in zip(*own, declared, strict=True)
    )


def _copied(i: int, sources: list[tuple[str, int]], found: list[Channel | None]) -> Channel:
    """State i, or the one that it repeats, however many copies back.

    Raises ElegansError for a circle of copies, in which no value ever changes.
    """
    at = i
    for _ in found:
        channel = found[at]
        if channel is not None:
            if at == i:
                return channel
            ends = min(channel.lo, 0), max(channel.hi, 0)
            frac = channel.frac
            if channel.bits == WIDE_BITS:  # what is copied is the upper half
                frac, ends = frac - 16, ((ends[0] + (1 << 15)) >> 16, (ends[1] + (1 << 15)) >> 16)
            return Channel(f"delay[{i}]", "", frac, *ends)
        vector, at = sources[at]
        if vector != "h":
            break
    fact = "never changes: it is only copied from state to state"
    raise ElegansError(f"state {i}", fact, "leave it out, or feed it from an input")


def _channel(signal: Signal, bits: int = 16) -> Channel:
    """An input's channel, from its declared range."""
    least, greatest = declared_range(signal)
    frac = widest_frac(least, greatest) + bits - 16
    ends = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    lo, hi = (int(v) for v in np.clip(quantise([least, greatest], frac), *ends))
    if lo == hi:
        raise ElegansError(
            f"input {signal.name!r}",
            f"all of {least:.9g}:{greatest:.9g} is one integer in {q_name(frac)}",
            "subtract the offset before, or declare a wider range",
        )
    return Channel(signal.name, signal.unit, frac, lo, hi, bits)
