"""Which vector is to blame for an error against float.

Only for an error above 1e-3, because it costs some seconds: hybrid runs over the steps before the
worst one find the group of vectors that adds most; `causes` says what is wrong with these vectors.
Two float64 runs side by side tell whether the network amplifies whatever is added.
"""

from __future__ import annotations

import numpy as np

from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import Lowered
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.oracles.blame import causes, hybrid
from elegans.exporter.oracles.blame.blame import Blame
from elegans.exporter.oracles.free_run import (
    WARNED,
    FreeRunError,
    doubling_time,
    elapsed_times,
    greatest_growth,
    growth,
    relative_errors,
    used_ranges,
)
from elegans.exporter.oracles.reference import multiplications

_STEPS = 32  # before the worst one
_MOST_PRODUCTS = 1 << 23  # weights times steps times hybrid runs; large networks take fewer steps
_GROWS = 4.0  # times; a difference that grows less in a run costs two bits at most


def find_blame(
    lowered: Lowered,
    network: Network,
    runs: causes.Runs,
    truth: tuple[Reals, Reals],
    error: FreeRunError,
    weight_bits: int,
) -> Blame | None:
    """What is to blame for the worst error; None if it is not above 1e-3.

    network  the one that was lowered
    runs     as `golden_vectors.free_runs` makes them
    truth    what `free_run.float_run` makes of the run of the worst error
    error    the worst of `free_run_error`, of one of these runs
    """
    if error.worst <= WARNED:
        return None
    model = lowered.model
    x, dt, found = runs[error.source]
    real = to_real(x, model.inputs), elapsed_times(dt, model)
    y, h_next = truth
    errors = relative_errors(model, network, (y, h_next), found)
    worst, run, _ = np.unravel_index(errors.argmax(), errors.shape)
    exact = np.concatenate([h_next, y], axis=-1)
    used = used_ranges(exact, (*model.states, *model.outputs))
    work = max(multiplications(model), model.products, 1) * hybrid.lane_count(lowered, network)
    steps = int(np.clip(_MOST_PRODUCTS // work, 2 if model.products else 8, _STEPS))
    window = slice(max(int(worst) + 1 - steps, 0), int(worst) + 1)
    h0 = h_next[window.start - 1, run] if window.start else np.zeros(len(model.states))
    given = x[window, run], dt[window, run]
    first = hybrid.contributions(lowered, network, given, h0, exact[window, run], used)[0]
    before = np.concatenate([np.zeros_like(h_next[:1]), h_next[:-1]])
    vectors = real_network.step(
        network, real[0][window, run], real[1][window, run][:, None], before[window, run]
    )[2]
    facts = causes.Facts(lowered, network, vectors, first, weight_bits)
    cause, help_ = causes.cause(facts, runs, error, y, h_next[: window.stop, run], used)
    used = used[: len(model.states)]
    doubling = doubling_time(network, real, (before, h_next), used)
    here = np.s_[: int(worst) + 1, run : run + 1]
    logs = growth(network, (real[0][here], real[1][here]), (before[here], h_next[here]), used)
    most = greatest_growth(logs[:, 0])
    return Blame(
        first.vectors[0], first.error, cause, help_, doubling, most if most >= _GROWS else None
    )
