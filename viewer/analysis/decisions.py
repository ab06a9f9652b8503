"""A decision traced: through which synapses an output came about, and how much through each.

Let a straight line lead from a baseline to what really happened: all inputs of the last K steps
from their mean in the recording to their values, and the states before these steps from zero to
theirs; elapsed times are held. An output changes along this line by a total, y(end) - y(start).
By the chain rule the change passes through the synapses: at each point of the line a synapse
passes on (worth of the target for the output) * (slope of the target by the source) * (change of
the source), and its share is the integral of that along the line. These are integrated gradients
(Sundararajan et al., 2017) for the inputs and conductances (Dhamdhere et al., 2018) for the
neurons, through K steps. As much flows into a neuron as flows out of it, and all that flows in
from inputs and old states adds up to the total, up to the rule of integration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from elegans.exporter.ir.atom import Activation
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.viewer.analysis.nodes import Nodes
from elegans.viewer.analysis.owners import NOBODY
from elegans.viewer.analysis.slopes import Linearised, Term, is_quick, linearise

POINTS = 32
"""Points of the line, by Gauss and Legendre."""
# Points that are computed together: so many that the products with a matrix stay below the size
# from which OpenBLAS uses several threads. These are small, and threads would wait for each other.
_TOGETHER, _MOST_TOGETHER = 1 << 18, 1024


@dataclass(frozen=True, eq=False)
class Flows:
    """How an output came about at M moments.

    steps     how many steps the line covers, K
    total     [M] the change of the output from the baseline to what happened
    start     [M] the output at the baseline
    inputs    [M, I] the share of each input, over all K steps
    now       [M, I] the part of it that came in in the moment's own step
    memory    [M, nodes] the share of the states before these steps, by neuron
    edges     [E, 2] numbers of nodes: source, target
    flow      [M, E] what flows through each, over all K steps
    gradient  [M, I] what the output gains if an input gains one in all K steps, at the end of the
              line
    """

    steps: int
    total: Reals
    start: Reals
    inputs: Reals
    now: Reals
    memory: Reals
    edges: Integers
    flow: Reals
    gradient: Reals


def trace(
    network: Network,
    nodes: Nodes,
    window: tuple[Reals, Reals, Reals],
    rest: Reals,
    output: Integers,
) -> Flows:
    """Trace one output at each of M moments.

    window  x [M, K, I], dt [M, K], h [M, H] before the first of these steps
    rest    [I] the inputs of the baseline
    output  [M] which one
    """
    x, dt, h = window
    edges = _Edges(network, nodes)
    size = max(1, min(_TOGETHER // _widest(network), _MOST_TOGETHER) // (POINTS + 2))
    parts = [
        _traced(network, edges, x[s], dt[s], h[s], rest, output[s])
        for s in (np.s_[i : i + size] for i in range(0, len(x), size))
    ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Flows(steps=x.shape[1], edges=edges.pairs, **found)


def _widest(network: Network) -> int:
    """The elements of the largest matrix that is computed with as an array."""
    forms = [network.y]
    for atom in network.atoms.values():
        if isinstance(atom, Activation):
            forms += [atom.drive, *([] if atom.rate is None else [atom.rate])]
    matrices = [m for form in forms for m in form.terms.values()]
    return max((math.prod(m.shape) for m in matrices if is_quick(m)), default=1)


def _traced(
    network: Network, edges: _Edges, x: Reals, dt: Reals, h: Reals, rest: Reals, output: Integers
) -> dict[str, Reals]:
    moments, steps, inputs = x.shape
    at, weights = np.polynomial.legendre.leggauss(POINTS)
    at = np.concatenate([[0.0], 0.5 + 0.5 * at, [1.0]])  # both ends for the total alone
    weights = np.concatenate([[0.0], 0.5 * weights, [0.0]])
    points = len(at)
    along = np.tile(at, moments)[:, None]
    share = np.tile(weights, moments)[:, None]

    def spread(values: Reals) -> Reals:
        return np.repeat(values, points, axis=0)

    change_x = [spread(x[:, k] - rest) for k in range(steps)]
    change_h, runs = spread(h), list[Linearised]()
    state, tangents = along * spread(h), list[dict[str, Reals]]()
    for k in range(steps):
        one = linearise(network, rest + along * change_x[k], spread(dt[:, k : k + 1]), state)
        tangents.append(one.tangents(change_x[k], change_h))
        runs.append(one)
        state, change_h = one.vectors["h_next"], tangents[-1]["h_next"]
    picked = np.zeros((moments * points, network.y.size))
    picked[np.arange(moments * points), np.repeat(output, points)] = 1.0
    worth_h = np.zeros_like(state)
    flow = np.zeros((moments, len(edges.pairs)))
    by_input = np.zeros((steps, moments, inputs))
    gradient = np.zeros((moments, inputs))
    for k in reversed(range(steps)):
        last = k == steps - 1
        y = picked if last else np.zeros_like(picked)
        worth = runs[k].adjoints(y, worth_h)
        flow += edges.flows(runs[k], tangents[k], worth, share, moments, y if last else None)
        shared = share * worth["x"] * change_x[k]
        by_input[k] = shared.reshape(moments, points, inputs).sum(axis=1)
        gradient += worth["x"].reshape(moments, points, inputs)[:, -1]
        worth_h = worth["h"]
    memory = (share * worth_h * tangents[0]["h"]).reshape(moments, points, -1).sum(axis=1)
    of_output = np.take_along_axis(
        runs[-1].vectors["y"].reshape(moments, points, -1), output[:, None, None], axis=2
    )[:, :, 0]
    return {
        "total": of_output[:, -1] - of_output[:, 0],
        "start": of_output[:, 0],
        "inputs": by_input.sum(axis=0),
        "now": by_input[-1],
        "memory": edges.by_neuron(memory),
        "flow": flow,
        "gradient": gradient,
    }


class _Edges:
    """The pairs of nodes that a step joins, and where each entry of a term belongs."""

    def __init__(self, network: Network, nodes: Nodes) -> None:
        self._nodes = nodes
        self._network = network
        self._of_term: dict[tuple[str, int], tuple[Integers, Integers, Any, Integers]] = {}
        keys: dict[tuple[int, int], int] = {}
        probe = linearise(
            network,
            np.zeros((1, len(network.interface.inputs))),
            np.ones((1, 1)),
            np.zeros((1, sum(w.size for w in network.h_next))),
        )
        for name, terms in [*probe.terms.items(), ("y", probe.read_out())]:
            for number, term in enumerate(terms):
                self._add(name, number, term, keys)
        self.pairs = np.array(list(keys), np.int64).reshape(-1, 2)

    def _add(self, name: str, number: int, term: Term, keys: dict[tuple[int, int], int]) -> None:
        source = self._nodes.node_of.get(term.vector)
        if source is None:
            return
        target = self._nodes.target_of(name)
        if term.matrix is None:
            rows = np.arange(len(target))
            columns = rows if term.hi - term.lo == len(rows) else np.zeros(len(rows), np.int64)
            values: Any = None
        else:
            entries = sparse.coo_array(term.matrix)
            rows, columns, values = entries.row, entries.col, entries.data
        pairs = list(zip(source[columns + term.lo].tolist(), target[rows].tolist(), strict=True))
        kept = np.array([NOBODY not in pair for pair in pairs], bool)
        ids = np.array(
            [keys.setdefault(p, len(keys)) for p, k in zip(pairs, kept, strict=True) if k], np.int64
        )
        values = None if values is None else values[kept]
        self._of_term[name, number] = rows[kept], columns[kept], values, ids

    def flows(
        self,
        run: Linearised,
        tangents: dict[str, Reals],
        worth: dict[str, Reals],
        share: Reals,
        moments: int,
        y: Reals | None,
    ) -> Reals:
        """[M, E] what flows through each pair in one step; `y` is what the outputs are worth."""
        total = np.zeros((moments, len(self.pairs)))
        named = list(run.terms.items()) + ([] if y is None else [("y", run.read_out())])
        for name, terms in named:
            adjoint = y if name == "y" and y is not None else worth[name]
            for number, term in enumerate(terms):
                found = self._of_term.get((name, number))
                if found is None:
                    continue
                rows, columns, values, ids = found
                left = (share * adjoint * term.slope).reshape(moments, len(share) // moments, -1)
                right = tangents[term.vector][:, term.lo : term.hi]
                right = right.reshape(moments, len(share) // moments, -1)
                if values is None:
                    each = (left[:, :, rows] * right[:, :, columns]).sum(axis=1)
                else:
                    each = (left.swapaxes(1, 2) @ right)[:, rows, columns] * values
                for m in range(moments):
                    total[m] += np.bincount(ids, each[m], len(self.pairs))
        return total

    def by_neuron(self, states: Reals) -> Reals:
        """[M, nodes] from shares [M, H] of the states."""
        total = np.zeros((len(states), len(self._nodes.nodes)))
        np.add.at(total.T, self._nodes.node_of["h"], states.T)
        return total
