"""The error about states that nothing bounds: which, how far they get in runs, and what to type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir import real_network
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span
from elegans.exporter.ir.vector_names import vector_names
from elegans.exporter.numbers.fixed import Reals

_LANES, _HELD, _GROWN = 8, 300, 1.2  # runs, half of their steps, and what growth is
_ROOM = 4.0  # that a range which is shown to the user has beyond what the runs reach
_MOST_OPTIONS = 4  # for layers of their own; more are one range for all


def unbounded(
    network: Network, given: dict[str, Span], worst: int, growing: NDArray[np.bool_], far: float
) -> ElegansError:
    """The error, with the ranges that runs of the float network show.

    worst    the state that goes farthest
    growing  the states [H] whose intervals still grow
    far      the widest interval of a state that counts
    """
    early, late, least = _reached(network, given)
    ends = "--state-range LO:HI"
    if np.any(~np.isfinite(late) | (late > _GROWN * early), axis=0)[worst]:
        fact = "grows without bound, so no format holds it"
    else:
        fact = "could not be bounded: no interval was found that the step does not leave"
        most = np.maximum(early, late).max(axis=0)
        if 0.0 < most.max() < far:
            reach = f" (float runs of random inputs that hold reach {most.max():.2g})"
            ends = " ".join(_options(network, most, least, growing)) + reach
    return ElegansError(
        f"state {_name(network, worst)}",
        fact,
        f"declare where it saturates with {ends}; or use a cell whose state is "
        "bounded: CfC, LTC, CTRNN, GRU, LSTM or tanh; in CfC's pure mode with an unbounded "
        "backbone, let --dt-range start above zero",
    )


def _layers(network: Network) -> dict[str, NDArray[np.int64]]:
    """The states [n] of each layer, by its name in report.txt."""
    names, found, start = vector_names(network), dict[str, list[int]](), 0
    for window in network.h_next:
        layer = names[window.vector].layer if window.vector in names else window.vector
        found.setdefault(layer, []).extend(range(start, start + window.size))
        start += window.size
    return {layer: np.array(states) for layer, states in found.items()}


def _name(network: Network, state: int) -> str:
    layer, states = next((name, s) for name, s in _layers(network).items() if state in s)
    return f"{layer}[{list(states).index(state)}]"


def _options(network: Network, most: Reals, least: Reals, growing: NDArray[np.bool_]) -> list[str]:
    """A range for each layer that grows, from zero where no run goes below: a variance that may
    be negative, as far as intervals know, may not be what something is divided by."""
    layers = _layers(network)
    open_ended = {n: s for n, s in layers.items() if growing[s].any() and most[s].max() > 0.0}
    delays = {"x", "h"} & open_ended.keys()  # which have no layer that an option could name
    if len(layers) == 1 or delays or not 0 < len(open_ended) <= _MOST_OPTIONS:
        return [f"--state-range {_range(float(most.max()), -1.0)}"]
    return [
        f"--state-range {name}={_range(float(most[s].max()), float(least[s].min()))}"
        for name, s in open_ended.items()
    ]


def _range(most: float, least: float) -> str:
    end = 2.0 ** np.ceil(np.log2(_ROOM * most))
    return f"{-end if least < 0.0 else 0.0:g}:{end:g}"


@np.errstate(all="ignore")
def _reached(network: Network, given: dict[str, Span]) -> tuple[Reals, Reals, Reals]:
    """How far the states [runs, H] get in many steps of inputs that stay where they are: in the
    first half of the steps, and in the second, where what still grows does so without end; and
    the least value of each [H]."""
    rng = np.random.default_rng(0)
    x, dt = (
        rng.uniform(*given[name], (_LANES, len(given[name][0]))) if name in given else None
        for name in ("x", "dt")
    )
    assert x is not None
    x[:2] = given["x"]
    lanes = np.zeros((_LANES, 1)) if dt is None else dt
    everything = np.broadcast_to(x, (2 * _HELD, *x.shape))
    _, h = real_network.run(network, everything, np.broadcast_to(lanes[:, 0], (2 * _HELD, _LANES)))
    reach = np.nan_to_num(np.abs(h), nan=np.inf, posinf=np.inf)
    return reach[:_HELD].max(axis=0), reach[_HELD:].max(axis=0), np.fmin.reduce(h, axis=(0, 1))
