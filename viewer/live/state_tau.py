"""The time constant of each state of a BUILD, step by step: for what watches a board live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.float_network import read_float_network
from elegans.exporter.frontend.import_graph import read_network
from elegans.exporter.ir import real_network
from elegans.exporter.numbers.fixed import Reals
from elegans.viewer.analysis.nodes import NEURON, find_nodes
from elegans.viewer.analysis.time_constants import time_constants

StateTau = Callable[[Reals, float, Reals], Reals]
"""x [I], dt, h [H] before the step, all real -> tau [H] in the unit of dt, NaN without one."""


def state_tau(build: Path) -> StateTau:
    """The function that computes them, by the formulas of `time_constants.FORMULAS`.

    Raises `ElegansError` for a folder that is no complete BUILD.
    """
    truth = read_float_network(read_build_folder(build))
    network, fixed = truth.network, truth.network.interface.dt_fixed
    if fixed is not None:
        network = read_network(truth.graph, replace(network.interface, dt_fixed=None))
    nodes = find_nodes(network)
    owner = np.full(sum(part.size for part in network.h_next), -1)
    for number, node in enumerate(nodes.nodes):
        if node.kind == NEURON:
            owner[list(node.states)] = number

    def tau(x: Reals, dt: float, h: Reals) -> Reals:
        elapsed = np.array([[dt if fixed is None else fixed]])
        vectors = real_network.step(network, x[None], elapsed, h[None])[2]
        found = time_constants(network, nodes, vectors).tau[0]
        return np.where(owner >= 0, found[owner], np.nan)

    return tau
