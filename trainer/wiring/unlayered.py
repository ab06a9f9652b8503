"""Circuits without layers: all to all, or at random, drawn as ncps 1.0.1 draws them.

Neurons are in our order, motor neurons last; ncps numbers these first.
"""

from __future__ import annotations

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.trainer.wiring.ncp import Polarity, Wiring


def fully_connected(
    inputs: int, units: int, outputs: int | None = None, seed: int = 1111
) -> Wiring:
    """Every neuron feeds every neuron, itself too; a third of the synapses inhibits."""
    _check(inputs, units, outputs)
    random = np.random.default_rng(seed)
    inner = _drawn(random, [(s, t) for s in range(units) for t in range(units)], (units, units))
    senses = [(s, t) for s in range(inputs) for t in range(units)]
    return _wiring(_drawn(random, senses, (inputs, units)), inner, outputs)


def random_wiring(
    inputs: int, units: int, outputs: int | None = None, sparsity: float = 0.5, seed: int = 1111
) -> Wiring:
    """A share of 1 - sparsity of all synapses, each as likely as the other."""
    _check(inputs, units, outputs)
    if not 0.0 <= sparsity < 1.0:
        raise ElegansError("wiring", f"sparsity is {sparsity}", "give 0 to below 1")
    random = np.random.default_rng(seed)
    drawn = []
    for sources, redrawn in ((units, False), (inputs, True)):
        every = [(s, t) for s in range(sources) for t in range(units)]
        count = int(np.round(sources * units * (1 - sparsity)))
        chosen = [(int(s), int(t)) for s, t in random.choice(every, size=count, replace=False)]
        drawn.append(_drawn(random, chosen, (sources, units), twice=redrawn))
    return _wiring(drawn[1], drawn[0], outputs)


def _drawn(
    random: np.random.Generator,
    synapses: list[tuple[int, int]],
    shape: tuple[int, int],
    twice: bool = False,
) -> Polarity:
    """Polarities in the order of the synapses; ncps draws some of them a second time."""
    matrix = np.zeros(shape, np.int32)
    for source, target in synapses:
        for _ in range(1 + twice):
            matrix[source, target] = random.choice([-1, 1, 1])
    return matrix


def _wiring(sensory: Polarity, inner: Polarity, outputs: int | None) -> Wiring:
    units = len(inner)
    motors = outputs or units
    order = [*range(motors, units), *range(motors)]  # ncps' numbers, in our order
    layers = (
        (("motor", motors),) if motors == units else (("inter", units - motors), ("motor", motors))
    )
    return Wiring(layers, sensory[:, order], inner[np.ix_(order, order)])


def _check(inputs: int, units: int, outputs: int | None) -> None:
    if inputs < 1 or units < 1 or not 1 <= (outputs or units) <= units:
        raise ElegansError(
            "wiring", f"{inputs} inputs, {units} units, {outputs} outputs", "give 1 or more of each"
        )
