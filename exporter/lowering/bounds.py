"""Where the real network's vectors stay, for any inputs in their ranges and for ever.

Intervals, once around the step and round again until the states' own interval holds
itself. The liquid theorems come out of it: a CfC's state lies between its two heads, and
LTC's in the hull of its leak and reversal potentials (Hasani et al. 2021, theorem 2).
Formats are chosen from these bounds; the integers are proved again by `model.prove`.
"""

from __future__ import annotations

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Activation, Gate, Network
from elegans.exporter.numbers.fixed import Integers, Reals

Span = tuple[Reals, Reals]
"""For each element the least and the greatest value."""

LSTM_CELL = 16.0  # nothing but its gates bounds the cell of an LSTM: it saturates here
_ROUNDS = 64
_FAR = 1e6
_TINY = 1e-9
_FIXED = {"tanh": (-1.0, 1.0)} | dict.fromkeys(("sigmoid", "normal_cdf", "exp"), (0.0, 1.0))


@np.errstate(over="ignore", invalid="ignore")
def bounds(network: Network, inputs: Span, dt: Span | None) -> dict[str, Span]:
    """The span of every vector. Raises ElegansError for a state that nothing bounds."""
    size = sum(w.size for w in network.h_next)
    h: Span = (np.zeros(size), np.zeros(size))
    given = {"x": inputs} | ({} if dt is None else {"dt": dt})
    before = 0.0
    for _ in range(_ROUNDS + size):
        spans, after = _round(network, given, h)
        grown = (h[0] - after[0], after[1] - h[1])
        change = float(np.maximum(*grown).max(initial=0.0))
        reach = float(np.abs(after).max(initial=0.0))
        if not reach < 1e30:
            break
        if change == 0.0:
            return spans
        if change < before:  # a contraction comes to rest only in the limit
            left = change / (before - change) + 1e-3
            beyond = (after[0] - left * reach, after[1] + left * reach)
            if _holds(beyond, _round(network, given, beyond)[1]):
                return _shrunk(network, given, beyond)
        h, before = _hull(h, after), change
    far = (np.full(size, -_FAR), np.full(size, _FAR))  # where growth is slow, and has an end
    if _holds(far, _round(network, given, far)[1]):
        return _shrunk(network, given, far)
    worst = int(np.nan_to_num(np.abs(np.stack(after)), nan=np.inf).max(axis=0).argmax())
    raise ElegansError(
        f"state {worst}",
        "grows without bound, so no format holds it",
        "use a cell whose state is bounded: CfC, LTC, CTRNN, GRU, LSTM or tanh; in CfC's pure "
        "mode with an unbounded backbone, let --dt-range start above zero",
    )


def _shrunk(network: Network, given: dict[str, Span], h: Span) -> dict[str, Span]:
    """The spans of an interval that holds itself, after going around until it rests."""
    for _ in range(_ROUNDS):
        spans, after = _round(network, given, h)
        if float(np.abs(np.subtract(h, after)).max(initial=0.0)) <= 1e-6 * np.abs(h).max():
            break
        h = after
    return spans


def _holds(outer: Span, inner: Span) -> bool:
    return bool(np.all(inner[0] >= outer[0]) and np.all(inner[1] <= outer[1]))


def _round(network: Network, given: dict[str, Span], h: Span) -> tuple[dict[str, Span], Span]:
    """All vectors for states in h, and what the next states can be: zero is where they begin."""
    spans = given | {"h": h}
    for name, atom in network.atoms.items():
        if isinstance(atom, Gate):
            spans[name] = _gate(network, atom, spans)
        else:
            spans[name] = _activation(name, atom, spans)
    parts = [window_span(w, spans) for w in network.h_next]
    lo, hi = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    return spans, (np.minimum(lo, 0.0), np.maximum(hi, 0.0))


def window_span(window: Window, spans: dict[str, Span]) -> Span:
    lo, hi = spans[window.vector]
    return lo[window.lo : window.hi], hi[window.lo : window.hi]


def affine_span(affine: Affine, spans: dict[str, Span]) -> Span:
    lo, hi = affine.bias, affine.bias
    for vector, matrix in affine.terms.items():
        up, down = matrix.maximum(0), matrix.minimum(0)
        least, most = spans[vector]
        lo = lo + up @ least + down @ most
        hi = hi + up @ most + down @ least
    return lo, hi


def _activation(name: str, atom: Activation, spans: dict[str, Span]) -> Span:
    if atom.function in _FIXED:
        if atom.function == "exp":
            _check_rate(name, atom, spans)
        least, greatest = _FIXED[atom.function]
        return np.full(atom.size, least), np.full(atom.size, greatest)
    lo, hi = affine_span(atom.drive, spans)
    if atom.rate is not None and atom.factor is not None:
        more = _times(affine_span(atom.rate, spans), window_span(atom.factor, spans))
        lo, hi = lo + more[0], hi + more[1]
    if atom.function == "relu":
        return np.maximum(lo, 0.0), np.maximum(hi, 0.0)
    if atom.function == "abs":
        nearest = np.where((lo < 0) & (hi > 0), 0.0, np.minimum(np.abs(lo), np.abs(hi)))
        return nearest, np.maximum(np.abs(lo), np.abs(hi))
    if atom.function == "fraction" and (hi.max() > 1 + 1e-6 or lo.min() < 0):
        raise ElegansError(
            "an Euler step",
            f"of up to {hi.max():.3g} time constants is unstable",
            "declare a shorter --dt-range, or let the state decay as exp(-dt / tau)",
        )
    return lo, hi


def _check_rate(name: str, atom: Activation, spans: dict[str, Span]) -> None:
    assert atom.rate is not None
    lo, _ = affine_span(atom.rate, spans)
    if lo.min() < -1e-9:
        raise ElegansError(
            f"exp, vector {name!r}",
            f"its rate can reach {lo.min():.3g}, so it can grow",
            "a decay needs a rate that is never negative",
        )


def _gate(network: Network, gate: Gate, spans: dict[str, Span]) -> Span:
    parts = [window_span(w, spans) for w in gate.parts]
    if gate.kind == "mix":
        return _hull(parts[0], parts[1])
    if gate.kind == "gated_sum":
        (f_lo, f_hi), (g_lo, g_hi) = parts[0], parts[1]
        return f_lo + np.minimum(g_lo, 0.0), f_hi + np.maximum(g_hi, 0.0)
    if gate.kind == "product":
        lo, hi = np.minimum(parts[1][0], 0.0), np.maximum(parts[1][1], 0.0)
        reach = _damped(network, gate, spans)
        return np.maximum(lo, -reach), np.minimum(hi, reach)
    if gate.kind == "lstm_cell":
        return np.full(gate.size, -LSTM_CELL), np.full(gate.size, LSTM_CELL)
    if gate.kind == "fused_step":
        over, under = (_form(network, w, spans) for w in gate.parts[1:3])
        # Without conductance, leak or synapse, a capacity keeps what it has.
        keeps = (np.asarray(gate.constants) > 0) & (under.bias == 0)
        under = Affine(under.bias + np.where(keeps, _TINY, 0.0), under.terms)
        return _hull(parts[0], ratio_span(over, under, spans))
    over, under = (_form(network, w, spans) for w in gate.parts)
    return _quotient(over, under, spans)


def _form(network: Network, window: Window, spans: dict[str, Span]) -> Affine:
    """The affine form that a window is, so that two of them can be bounded together."""
    atom = network.atoms.get(window.vector)
    if isinstance(atom, Activation) and atom.function == "identity":
        return atom.drive.pick(np.arange(window.lo, window.hi))
    return Affine.of(window, len(spans[window.vector][0]))


def _quotient(over: Affine, under: Affine, spans: dict[str, Span]) -> Span:
    """`(C v + I) / (C + G)` lies in the hull of v and I / G; any quotient in its own ratio."""
    for vector in over.terms:
        alone = Affine(np.zeros(over.size), {vector: over.terms[vector]})
        found = alone.factor()
        if vector in under.terms or found is None or found[0].size != over.size:
            continue
        v, c = found
        rest = Affine.constant(under.bias - c)
        if np.all(c > 0) and np.all(affine_span(rest, spans)[0] >= 0):
            free = Affine(rest.bias, under.terms)
            if affine_span(free, spans)[0].min() > 0:
                return _hull(window_span(v, spans), ratio_span(over.without(vector), free, spans))
    return ratio_span(over, under, spans)


def ratio_span(over: Affine, under: Affine, spans: dict[str, Span]) -> Span:
    """The exact span of over / under, row by row (Dinkelbach 1967).

    max N/D over a box is the l at which max (N - l D) is zero; with n and d rows of
    coefficients, each variable sits at the end that its sign n - l d says.
    """
    vectors = sorted({*over.terms, *under.terms})
    lo, hi = (np.concatenate([np.zeros(0), *(spans[v][i] for v in vectors)]) for i in (0, 1))
    rows, columns, n, d = _entries(over, under, vectors, spans)
    lo, hi = lo[columns], hi[columns]

    def total(values: Reals) -> Reals:
        return np.bincount(rows, values, over.size).astype(np.float64)

    least = under.bias + total(d * np.where(d > 0, lo, hi))
    if not np.all(least > 0):
        row = int(least.argmin())
        raise ElegansError(
            f"neuron {row}",
            f"its conductance can reach {least[row]:.3g}, and the state would divide by it",
            "keep synapse weights and leaks from going negative (apply_weight_constraints in ncps)",
        )
    ends = []
    for sign in (-1.0, 1.0):
        value = (
            sign * over.bias / under.bias if np.all(under.bias > 0) else np.full(over.size, -1e30)
        )
        for _ in range(100):
            slope = sign * n - np.where(np.isinf(value), 0.0, value)[rows] * d
            chosen = np.where(slope > 0, hi, lo)
            top = sign * (over.bias + total(n * chosen))
            better = top / (under.bias + total(d * chosen))
            if np.all(better <= value):
                break
            value = np.maximum(value, better)
        ends.append(sign * value)
    return ends[0], ends[1]


def _entries(
    over: Affine, under: Affine, vectors: list[str], spans: dict[str, Span]
) -> tuple[Integers, Integers, Reals, Reals]:
    """(rows, columns, n, d): the coefficients of both forms wherever one of them has any.

    Columns count through all the vectors, end to end.
    """
    ends = np.cumsum([0, *(len(spans[v][0]) for v in vectors)])
    width = int(ends[-1])
    places, values = [], []
    for form in (over, under):
        parts = [
            (form.terms[v].tocoo(), start)
            for v, start in zip(vectors, ends, strict=False)
            if v in form.terms
        ]
        at = [p.row.astype(np.int64) * width + p.col + start for p, start in parts]
        places.append(np.concatenate([np.zeros(0, np.int64), *at]))
        values.append(np.concatenate([np.zeros(0), *(p.data for p, _ in parts)]))
    both = np.unique(np.concatenate(places))
    n, d = (
        np.bincount(np.searchsorted(both, at), part, len(both)).astype(np.float64)
        for at, part in zip(places, values, strict=True)
    )
    return both // max(width, 1), both % max(width, 1), n, d


def _damped(network: Network, gate: Gate, spans: dict[str, Span]) -> Reals:
    """The bound of exp(-dt (w + c |f|)) f, CfC's pure mode, beyond that of f alone.

    |f| exp(-s |f|) is greatest at |f| = 1/s, with s = c dt; it only falls with w and dt. A
    neuron whose own |f| is not in its rate, as pruning may leave it, has its bound from w.
    """
    u, v = gate.parts
    free = np.full(gate.size, np.inf)
    decay = network.atoms.get(u.vector)
    if not (isinstance(decay, Activation) and decay.function == "exp") or decay.rate is None:
        return free
    if len(decay.rate.terms) != 1 or u.size != gate.size:
        return free
    ((vector, matrix),) = decay.rate.terms.items()
    absolute = network.atoms.get(vector)
    if not (isinstance(absolute, Activation) and absolute.function == "abs") or matrix.min() < 0:
        return free
    c, of, entries = np.zeros(gate.size), absolute.drive.sources(), matrix.tocoo()
    for row, column, value in zip(entries.row, entries.col, entries.data, strict=True):
        if of[column] == (v.vector, v.lo + row):
            c[row] = value
    shortest = spans["dt"][0][0] if decay.factor is not None else 1.0
    slope = np.maximum(c * shortest, 1e-30)
    top = np.maximum(*(np.abs(end) for end in window_span(v, spans)))
    at = np.minimum(top, 1.0 / slope)
    bound: Reals = at * np.exp(-slope * at - shortest * np.maximum(decay.rate.bias, 0.0))
    return bound


def _hull(a: Span, b: Span) -> Span:
    return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])


def _times(a: Span, b: Span) -> Span:
    corners = [x * y for x in a for y in b]
    return np.minimum.reduce(corners), np.maximum.reduce(corners)
