"""The free-running error: how far the integers are from the float network that was trained.

Both run on the same inputs, each on its own states, so that errors add up as they do on the chip.
The float network runs in float64. An error is given as a fraction of the range that its state
or output really uses in the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.oracles.in_parts import run_in_parts, worthwhile
from elegans.exporter.oracles.reference import Trajectory

WARNED = 1e-3
"""The error above which an export warns."""
REFUSED = 5e-2
"""The error above which an export is refused, unless the user accepts it."""
_BEGIN = 1500  # elements that NumPy computes in the time in which an atom begins, about
_GROWN = 1.0  # the logarithm of what a difference must grow by in a run to be told
_APART = 1e-7  # the distance of the two runs, as a fraction of the range that the states use
_MEASURED = 1000, 4  # steps and runs of the estimate, at most
_LEAST_USED = 2.0**-8
"""A state or output that hardly moves is measured against this part of its proved range."""


@dataclass(frozen=True)
class FreeRunError:
    """The error of one set of runs.

    source     what was run: "random", "held", "long" or "recording"
    steps      of all runs together
    worst      error of any state or output, as a fraction of the range that it uses
    rms        over all steps, states and outputs
    name       of the state or output with the worst error
    decisions  share of steps with the same greatest output; None if there is one output only
    """

    source: str
    steps: int
    worst: float
    rms: float
    name: str
    decisions: float | None


def free_run_error(
    source: str,
    model: Model,
    network: Network,
    runs: tuple[Integers, Integers, Trajectory],
) -> FreeRunError:
    """Compare runs of the model with the float network.

    runs  x [T, N, inputs] and dt [T, N], N runs of T steps from rest, and their results
    """
    x, dt, found = runs
    return measured(source, model, network, float_run(model, network, x, dt), found)


def float_run(model: Model, network: Network, x: Integers, dt: Integers) -> tuple[Reals, Reals]:
    """The outputs y [T, N, O] and states h_next [T, N, H] of the float network, run free from
    rest on what the device receives: x [T, N, inputs] and dt [T, N]."""
    real = to_real(x, model.inputs), elapsed_times(dt, model)
    size = sum(atom.size for atom in network.atoms.values()) * dt.shape[1]
    parts = worthwhile(len(dt), _BEGIN * len(network.atoms) // max(size, 1))
    if parts == 1:
        return real_network.run(network, *real)
    rest = np.zeros((dt.shape[1], len(model.states)))
    y, h = run_in_parts(
        lambda x, dt, h: real_network.step(network, x, dt[:, None], h)[:2], *real, rest, parts
    )
    return y, h[1:]


def measured(
    source: str, model: Model, network: Network, truth: tuple[Reals, Reals], found: Trajectory
) -> FreeRunError:
    """The error of runs of the model, as `relative_errors` takes them, in a few figures."""
    error = relative_errors(model, network, truth, found)
    y = truth[0]
    where = int(np.unravel_index(error.argmax(), error.shape)[-1])
    decisions = None
    if len(model.outputs) > 1:
        fixed = to_real(found.y, model.outputs)
        decisions = float(np.mean(fixed.argmax(-1) == y.argmax(-1)))
    return FreeRunError(
        source,
        int(np.prod(y.shape[:2])),
        float(error.max()),
        float(np.sqrt(np.mean(error**2))),
        (*model.states, *model.outputs)[where].name,
        decisions,
    )


def relative_errors(
    model: Model, network: Network, truth: tuple[Reals, Reals], found: Trajectory
) -> Reals:
    """Errors [T, N, states + outputs] of a run, as fractions of the range that each one uses.

    truth  the outputs y [T, N, O] and states h_next [T, N, H] of the float network

    A decision, as the index of the greatest element, is right or wrong, and how far indices are
    apart says nothing: where it differs, its error is the share of the steps in which it does.
    """
    y, h_next = truth
    exact = np.concatenate([h_next, y], axis=-1)
    result = np.concatenate(
        [to_real(found.h_next, model.states), to_real(found.y, model.outputs)], axis=-1
    )
    result -= exact
    np.abs(result, out=result)
    result /= used_ranges(exact, (*model.states, *model.outputs))
    wrong = decisions(network)
    if not wrong.any():
        return result
    wrong = wrong & (result > WARNED)
    return np.where(wrong, np.minimum(result, wrong.mean(axis=(0, 1))), result)


def decisions(network: Network) -> NDArray[np.bool_]:
    """Which of the states and outputs [H + O] are outputs that comparisons alone decide."""
    jumping, others = (np.zeros(network.y.size, np.bool_) for _ in range(2))
    for vector, matrix in network.y.terms.items():
        atom = network.atoms.get(vector)
        part = jumping if atom is not None and atom.jumps else others
        part |= np.diff(matrix.indptr) > 0
    states = np.zeros(sum(w.size for w in network.h_next), np.bool_)
    return np.concatenate([states, jumping & ~others])


def elapsed_times(dt: Integers, model: Model) -> Reals:
    """The real values of elapsed times; zeros where the sample period is a constant."""
    return model.dt.to_real(dt) if model.dt else np.zeros(dt.shape)


def used_ranges(truth: Reals, channels: tuple[Channel, ...]) -> Reals:
    """The range that each element of `truth` [T, N, size] uses, with zero in it."""
    lo, hi = truth.min(axis=(0, 1)), truth.max(axis=(0, 1))
    proved = np.array([c.range[1] - c.range[0] for c in channels])
    used = np.maximum(hi, 0.0) - np.minimum(lo, 0.0)
    # A constant output has a proved range of zero; what is left is a unit of its format.
    unit = np.ldexp(1.0, -_fracs(channels))
    least = np.maximum(proved * _LEAST_USED, unit)
    # A proof may reach a million times as far as anything goes; where the integers have no digits
    # for what occurs, that is an error.
    least = np.minimum(least, used.max(initial=0.0) * _LEAST_USED)
    found: Reals = np.where(used > 0.0, np.maximum(used, least), np.maximum(least, unit))
    return found


def _fracs(channels: tuple[Channel, ...]) -> Integers:
    return np.array([c.frac for c in channels])


def growth(
    network: Network, inputs: tuple[Reals, Reals], states: tuple[Reals, Reals], used: Reals
) -> Reals:
    """By how much the float network lets a small difference of two states grow in each step.

    Beside each run another one starts a little apart; after each step its distance is set back
    to what it was (Benettin et al., 1980). The result [T, N] has logarithms of the growth.

    inputs  x [T, N, I] and dt [T, N] in real numbers
    states  [T, N, H] before and after each step
    used    [H] the range that each state uses
    """
    (x, dt), (before, after) = inputs, states
    apart = np.random.default_rng(0).normal(size=before.shape[1:])
    logs = np.full(dt.shape, -np.inf)
    for t in range(len(x)):
        apart *= _APART / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-300)
        moved = real_network.step(network, x[t], dt[t][:, None], before[t] + apart * used)[1]
        apart = (moved - after[t]) / used
        with np.errstate(divide="ignore"):
            logs[t] = np.log(np.linalg.norm(apart, axis=1) / _APART)
    return logs


def doubling_time(
    network: Network, inputs: tuple[Reals, Reals], states: tuple[Reals, Reals], used: Reals
) -> float | None:
    """The steps in which a difference doubles, by the greatest Lyapunov exponent of the runs, which
    are as `growth` takes them."""
    first = np.s_[: _MEASURED[0], : _MEASURED[1]]
    x, dt, before, after = (a[first] for a in (*inputs, *states))
    logs = growth(network, (x, dt), (before, after), used)
    settled = logs[len(logs) // 4 :]  # until then the difference turns into the direction
    exponent = float(settled.mean())
    return float(np.log(2.0) / exponent) if exponent * len(settled) > _GROWN else None


def greatest_growth(logs: Reals) -> float:
    """The factor by which a difference grows at most within a run, of the logarithms [T] of the
    growth in each step."""
    reached = most = 0.0
    for log in logs:
        reached = max(reached + float(log), 0.0)
        most = max(most, reached)
    return float(np.exp(most))


def described(errors: Sequence[FreeRunError]) -> str:
    """The errors in one line, the recording's first."""
    parts = []
    for error in sorted(errors, key=lambda error: error.source != "recording"):
        same = "" if error.decisions is None else f", {error.decisions:.1%} of decisions equal"
        runs = f"{error.source}, {error.steps:,} steps{same}"
        parts.append(f"{error.worst:.1e} of the range that {error.name} uses ({runs})")
    return "worst error against float, free-running: " + "; ".join(parts)


def to_json(errors: Sequence[FreeRunError]) -> list[dict[str, Any]]:
    """The errors as plain data, with two significant digits: libm may round the last ones."""
    return [
        asdict(error) | {"worst": float(f"{error.worst:.1e}"), "rms": float(f"{error.rms:.1e}")}
        for error in errors
    ]


def remedy(weight_bits: int, network: Network) -> str:
    """What brings the integers nearer to float."""
    if weight_bits < 16:
        return "take --weights int16"
    fixed = network.interface.dt_fixed is not None
    ranges = "--input-range and --dt-range" if network.timed and not fixed else "--input-range"
    faster = ", and sample no faster than the network's time constants need"
    return f"declare no wider {ranges} than occur{faster if network.timed or fixed else ''}"
