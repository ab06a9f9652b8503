"""Which states have 32 bits: those that feed themselves.

A leaky integrator's new state is its old one and a little more. In 16 bits that little is lost
where time is short against the time constant, or adds up to a drift. So a gate that carries its own
old value on keeps it in 32 bits, from step to step and from one unfold of a solver to the next; the
maps read the upper half. A state that is made of heads, as a CfC's, does not contain the old one,
and has 16 bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from elegans.exporter.atoms.gates.fused_step import FusedStepGate
from elegans.exporter.atoms.shared.tabled import TabledActivation
from elegans.exporter.ir.atom import DT, Atom, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span, affine_span, reach


@dataclass(frozen=True)
class WideStates:
    """What of a network has 32 bits.

    carried  by the name of each gate that keeps its result in 32 bits: the part that it carries
             on, which is a state or the result of another such gate
    pieces   for each window of h_next, whether it is such a state
    timed    whether elapsed time is needed as mantissa and exponent
    unread   atoms that nothing reads but gates that compute them as shares
    long_times  whether time gates need it so, too, because the longest time is very long for them
    results     the atoms whose results shall have 32 bits, states or not
    """

    carried: dict[str, Window]
    pieces: tuple[bool, ...]
    timed: bool
    unread: frozenset[str]
    long_times: bool
    results: frozenset[str] = frozenset()


_LONG = 64.0
"""The argument of a time gate over the longest time, beyond which 16 bits of time are too few: half
a unit of them then moves the argument by 2^-10."""


def wide_states(
    network: Network, spans: dict[str, Span], results: frozenset[str] = frozenset()
) -> WideStates:
    """The 32-bit states of a network; `spans` are those of its vectors, and `results` the atoms
    whose results shall have 32 bits, too."""
    starts = itertools.accumulate((w.size for w in network.h_next), initial=0)
    carried: dict[str, Window] = {
        name: gate.v for name, gate in network.atoms.items() if isinstance(gate, FusedStepGate)
    }
    pieces = []
    ends = {0, *itertools.accumulate(w.size for w in network.h_next)}
    apart = all(_within_a_piece(w, sorted(ends)) for w in _parts_of_h(network))
    for window, start in zip(network.h_next, starts, strict=False):
        old = Window("h", start, start + window.size)
        chain = _chain(network, window, old) if apart and _may(network, old) else None
        gate = network.atoms.get(window.vector)
        whole = isinstance(gate, Gate) and gate.wide_alone and window.size == gate.size
        pieces.append(chain is not None or (apart and whole and window.vector in results))
        carried |= chain or {}
    shares = {name: _share(network, name, part) for name, part in carried.items()}
    kept = [
        *(atom for atom in shares.values() if atom is not None),
        *map(network.atoms.get, carried),
    ]
    timed = any(DT.vector in atom.vectors() for atom in kept if atom is not None)
    long_times = _long_times(network, spans)
    unread = _unread(network, shares)
    timed = timed or long_times
    return WideStates(carried, tuple(pieces), timed, unread, long_times, results)


def _may(network: Network, old: Window) -> bool:
    """Whether a state may have 32 bits: its op holds it in its range, or a theorem does."""
    vector = _made_by(network, old.lo)
    declared = network.interface.states[old.lo : old.hi]
    return network.atoms[vector].open_ended if any(declared) and vector in network.atoms else True


def _made_by(network: Network, at: int) -> str:
    """The vector that a next state is read from."""
    for window in network.h_next:
        if at < window.size:
            return window.vector
        at -= window.size
    return ""


def _long_times(network: Network, spans: dict[str, Span]) -> bool:
    """Whether a time gate's argument may move by more than `_LONG` within one step."""
    if DT.vector not in spans:
        return False
    longest = float(spans[DT.vector][1][0])
    rates = [
        atom.rate
        for atom in network.atoms.values()
        if isinstance(atom, TabledActivation) and atom.rate is not None and atom.factor == DT
    ]
    most = (float(reach(affine_span(rate, spans)).max()) for rate in rates)
    return any(rate * longest > _LONG for rate in most)


def _share(network: Network, name: str, part: Window) -> Atom | None:
    gate = network.atoms[name]
    assert isinstance(gate, Gate)
    return gate.share(network.atoms, part)


def _parts_of_h(network: Network) -> Iterator[Window]:
    """The windows of h that gates and activations multiply."""
    for atom in network.atoms.values():
        factor = getattr(atom, "factor", None)
        parts = atom.parts if isinstance(atom, Gate) else (factor,) if factor else ()
        yield from (w for w in parts if w.vector == "h")


def _within_a_piece(window: Window, ends: list[int]) -> bool:
    return any(lo <= window.lo and window.hi <= hi for lo, hi in itertools.pairwise(ends))


def _chain(network: Network, window: Window, old: Window) -> dict[str, Window] | None:
    """The gates by which the state `old` becomes `window`, each with the part that it carries."""
    gate = network.atoms.get(window.vector)
    if not isinstance(gate, Gate) or window != Window(window.vector, 0, gate.size):
        return None
    for role in gate.carriers:
        part: Window = getattr(gate, role)
        if part == old:
            return {window.vector: part}
        rest = _chain(network, part, old) if part.vector != "h" else None
        if rest is not None:
            return {window.vector: part} | rest
    return None


def _unread(network: Network, shares: dict[str, Atom | None]) -> frozenset[str]:
    """The atoms that are read as shares only."""
    names = {id(atom): name for name, atom in network.atoms.items()}
    candidates = {names[id(a)] for a in shares.values() if a is not None and id(a) in names}
    read = set(network.y.terms) | {w.vector for w in network.h_next}
    for name, atom in network.atoms.items():
        own = shares.get(name)
        skipped = {names.get(id(own))} if own is not None else set()
        read |= atom.vectors() - skipped
    return frozenset(candidates - read)
