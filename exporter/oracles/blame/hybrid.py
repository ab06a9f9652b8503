"""Hybrid runs: float64 everywhere but in one group of vectors, which deviates as the integers do.

The error of a free run is the sum of what all vectors add, each carried on by the network. A
hybrid run lets one group of vectors deviate and nothing else, so its error is what this group
causes. A vector's deviation is taken from its own steps: integers and float64 compute it from the
same numbers, so that what came in with its inputs counts where it arose. It has two parts:
weights as integers but no rounding of results, and the rounding and saturation of results.

All hybrid runs of a model are the lanes of one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elegans.exporter.ir.affine import affine_value, read
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.fixed_model import Step, formats, walk
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import Lowered
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    Integers,
    Reals,
    dequantise,
    halves,
    q_name,
    quantise,
)
from elegans.exporter.ops import RELATIVE, WIDE, form
from elegans.exporter.oracles.free_run import elapsed_times

WEIGHTS, ROUNDING = "weights", "rounding"
_PARTS = (WEIGHTS, ROUNDING)
_TAILS = ("h_next", "y")  # what is made of the network's vectors at the end of a step


@dataclass(frozen=True)
class Contribution:
    """What one group of vectors alone adds to the error.

    vectors  the vectors of the model, such as the potentials of all unfolds of a layer; a state
             is the first
    atoms    the same in the real network; none for a result that is only brought to its format
    part     `WEIGHTS` or `ROUNDING`
    error    the worst of a hybrid run, as a fraction of the range that a state or output uses
    """

    vectors: tuple[str, ...]
    atoms: tuple[str, ...]
    part: str
    error: float


@dataclass(frozen=True, eq=False)
class _Both:
    """A vector [lanes, size] of the model as integers, and as real numbers that no step rounds;
    1.0 is one unit of an integer."""

    rounded: Integers
    smooth: Reals

    def __getitem__(self, index: Any) -> _Both:
        return _Both(self.rounded[index], self.smooth[index])

    def halves(self) -> tuple[_Both, _Both]:
        """`fixed.halves` of a 32-bit state, which is an integer."""
        upper, lower = (_whole_numbers(part) for part in halves(self.rounded))
        return upper, lower

    def whole(self, lower: _Both) -> _Both:
        """`fixed.whole`."""
        return _Both(self.rounded * (1 << 16) + lower.rounded, self.smooth * 2.0**16 + lower.smooth)


def _whole_numbers(values: Integers) -> _Both:
    return _Both(values, values.astype(np.float64))


def _joined(parts: Sequence[_Both]) -> _Both:
    rounded, smooth = ([getattr(p, name) for p in parts] for name in ("rounded", "smooth"))
    return _Both(np.concatenate(rounded, axis=-1), np.concatenate(smooth, axis=-1))


class _HybridStep:
    """One step of all hybrid runs: two lanes for each group, its weights and its rounding."""

    def __init__(self, lowered: Lowered, network: Network) -> None:
        self.lowered, self.network, self.model = lowered, network, lowered.model
        self._fracs = {name: np.array(f) for name, f in lowered.model.fracs().items()}
        self._atoms = {called.name: atom for atom, called in lowered.names.items()}
        self.groups = _groups(lowered, network)
        self._lanes = {n: [2 * i, 2 * i + 1] for i, group in enumerate(self.groups) for n in group}
        self.lanes = 2 * len(self.groups)

    def __call__(self, x: Integers, dt: int, h: Reals) -> tuple[Reals, Reals]:
        """x [I] and dt as the device receives them, h [lanes, H] -> y and h_next of all lanes."""
        model = self.model
        many = (self.lanes, 1)
        given = {"x": np.tile(x, many), "dt": np.full(many, dt), "h": to_integers(h, model.states)}
        # What each lane carries on, and the same as the steps of the model read it.
        exact = {"x": to_real(given["x"], model.inputs), "h": h}
        exact["dt"] = np.tile(elapsed_times(np.array([dt]), model), many)
        seen = exact | {"h": to_real(given["h"], model.states)}
        pending = iter(self.network.atoms.items())

        def reach(name: str | None) -> None:
            """Compute the atoms up to this one; None stands for all."""
            for atom, what in pending:
                exact[atom] = what.value(exact)
                if atom == name:
                    return
                seen[atom] = what.value(seen)  # one that the model has no vector of

        def apply(step: Step, args: list[_Both]) -> _Both:
            made = _Both(
                _parts(step.op.integer(*(a.rounded for a in args))),
                _parts(step.op.real(*(a.smooth for a in args))),
            )
            atom = self._atoms.get(step.name)
            if atom is None or atom in exact or atom not in self.network.atoms:
                return made
            reach(atom)
            kind, frac = form(step.op), self._fracs[step.name]
            if kind == RELATIVE:  # its deviation counts where it is read
                seen[atom] = self.network.atoms[atom].value(seen)
                return made
            unrounded, rounded = np.ldexp(1.0, -frac) * made.smooth, dequantise(made.rounded, frac)
            what = self.network.atoms[atom]
            own = {n: seen[n][self._lanes[atom]] for n in what.vectors() | {"h", "dt"}}
            local = what.value(own)
            if kind == WIDE:
                unrounded, rounded = _added(unrounded), _added(rounded)
            self._deviate(atom, exact, (rounded, unrounded, local))
            read_next = self._read_next(step.name, kind, exact[atom])
            found = dequantise(read_next, frac)
            seen[atom] = _added(found) if kind == WIDE else found
            return _whole_numbers(read_next)

        start = {name: _whole_numbers(v) for name, v in given.items()}
        y, h_next, _ = walk(model, start, _joined, apply)
        reach(None)
        for name, made, channels in (("h_next", h_next, model.states), ("y", y, model.outputs)):
            exact[name], local = (self._tail(name, v) for v in (exact, seen))
            local = local[self._lanes[name]]
            scale = np.ldexp(1.0, -np.array([c.frac for c in channels]))
            unrounded = made.smooth * scale
            if name == "h_next" or self.network.y.windows() is not None:  # without weights
                unrounded = np.zeros_like(made.smooth)
                unrounded[self._lanes[name]] = local  # each lane's own: they part by and by
            self._deviate(name, exact, (to_real(made.rounded, channels), unrounded, local))
        return exact["y"], exact["h_next"]

    def _read_next(self, name: str, kind: str, values: Reals) -> Integers:
        """The values of a vector as the steps after it read them."""
        frac, bounds = self._fracs[name], self.lowered.bounds[name]
        if kind != WIDE:
            return np.clip(quantise(values, frac), bounds.lo, bounds.hi)
        n = values.shape[-1]
        lo, hi = bounds.lo[:n] << 16, (bounds.hi[:n] << 16) + INT16_MAX
        parts = halves(np.clip(quantise(values, frac[n:]), lo, hi))
        return np.concatenate(parts, axis=-1)

    def _tail(self, name: str, vectors: dict[str, Reals]) -> Reals:
        if name == "y":
            return affine_value(self.network.y, vectors)
        return np.concatenate([read(w, vectors) for w in self.network.h_next], axis=1)

    def _deviate(
        self, name: str, exact: dict[str, Reals], made: tuple[Reals, Reals, Reals]
    ) -> None:
        """Add a vector's deviation to it, each part in the lane of its own.

        made  the vector from one and the same inputs: rounded and unrounded in all lanes, and in
              float64 in these two
        """
        weights, rounding = self._lanes[name]
        rounded, unrounded, local = made
        exact[name] = np.array(exact[name])
        exact[name][weights] += np.nan_to_num(unrounded[weights] - local[0])
        exact[name][rounding] += np.nan_to_num(rounded[rounding] - unrounded[rounding])


def _added(parts: Reals) -> Reals:
    """The values [lanes, n] of 32-bit integers from those of their halves [lanes, 2 n]."""
    n = parts.shape[-1] // 2
    result: Reals = parts[..., :n] + parts[..., n:]
    return result


def _parts(result: Any) -> Any:
    return np.concatenate(result, axis=-1) if isinstance(result, tuple) else result


def _groups(lowered: Lowered, network: Network) -> list[tuple[str, ...]]:
    """The atoms whose vectors are of one kind in one layer, and the tails; states come first, and
    convolutions that are a part of what reads them, and so no vectors, last."""
    made = {step.name for step in lowered.model.steps}
    absent = {n for n in network.atoms if lowered.names[n].name not in made}
    states = {w.vector for w in network.h_next} & network.atoms.keys()
    heads = {type(network.atoms[name]) for name in states}
    keys: dict[str, tuple[str, ...]] = {}
    for name, atom in network.atoms.items():
        called = lowered.names[name]
        # The unfolds of a solver repeat their vectors under numbered names, but for the last
        # one's result, which is the state.
        stem = "" if type(atom) in heads else called.name.rstrip("0123456789")
        keys[name] = (called.layer, type(atom).__name__, stem)
    keys |= {name: (name,) for name in _TAILS}
    return [
        tuple(
            sorted(
                (n for n in keys if keys[n] == key), key=lambda n: (n in absent, n not in states)
            )
        )
        for key in dict.fromkeys(keys.values())
    ]


@dataclass(frozen=True)
class Ends:
    """The least and the greatest value [size] of a vector's elements by proof, one unit of each
    one's format, and the names of the formats."""

    lo: Reals
    hi: Reals
    unit: Reals
    formats: tuple[str, ...]


def ends(lowered: Lowered, name: str) -> Ends:
    """The ends and the formats of a vector of the model."""
    frac, bounds = np.array(lowered.model.fracs()[name]), lowered.bounds[name]
    lo, hi, unit = dequantise(bounds.lo, frac), dequantise(bounds.hi, frac), np.ldexp(1.0, -frac)
    step = next((step for step in lowered.model.steps if step.name == name), None)
    if step is None:  # an input or a state, as it came in
        return Ends(lo, hi, unit, tuple(q_name(f) for f in sorted({*frac.tolist()})))
    if form(step.op) == WIDE:
        n = step.size // 2
        lo, hi, unit = lo[:n], hi[:n], unit[n:]
    return Ends(lo, hi, unit, formats(step))


def lane_count(lowered: Lowered, network: Network) -> int:
    """The number of hybrid runs that `contributions` makes, for a bound on their cost."""
    return len(_PARTS) * len(_groups(lowered, network))


def contributions(
    lowered: Lowered,
    network: Network,
    inputs: tuple[Integers, Integers],
    h0: Reals,
    truth: Reals,
    used: Reals,
) -> list[Contribution]:
    """What each group of vectors adds in one run, the greatest first.

    network  the one that was lowered
    inputs   x [T, I] and dt [T], as the device receives them
    h0       [H] the state before the first step, in float64
    truth    [T, H + O] the states and outputs of the float network
    used     [H + O] the range that each of them uses
    """
    step = _HybridStep(lowered, network)
    h, worst = np.tile(h0, (step.lanes, 1)), np.zeros(step.lanes)
    for x, dt, expected in zip(*inputs, truth, strict=True):
        y, h = step(x, int(dt), h)
        error = np.abs(np.concatenate([h, y], axis=1) - expected) / used
        worst = np.maximum(worst, error.max(axis=1))
    tails = {"y": lowered.model.y[0].vector, "h_next": lowered.model.h_next[0].vector}
    found = [
        Contribution(
            tuple(tails[n] if n in tails else lowered.names[n].name for n in group),
            tuple(name for name in group if name in network.atoms),
            part,
            float(worst[len(_PARTS) * i + k]),
        )
        for i, group in enumerate(step.groups)
        for k, part in enumerate(_PARTS)
    ]
    return sorted(found, key=lambda one: -one.error)
