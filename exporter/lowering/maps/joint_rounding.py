"""Weights of a row rounded together, so that their errors cancel on inputs that go together.

A row of many inputs leaves few bits to each weight: with 300 inputs in [-1, 1] an accumulator of
32 bits holds weights of 8 bits. Rounded one by one, their errors add up like noise. But the inputs
are not independent: a backbone of 128 units reads 30 numbers, and the states of a circuit follow
each other. So each weight's error is made up for by the weights after it, as far as inputs that go
together can: optimal brain quantisation in the order of GPTQ (Frantar et al., 2022). What is left
has a mean, and the bias takes it: otherwise it would be an error of constant inputs, to which a
state comes back again and again.

What goes together, and the mean, are seen in runs of the float network on random inputs. They
choose integers near to the weights and biases only: ranges and formats are proved from the
integers, whatever they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from elegans.exporter.atoms.images.image import Image
from elegans.exporter.ir import real_network
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import INT16_MAX, Integers, Reals, round_half_up

WIDE = 32
"""The inputs of a row from which on its weights are rounded together: below, each has 11 bits."""
_MOST_COLUMNS = 2048  # of a map; the factor below takes time with their cube
_RUNS, _STEPS = 48, 12  # of the random runs; in half of them the inputs never change
_RUNS_OF_IMAGES, _STEPS_OF_IMAGES = 16, 3  # the same where a step takes long
_SEED = 302
_DAMPING = 0.1  # of the mean square of the inputs, for what the runs do not show
_BLOCK = 64  # columns whose errors are passed on together

Rounded = tuple[Integers, Integers]
"""Weights [rows, n], and what their biases [rows] gain so that the mean of each sum is right."""
Together = Callable[[Reals], Rounded | None]
"""Rounds weights at an integer's scale, [rows, n], together; None where it cannot."""


class InputStatistics:
    """What goes together among the vectors of a network, seen in random runs.

    Without spans, and where no row of the network is wide, nothing is run and nothing is known.
    """

    def __init__(self, network: Network, spans: dict[str, Span]) -> None:
        self._samples = _samples(network, spans) if spans and _is_wide(network) else {}
        self._seen: dict[tuple[object, ...], tuple[Reals, Reals]] = {}
        self._rounded: dict[bytes, Rounded] = {}

    def rounded(
        self, weights: Reals, windows: tuple[Window | None, ...], frac: Integers
    ) -> Rounded | None:
        """The weights [rows, n] of inputs in these windows as integers, rounded together.

        windows  of the network, n elements together; None for what is no window of it
        frac     [n] the fractional bits of the inputs

        Equal maps, as unfolds have, are rounded alike: they share their tables. None where the
        inputs are not among the network's vectors, or are too many.
        """
        seen = self._factor_and_mean(windows, frac)
        if seen is None:
            return None
        key = weights.tobytes()
        if key not in self._rounded:
            factor, mean = seen
            integers = rounded(weights, factor)
            self._rounded[key] = integers, round_half_up((weights - integers) @ mean)
        return self._rounded[key]

    def _factor_and_mean(
        self, windows: tuple[Window | None, ...], frac: Integers
    ) -> tuple[Reals, Reals] | None:
        """[n, n]: U with U^T U the inverse of the inputs' second moments, upper triangular; and
        [n]: the inputs' means, in integers."""
        known = [w for w in windows if w is not None and w.vector in self._samples]
        if len(known) < len(windows) or len(frac) > _MOST_COLUMNS:
            return None
        key = (windows, tuple(frac.tolist()))
        if key not in self._seen:
            parts = [self._samples[w.vector][:, w.lo : w.hi] for w in known]
            x = np.ldexp(np.concatenate(parts, axis=1), frac)
            moments = x.T @ x / len(x)
            own = moments.diagonal().mean() or 1.0
            moments[np.diag_indices(len(frac))] += _DAMPING * own
            self._seen[key] = np.linalg.cholesky(np.linalg.inv(moments)).T, x.mean(axis=0)
        return self._seen[key]


def wide_rows(inputs: Integers) -> Integers:
    """The rows that are rounded together, of rows with so many inputs [rows]."""
    return np.flatnonzero(inputs >= WIDE)


def wide_rounded(reals: Reals, kept: Rounded, together: Together | None) -> Rounded:
    """Weights and biases of a map whose wide rows are rounded together, where int16 holds them.

    reals  the weights [rows, n] at their integers' scale
    kept   weights and biases that are rounded one by one
    """
    rows = wide_rows(np.count_nonzero(reals, axis=1))
    more = together(reals[rows]) if together is not None and len(rows) else None
    if more is None:
        return kept
    weights, bias = (own.copy() for own in kept)
    good = np.abs(more[0]).max(axis=1) <= INT16_MAX
    weights[rows[good]] = more[0][good]
    bias[rows[good]] += more[1][good]
    return weights, bias


def _is_wide(network: Network) -> bool:
    """Whether a form has a row of so many inputs that it matters, and no more than can be done."""
    forms: list[Affine] = [network.y]
    for atom in network.atoms.values():
        if isinstance(atom, Activation):
            forms += [atom.drive] if atom.rate is None else [atom.drive, atom.rate]
    for form in forms:
        matrices = form.terms.values()
        inputs = sum((np.diff(m.indptr) for m in matrices), np.zeros(form.size))
        if inputs.max() >= WIDE and sum(m.shape[1] for m in matrices) <= _MOST_COLUMNS:
            return True
    return False


def _samples(network: Network, spans: dict[str, Span]) -> dict[str, Reals]:
    """Every vector [N, size] in runs of the float network from rest, with inputs in their spans."""
    random = np.random.default_rng(_SEED)
    (lo, hi), times = spans["x"], spans.get("dt", (np.zeros(1), np.zeros(1)))
    images = any(isinstance(atom, Image) for atom in network.atoms.values())
    runs, steps = (_RUNS_OF_IMAGES, _STEPS_OF_IMAGES) if images else (_RUNS, _STEPS)
    x = random.uniform(lo, hi, (steps, runs, len(lo)))
    x[:, ::2] = x[:1, ::2]
    dt = random.uniform(*times, (steps, runs, 1))
    h = np.zeros((runs, sum(w.size for w in network.h_next)))
    found: dict[str, list[Reals]] = {}
    for now, elapsed in zip(x, dt, strict=True):
        _, h_next, vectors = real_network.step(network, now, elapsed, h)
        for name, values in vectors.items():
            found.setdefault(name, []).append(np.broadcast_to(values, (runs, values.shape[-1])))
        h = h_next
    return {name: np.concatenate(parts) for name, parts in found.items()}


def rounded(weights: Reals, factor: Reals) -> Integers:
    """Integers near to `weights` [rows, n], whose errors cancel as `factor` says; zeros stay.

    Column by column, each is rounded, and the columns after it take over the part of the error
    that their inputs can make up for.
    """
    left, found = weights.copy(), np.zeros(weights.shape, np.int64)
    present, n = weights != 0.0, weights.shape[1]
    for start in range(0, n, _BLOCK):
        end = min(start + _BLOCK, n)
        errors = np.zeros((len(weights), end - start))
        for j in range(start, end):
            found[:, j] = np.where(present[:, j], round_half_up(left[:, j]), 0)
            errors[:, j - start] = error = (left[:, j] - found[:, j]) / factor[j, j]
            left[:, j:end] -= error[:, None] * factor[j, j:end]
        left[:, end:] -= errors @ factor[start:end, end:]
    return found
