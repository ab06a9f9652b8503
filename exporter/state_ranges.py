"""Ranges of states that no theorem bounds: an LSTM's cell, an affine form that may grow.

Such a state saturates. Its range is the one that the user declares; that of an LSTM's cell is
proved where the gates allow it, and taken from what float runs show, times a margin, where they do
not. No range is ever taken silently: the report and the terminal name where it is from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from elegans.exporter.atoms.gates.lstm_cell import WIDEST_CELL, LstmCellGate
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.ir import real_network
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.interface import Range, StateRange
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.vector_names import vector_names
from elegans.exporter.lowering.bounds import network_bounds
from elegans.exporter.numbers.fixed import Reals

Given = Sequence[tuple[str | None, Range]]
"""(name, (lo, hi)) of states; a name of None stands for all that nothing bounds."""
RECORDED_MARGIN, RANDOM_MARGIN = 2.0, 4.0
"""What a range that a float run shows is multiplied by, to be that of a cell."""
_RUNS, _STEPS, _SEED = 20, 500, 302  # of float64, with random inputs


@dataclass(frozen=True)
class Runs:
    """Inputs x [T, N, I] and elapsed times dt [T, N] of float runs, and the margin of what these
    show; `what` names them."""

    x: Reals
    dt: Reals
    margin: float
    what: str


def with_state_ranges(network: Network, given: Given, ports: dict[str, Window]) -> Network:
    """The network with the ranges of its states that the user declares.

    ports  the windows of h by the names of the graph's inputs

    What the user gives overrides what the file declares. Raises `ElegansError` for a name that no
    state has, and for a state that a theorem bounds.
    """
    found = _declared(network, given, ports, everything=False)
    if (given or network.interface.declared_states) and not _bounded(found):
        # What a theorem would bound, if it read nothing that grows, may be held as well.
        found = _declared(network, given, ports, everything=True)
    return found


def _bounded(network: Network) -> bool:
    try:
        network_bounds(network)
    except ElegansError:
        return False
    return True


def _declared(
    network: Network, given: Given, ports: dict[str, Window], everything: bool
) -> Network:
    """`with_state_ranges`; with `everything`, any state may saturate."""
    names = vector_names(network)
    windows: dict[str, list[slice]] = {}
    flags: list[bool] = []
    for window in network.h_next:
        if window.vector in names:
            own = slice(len(flags), len(flags) + window.size)
            windows.setdefault(names[window.vector].layer, []).append(own)
        flags += [everything or _saturates(network, window.vector)] * window.size
    windows |= {name: [slice(w.lo, w.hi)] for name, w in ports.items()}
    declared: list[StateRange | None] = [None] * len(flags)
    of_file = [
        ("the model's range of state", *entry) for entry in network.interface.declared_states
    ]
    for option, name, ends in (*of_file, *(("--state-range", *entry) for entry in given)):
        place = option if name is None else f"{option} {name}"
        wrong = WrongUseError if option == "--state-range" else ElegansError
        if name is not None and name not in windows:
            known = f"{', '.join(sorted(windows)):.200}"
            raise wrong(place, "names no state", f"take one of {known}")
        found = StateRange(ends, "declared; it saturates there")
        for own in [slice(None)] if name is None else windows[name]:
            if not any(flags[own]) and _bounded(network):
                fact = "is of a state that a theorem bounds, so it never saturates"
                raise wrong(place, fact, "leave it out")
            pairs = zip(declared[own], flags[own], strict=True)
            declared[own] = [found if open_ended else known for known, open_ended in pairs]
    interface = replace(network.interface, states=tuple(declared))
    return replace(network, interface=interface)


def require_maps(network: Network, given: Given) -> None:
    """Raises `ElegansError` if ranges are given of outputs that are vectors of the network as they
    are: such an output has the format of its state, which no range of an output makes finer."""
    if given and network.y.windows() is not None:
        raise WrongUseError(
            f"--output-range {given[0][0] or ''}".rstrip(),
            "the outputs are states of the network, or vectors of it, as they are",
            "leave it out: they have the formats that these have",
        )


def with_shown_ranges(network: Network, runs: Runs | None) -> tuple[Network, list[str]]:
    """The network with ranges of those cells that are neither declared nor proved.

    runs     float runs that show ranges; random ones are made where there are none
    returns  the network, and a sentence for each range that a run has shown
    """
    declared = list(network.interface.states or [None] * sum(w.size for w in network.h_next))
    cells = []
    start = 0
    for window in network.h_next:
        own = slice(start, start + window.size)
        start += window.size
        if isinstance(network.atoms.get(window.vector), LstmCellGate) and None in declared[own]:
            cells.append((window.vector, own))
    tried = replace(network, interface=replace(network.interface, states=tuple(declared)))
    unproved = [(vector, own) for vector, own in cells if not _proved(tried, own)]
    if not unproved:
        return network, []
    runs = runs or _random_runs(network)
    _, h = real_network.run(network, runs.x, runs.dt)
    names, told = vector_names(network), []
    for vector, own in unproved:
        shown = float(np.abs(h[..., own]).max(initial=0.0))
        most = min(max(runs.margin * shown, 1.0), WIDEST_CELL)
        why = f"{runs.margin:g} times what {runs.what} shows ({shown:.3g}); it saturates there"
        declared[own] = [StateRange((-most, most), why)] * (own.stop - own.start)
        layer = names[vector].layer
        told.append(
            f"nothing bounds the cell {layer!r} within {WIDEST_CELL:g}; it saturates at "
            f"{most:.3g}, {runs.margin:g} times what {runs.what} shows ({shown:.3g}); declare "
            f"another range with --state-range {layer}=LO:HI"
        )
    interface = replace(network.interface, states=tuple(declared))
    return replace(network, interface=interface), told


def _saturates(network: Network, vector: str) -> bool:
    atom = network.atoms.get(vector)
    return atom is not None and atom.open_ended


def _proved(network: Network, own: slice) -> bool:
    """Whether the gates of a cell bound it within what its format has room for."""
    try:
        spans = network_bounds(network)
    except ElegansError:
        return False
    lo, hi = (end[own] for end in spans["h"])
    return bool(max(-lo.min(), hi.max()) <= WIDEST_CELL)


def _random_runs(network: Network) -> Runs:
    """Uniformly random inputs and times within their ranges."""
    rng = np.random.default_rng(_SEED)
    signals = network.interface.inputs
    lo, hi = (np.array([s.range[k] if s.range else 0.0 for s in signals]) for k in (0, 1))
    x = rng.uniform(lo, hi, (_STEPS, _RUNS, len(signals)))
    ends = network.interface.dt.range or (0.0, 0.0)
    return Runs(x, rng.uniform(*ends, (_STEPS, _RUNS)), RANDOM_MARGIN, "a random run")
