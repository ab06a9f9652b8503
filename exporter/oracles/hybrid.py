"""Hybrid runs: float64 everywhere but in one group of vectors, which deviates as the integers do.

The error of a free run is the sum of what all vectors add, each carried on by the network. A
hybrid run lets one group of vectors deviate and nothing else, so its error is what this group
causes. A vector's deviation is taken from its own steps: integers and float64 compute it from the
same numbers, so that what came in with its inputs counts where it arose. It has two parts:
weights as integers but no rounding of results, and the rounding and saturation of results.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elegans.exporter.ir.affine import affine_value, read
from elegans.exporter.ir.fixed_model import Argument, Step, Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import Lowered
from elegans.exporter.numbers.fixed import Integers, Reals, dequantise, q_name, quantise
from elegans.exporter.oracles.free_run import elapsed_times, reals

WEIGHTS, ROUNDING = "weights", "rounding"
_PARTS = (WEIGHTS, ROUNDING)

Vectors = dict[str, Reals]


@dataclass(frozen=True)
class Contribution:
    """What one group of vectors alone adds to the error.

    vectors  the vectors of the model, such as the potentials of all unfolds of a layer; a state
             is the first
    atoms    the same in the real network; none for a result that is only brought to its format
    formats  of the steps that compute the first of them, each once
    part     `WEIGHTS` or `ROUNDING`
    error    the worst of a hybrid run, as a fraction of the range that a state or output uses
    """

    vectors: tuple[str, ...]
    atoms: tuple[str, ...]
    formats: tuple[str, ...]
    part: str
    error: float


@dataclass(frozen=True, eq=False)
class _Stage:
    """How the model computes one vector of the network.

    steps   in the order of the model
    reads   the vectors of the network that are read, by their names in the model
    result  the windows that make up the vector
    exact   the vector in float64, from the network's vectors
    """

    steps: tuple[Step, ...]
    reads: dict[str, str]
    result: Argument
    exact: Callable[[Vectors], Reals]


class _Hybrid:
    """The stages of a model, and the groups that they are in."""

    def __init__(self, lowered: Lowered, network: Network) -> None:
        self.model, self.bounds, self.network = lowered.model, lowered.bounds, network
        self._fracs = {name: np.array(f) for name, f in lowered.model.fracs().items() if f}
        self._order = {step.name: i for i, step in enumerate(self.model.steps)}
        self._atoms = {called.name: atom for atom, called in lowered.names.items()}
        self.stages: dict[str, _Stage] = {}
        keys: dict[str, tuple[str, ...]] = {}
        states = {w.vector for w in network.h_next}
        heads = {type(network.atoms[name]).__name__ for name in states if name in network.atoms}
        for name, atom in network.atoms.items():
            called = lowered.names[name]
            if called.name in self._order:
                whole = Window(called.name, 0, atom.size)
                self.stages[name] = self._stage((whole,), atom.value)
                # The unfolds of a solver repeat their vectors under numbered names, but for the
                # last one's result, which is the state.
                kind = type(atom).__name__
                stem = "" if kind in heads else called.name.rstrip("0123456789")
                keys[name] = (called.layer, kind, stem)
        for tail, windows, exact in (
            ("h_next", self.model.h_next, self._next_state),
            ("y", self.model.y, lambda v: affine_value(network.y, v)),
        ):
            if any(w.vector not in self._atoms and w.vector in self._order for w in windows):
                self.stages[tail] = self._stage(windows, exact)
                keys[tail] = (tail,)
        self.groups: list[tuple[str, ...]] = [
            tuple(sorted((n for n in keys if keys[n] == key), key=lambda n: n not in states))
            for key in dict.fromkeys(keys.values())
        ]
        self._lanes = {n: [2 * i, 2 * i + 1] for i, group in enumerate(self.groups) for n in group}

    def _next_state(self, vectors: Vectors) -> Reals:
        return np.concatenate([read(w, vectors) for w in self.network.h_next], axis=1)

    def _stage(self, result: Argument, exact: Callable[[Vectors], Reals]) -> _Stage:
        """The steps between the vectors of the network and this result."""
        reads: dict[str, str] = {}
        found: dict[str, Step] = {}
        whole = len(result) == 1 and self._atoms.get(result[0].vector) is not None
        pending = [(w.vector, whole) for w in result]
        while pending:
            name, own = pending.pop()
            if name in ("x", "dt", "h"):
                reads[name] = name
            elif name in self._atoms and not own:
                reads[name] = self._atoms[name]
            elif name not in found:
                found[name] = self.model.steps[self._order[name]]
                pending += [(w.vector, False) for part in found[name].inputs for w in part]
        steps = tuple(sorted(found.values(), key=lambda step: self._order[step.name]))
        return _Stage(steps, reads, result, exact)

    def formats(self, name: str) -> tuple[str, ...]:
        """The formats of the steps that compute a vector, the coarsest first."""
        steps = self.stages[name].steps
        return tuple(q_name(f) for f in sorted({f for step in steps for f in step.frac}))

    def moved(self, name: str, value: Reals, vectors: Vectors, given: dict[str, Integers]) -> Reals:
        """The value [lanes, size] of a vector; in the two lanes of its group with its deviation.

        vectors  of the network, those that are known so far, each [lanes, ...]
        given    x [2, I] and dt [2, 1], as the device receives them
        """
        if name not in self.stages:
            return value
        lanes = self._lanes[name]
        result = np.array(value)
        own = {n: v[lanes] for n, v in vectors.items()}
        result[lanes] += self._deviation(self.stages[name], own, given)
        return result

    def _deviation(self, stage: _Stage, vectors: Vectors, given: dict[str, Integers]) -> Reals:
        """The deviation [2, size] of a stage, its weights' part for row 0 of the vectors and its
        rounding's for row 1."""
        integers: dict[str, Integers] = {}
        known = dict(vectors)
        for name, real in stage.reads.items():
            if name in ("x", "dt"):
                integers[name] = given[name]
                continue
            lo, hi = self._ends(name)
            integers[name] = np.clip(quantise(vectors[real], self._fracs[name]), lo, hi)
            known[real] = dequantise(integers[name], self._fracs[name])
        found = dict(integers)
        smooth = {name: np.asarray(v, np.float64) for name, v in integers.items()}
        for step in stage.steps:
            found[step.name] = step.op.integer(*(_argument(a, found) for a in step.inputs))
            smooth[step.name] = step.op.real(*(_argument(a, smooth) for a in step.inputs))
        fracs = np.concatenate([self._fracs[w.vector][w.lo : w.hi] for w in stage.result])
        unrounded = np.ldexp(1.0, -fracs) * _argument(stage.result, smooth)
        rounded = dequantise(_argument(stage.result, found), fracs)
        parts = unrounded[0] - stage.exact(known)[0], (rounded - unrounded)[1]
        return np.nan_to_num(np.stack(parts))

    def _ends(self, name: str) -> tuple[Integers, Integers]:
        if name == "h":
            states = self.model.states
            return np.array([c.lo for c in states]), np.array([c.hi for c in states])
        return self.bounds[name].lo, self.bounds[name].hi


def _argument(argument: Argument, vectors: dict[str, Reals] | dict[str, Integers]) -> Reals:
    return np.concatenate([vectors[w.vector][..., w.lo : w.hi] for w in argument], axis=-1)


def group_count(lowered: Lowered, network: Network) -> int:
    """The number of hybrid runs that `contributions` makes, for a bound on their cost."""
    return len(_PARTS) * len(_Hybrid(lowered, network).groups)


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
    hybrid = _Hybrid(lowered, network)
    model = lowered.model
    lanes = len(_PARTS) * len(hybrid.groups)
    x, dt = inputs
    real_x, elapsed = reals(x, model.inputs), elapsed_times(dt, model)
    h, worst = np.tile(h0, (lanes, 1)), np.zeros(lanes)
    for t in range(len(x)):
        vectors = {"x": np.tile(real_x[t], (lanes, 1)), "h": h}
        vectors["dt"] = np.full((lanes, 1), elapsed[t])
        given = {"x": np.tile(x[t], (2, 1)), "dt": np.full((2, 1), dt[t])}
        for name, atom in network.atoms.items():
            vectors[name] = hybrid.moved(name, atom.value(vectors), vectors, given)
        after = np.concatenate([read(w, vectors) for w in network.h_next], axis=1)
        y = hybrid.moved("y", affine_value(network.y, vectors), vectors, given)
        h = hybrid.moved("h_next", after, vectors, given)
        error = np.abs(np.concatenate([h, y], axis=1) - truth[t]) / used
        worst = np.maximum(worst, error.max(axis=1))
    found = [
        Contribution(
            tuple(hybrid.stages[name].result[0].vector for name in group),
            tuple(name for name in group if name in network.atoms),
            hybrid.formats(group[0]),
            part,
            float(worst[2 * i + k]),
        )
        for i, group in enumerate(hybrid.groups)
        for k, part in enumerate(_PARTS)
    ]
    return sorted(found, key=lambda one: -one.error)
