"""Wirings without layers: all to all, or random, drawn in the order of ncps 1.0.1.

The same arguments and seed give the same synapses as there. Motor neurons come last in the
state; ncps numbers them first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.trainer.wiring.ncp import Polarity, Wiring


@dataclass(frozen=True)
class FullyConnected:
    """ncps' FullyConnected, before the number of inputs is known: see `fully_connected`."""

    units: int
    output_dim: int | None = None
    erev_init_seed: int = 1111
    self_connections: bool = True

    def build(self, inputs: int) -> Wiring:
        """Draw the polarities for `inputs` sensory neurons."""
        seed, own = self.erev_init_seed, self.self_connections
        return fully_connected(inputs, self.units, self.output_dim, seed, own)


@dataclass(frozen=True)
class Random:
    """ncps' Random, before the number of inputs is known: see `random_wiring`."""

    units: int
    output_dim: int | None = None
    sparsity_level: float = 0.0
    random_seed: int = 1111

    def build(self, inputs: int) -> Wiring:
        """Draw the synapses for `inputs` sensory neurons."""
        sparsity, seed = self.sparsity_level, self.random_seed
        return random_wiring(inputs, self.units, self.output_dim, sparsity, seed)


def fully_connected(
    inputs: int,
    units: int,
    outputs: int | None = None,
    seed: int = 1111,
    self_connections: bool = True,
) -> Wiring:
    """ncps' FullyConnected: every input and every neuron feeds every neuron, itself included
    unless `self_connections` is False.

    The last `outputs` neurons are read out (default: all). A synapse inhibits with
    probability 1/3. Raises ElegansError for sizes below 1 or more outputs than units.
    """
    _check(inputs, units, outputs)
    random = np.random.default_rng(seed)
    pairs = [(s, t) for s in range(units) for t in range(units) if s != t or self_connections]
    inner = _drawn(random, pairs, (units, units))
    sensory = [(s, t) for s in range(inputs) for t in range(units)]
    return _wiring(_drawn(random, sensory, (inputs, units)), inner, outputs)


def random_wiring(
    inputs: int, units: int, outputs: int | None = None, sparsity: float = 0.5, seed: int = 1111
) -> Wiring:
    """ncps' Random: a share of 1 - sparsity of all synapses, each pair equally likely.

    Otherwise as `fully_connected`; sparsity is in [0, 1). Raises ElegansError as it does.
    """
    _check(inputs, units, outputs)
    if not 0.0 <= sparsity < 1.0:
        raise ElegansError("wiring", f"sparsity is {sparsity}", "give 0 to below 1")
    random = np.random.default_rng(seed)
    drawn = []
    for sources, twice in ((units, False), (inputs, True)):
        every = [(s, t) for s in range(sources) for t in range(units)]
        count = int(np.round(sources * units * (1 - sparsity)))
        chosen = [(int(s), int(t)) for s, t in random.choice(every, size=count, replace=False)]
        drawn.append(_drawn(random, chosen, (sources, units), twice=twice))
    return _wiring(drawn[1], drawn[0], outputs)


def _drawn(
    random: np.random.Generator,
    synapses: list[tuple[int, int]],
    shape: tuple[int, int],
    twice: bool = False,
) -> Polarity:
    """Draw the polarity of each of `synapses`, in their order, into a matrix of `shape`.

    twice  draw each again and keep the second, as ncps does for random sensory synapses
    """
    matrix = np.zeros(shape, np.int32)
    for source, target in synapses:
        for _ in range(1 + twice):
            matrix[source, target] = random.choice([-1, 1, 1])
    return matrix


def _wiring(sensory: Polarity, inner: Polarity, outputs: int | None) -> Wiring:
    """Matrices in ncps' order, motor neurons first -> a `Wiring`, motor neurons last."""
    units = len(inner)
    motors = outputs or units
    order = [*range(motors, units), *range(motors)]
    layers = (
        (("motor", motors),) if motors == units else (("inter", units - motors), ("motor", motors))
    )
    return Wiring(layers, sensory[:, order], inner[np.ix_(order, order)])


def _check(inputs: int, units: int, outputs: int | None) -> None:
    if inputs < 1 or units < 1 or not 1 <= (outputs or units) <= units:
        raise ElegansError(
            "wiring",
            f"{inputs} inputs, {units} units, {outputs} outputs",
            "give 1 or more of each, and no more outputs than units",
        )
