"""Where the nodes of a circuit are drawn: each layer in an order that crosses few synapses."""

from __future__ import annotations

import numpy as np

from elegans.viewer.analysis.circuit import Circuit

_SWEEPS = 6
_MOST_ORDERED = 120  # nodes; larger circuits cross everywhere


def placed(circuit: Circuit) -> list[list[int]]:
    """The nodes of each layer in the order of their drawing: by the barycentre of their
    neighbours in other layers, weighted by strength, in a few sweeps (Sugiyama et al., 1981)."""
    rows = [list(members) for _, members in circuit.layers]
    if sum(map(len, rows)) > _MOST_ORDERED:
        return rows
    weights: dict[int, list[tuple[int, float]]] = {}
    layer_of = {i: k for k, members in enumerate(rows) for i in members}
    for s in circuit.synapses:
        if layer_of[s.source] != layer_of[s.target]:
            weights.setdefault(s.source, []).append((s.target, s.strength))
            weights.setdefault(s.target, []).append((s.source, s.strength))
    at = {i: (k + 0.5) / len(row) for row in rows for k, i in enumerate(row)}
    for sweep in range(_SWEEPS):
        inner = range(1, len(rows))  # sensors stay in their own order
        for number in inner if sweep % 2 == 0 else reversed(inner):
            row = rows[number]
            middle = {i: _barycentre(i, weights, at) for i in row}
            row.sort(key=lambda i: (middle[i], i))
            at |= {i: (k + 0.5) / len(row) for k, i in enumerate(row)}
    return rows


def _barycentre(
    node: int, weights: dict[int, list[tuple[int, float]]], at: dict[int, float]
) -> float:
    near = weights.get(node)
    if not near:
        return at[node]
    total = sum(w for _, w in near)
    mean = sum(at[i] * w for i, w in near) / total if total else at[node]
    return float(np.round(mean, 9))
