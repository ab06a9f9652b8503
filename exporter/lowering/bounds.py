"""Where the real network's vectors stay, for any inputs in their ranges and any number of steps.

The fixpoint of interval arithmetic: the intervals are carried once around the step, and round
again, until the states' interval maps into itself. The theorems of liquid networks follow from
the intervals of the gates: a CfC's state lies between its two heads, and LTC's in the hull of
its leak and reversal potentials (Hasani et al., 2021, theorem 2). What synapses cannot open then
narrows this hull, and those of deep backbones are shrunk (`affine_bounds.py`). Formats are chosen
from these bounds; the integers are proved again, by `proof.prove`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elegans.exporter.atoms.activations.sigmoid import SigmoidActivation
from elegans.exporter.atoms.gates.fused_step import FusedStepGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.interface import Signal
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span, constant_span, hull, window_span, with_zero
from elegans.exporter.lowering.affine_bounds import tightened
from elegans.exporter.lowering.linear_bounds import LinearStates, linear_states
from elegans.exporter.lowering.unbounded import unbounded

_ROUNDS = 64  # around the step; each state may need one more until what it reads has settled
_FAR = 1e6  # the interval that is tried for states that grow slowly, and the widest that counts
_DIVERGED = 1e30
_AT_REST = 1e-6  # a relative change below which no other round is made
_NARROWED = 2  # rounds; a third one finds little more
_GATE_SLACK = 2.0**-12  # 8 units of Q0.15, for what weights and tables are rounded by
_ZERO = "0"  # a vector of zeros, which no atom is called


def network_bounds(network: Network) -> dict[str, Span]:
    """`bounds` of a network with the ranges that its interface declares.

    Raises ElegansError for an input without a range, and for a state that nothing bounds.
    """
    given = declared_spans(network)
    return bounds(network, given["x"], given.get("dt"))


def declared_spans(network: Network) -> dict[str, Span]:
    """The declared ranges of x and, where it is read, of dt, by name.

    Raises ElegansError for an input without a range.
    """
    ranges = [declared_range(signal) for signal in network.interface.inputs]
    lo, hi = (np.array(end, dtype=np.float64) for end in zip(*ranges, strict=True))
    if not network.timed:
        return {"x": (lo, hi)}
    shortest, longest = declared_range(network.interface.dt)
    return {"x": (lo, hi), "dt": (np.array([shortest]), np.array([longest]))}


def declared_range(signal: Signal) -> tuple[float, float]:
    """The range of an input. Raises ElegansError where nobody declared one."""
    if signal.range is None:
        option = "--dt-range LO:HI or --dt VALUE" if signal.name == "dt" else "--input-range LO:HI"
        raise ElegansError(
            f"input {signal.name!r}",
            "has no declared range, and nothing is sampled",
            f"give {option}",
        )
    return signal.range


def declared_span(network: Network) -> Span:
    """The declared ranges of the states [H], with zero; infinite where there is none."""
    size = sum(w.size for w in network.h_next)
    free = (-np.inf, np.inf)
    ends = [free if e is None else e.ends for e in network.interface.states or (None,) * size]
    lo, hi = np.array(ends, dtype=np.float64).T
    return with_zero((lo, hi))


@np.errstate(over="ignore", invalid="ignore")
def bounds(network: Network, inputs: Span, dt: Span | None) -> dict[str, Span]:
    """The span of every vector, by name.

    inputs  the declared ranges of x [I]
    dt      that of elapsed time [1]; None where the sample period is fixed

    States with a declared range saturate there. Raises ElegansError for any other state that
    nothing bounds.
    """
    given = {"x": inputs} | ({} if dt is None else {"dt": dt})
    return tightened(network, given, _narrowed(network, given, _settled(network, given)))


def _settled(network: Network, given: dict[str, Span]) -> dict[str, Span]:
    """The span of every vector, from intervals of the states that no step leaves."""
    try:
        return _fixpoint(network, given)
    except ElegansError:
        linear = linear_states(network)
        if linear is None:
            raise
    return _fixpoint(network, given, linear)


def _fixpoint(
    network: Network, given: dict[str, Span], linear: LinearStates | None = None
) -> dict[str, Span]:
    """The same, from intervals that one step maps into themselves, or all steps before it."""
    given = given | _still(network, given)
    size = sum(w.size for w in network.h_next)
    h: Span = (np.zeros(size), np.zeros(size))
    before, moved = 0.0, h
    for _ in range(_ROUNDS + size):
        spans, after = _round(network, given, h, linear)
        grown = (h[0] - after[0], after[1] - h[1])
        change = float(np.maximum(*grown).max(initial=0.0))
        reach = float(np.abs(after).max(initial=0.0))
        if not reach < _DIVERGED:
            break
        if change == 0.0:
            return spans
        if change < before:
            # A contraction settles only in the limit: jump to where the geometric series of
            # its changes ends, and keep the jump if that interval maps into itself.
            left = change / (before - change) + 1e-3
            # Only ends that move in this round or the last are moved on: a gate that others close
            # stays closed, and the two ends of a state that changes its sign move in turn.
            lower, upper = (
                np.where(np.maximum(now, last) > 0.0, left * reach, 0.0)
                for now, last in zip(grown, moved, strict=True)
            )
            beyond = (after[0] - lower, after[1] + upper)
            if _holds(beyond, _round(network, given, beyond, linear)[1]):
                spans = _shrunk(network, given, beyond, linear)
                if np.abs(spans["h"]).max() <= _FAR:
                    return spans
                break
        h, before, moved = hull(h, after), change, grown
    far = (np.full(size, -_FAR), np.full(size, _FAR))
    if _holds(far, _round(network, given, far, linear)[1]):
        return _shrunk(network, given, far, linear)
    worst = int(np.nan_to_num(np.abs(np.stack(after)), nan=np.inf).max(axis=0).argmax())
    raise unbounded(network, given, worst, np.maximum(*moved) > 0.0, _FAR)


def _shrunk(
    network: Network, given: dict[str, Span], h: Span, linear: LinearStates | None
) -> dict[str, Span]:
    """The spans for states in h, which maps into itself and is tightened by further rounds."""
    for _ in range(_ROUNDS):
        spans, after = _round(network, given, h, linear)
        if float(np.abs(np.subtract(h, after)).max(initial=0.0)) <= _AT_REST * np.abs(h).max():
            break
        h = after
    return spans


def _narrowed(network: Network, given: dict[str, Span], spans: dict[str, Span]) -> dict[str, Span]:
    """The spans with those of potentials narrowed to what their synapses can do.

    A sigmoid lies between those of the ends of its argument: a synapse that nothing opens adds
    neither current nor conductance. For states within their spans, a potential is a mean of its
    old value and of what currents and conductances draw it to, and it starts at zero. So it stays
    in the hull of zero and of what it is drawn to in any unfold. That hull is narrower, and the
    next round starts with it.
    """
    if not any(isinstance(atom, FusedStepGate) for atom in network.atoms.values()):
        return spans
    for _ in range(_NARROWED):
        spans = given | {"h": spans["h"]}
        hulls: dict[Window, tuple[Window, Span]] = {}  # of potentials, with what they carry on
        for name, atom in network.atoms.items():
            spans[name] = _of_open_gates(name, atom, network, spans)
            if isinstance(atom, FusedStepGate):
                spans[_ZERO] = constant_span(atom.size, 0.0, 0.0)
                alone = replace(atom, v=Window(_ZERO, 0, atom.size))
                drawn = alone.span(name, network.atoms, spans)
                spans[name] = hull(window_span(atom.v, spans), drawn)
                start, before = hulls.get(atom.v, (atom.v, drawn))
                hulls[Window(name, 0, atom.size)] = start, hull(before, drawn)
        _narrow(network, hulls, spans)
    return spans


def _narrow(
    network: Network, hulls: dict[Window, tuple[Window, Span]], spans: dict[str, Span]
) -> None:
    """Narrow the spans of those states that are carried on from themselves, and their unfolds'.

    hulls  by each potential, the window that its first unfold carried on, and its hull
    """
    lo, hi = (end.copy() for end in spans["h"])
    start = 0
    for window in network.h_next:
        own = Window("h", start, start + window.size)
        start = own.hi
        origin, (least, most) = hulls.get(window, (None, (lo, hi)))
        if origin == own:
            lo[own.lo : own.hi] = np.maximum(lo[own.lo : own.hi], least)
            hi[own.lo : own.hi] = np.minimum(hi[own.lo : own.hi], most)
            state = lo[own.lo : own.hi], hi[own.lo : own.hi]
            spans |= {w.vector: hull(state, to) for w, (first, to) in hulls.items() if first == own}
    spans["h"] = lo, hi


def _of_open_gates(name: str, atom: Atom, network: Network, spans: dict[str, Span]) -> Span:
    """The span of an atom, and of a sigmoid no more than its argument can reach."""
    if not isinstance(atom, SigmoidActivation):
        return atom.span(name, network.atoms, spans)
    lo, hi = (atom.function(end) for end in atom.argument_span(spans, name))
    return np.maximum(lo - _GATE_SLACK, 0.0), np.minimum(hi + _GATE_SLACK, 1.0)


def _holds(outer: Span, inner: Span) -> bool:
    return bool(np.all(inner[0] >= outer[0]) and np.all(inner[1] <= outer[1]))


def _still(network: Network, given: dict[str, Span]) -> dict[str, Span]:
    """The spans of the atoms that no state reaches: they are the same in every round."""
    spans, found = dict(given), dict[str, Span]()
    for name, atom in network.atoms.items():
        if atom.vectors() <= spans.keys():
            found[name] = spans[name] = atom.span(name, network.atoms, spans)
    return found


def _round(
    network: Network, given: dict[str, Span], h: Span, linear: LinearStates | None
) -> tuple[dict[str, Span], Span]:
    """The spans of all vectors for states in h, and that of the next states with zero.

    linear  states whose interval is also known if all states before were in h
    """
    spans = given | {"h": h}
    for name, atom in network.atoms.items():
        if name not in given:
            spans[name] = atom.span(name, network.atoms, spans)
    parts = [window_span(w, spans) for w in network.h_next]
    lo, hi = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    lo, hi = with_zero((lo, hi))
    if linear is not None:
        least, most = linear.span(spans)
        lo[linear.rows] = np.maximum(lo[linear.rows], least)
        hi[linear.rows] = np.minimum(hi[linear.rows], most)
    least, most = declared_span(network)
    return spans, (np.clip(lo, least, most), np.clip(hi, least, most))
