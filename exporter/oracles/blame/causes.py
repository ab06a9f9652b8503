"""What is wrong with the vectors that an error comes from, and what would help.

Each function is a sentence and its remedy, or None where it does not apply; the first one that does
is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.gates.fused_step import FusedStepGate
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import Lowered
from elegans.exporter.numbers.fixed import Integers, Reals, q_name
from elegans.exporter.ops import WIDE, form
from elegans.exporter.oracles.blame import hybrid
from elegans.exporter.oracles.free_run import REFUSED, WARNED, FreeRunError, elapsed_times, remedy
from elegans.exporter.oracles.range_hints import output_ranges, roomy, saturated
from elegans.exporter.oracles.reference import Trajectory

JUMPS = "it compares or rounds, and what lies next to a threshold may fall to either side"

_PART_USED = 1 / 8  # of a range; one that is used less is declared, or proved, too wide
_FEW_UNITS = 16.0  # of its format: a change or a gate this small has less than four digits
_SATURATED = 1e-2  # of a format's end: how far float is beyond it

_GATE = 2.0**-15  # a unit of it
_LEAST_OPEN = 4.0 / WARNED  # units; of fewer, one is a quarter of what is warned of or more

_PROVED = (
    "all that can be proved of {} is that it stays within {:.4g}; {:.2g} is its greatest value"
)
_DECLARE = "declare where it saturates, with room for what you do not see here"

Runs = Mapping[str, tuple[Integers, Integers, Trajectory]]


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of the vectors at fault.

    vectors  of the real network, [T, size] each, in the steps before the worst error
    """

    lowered: Lowered
    network: Network
    vectors: dict[str, Reals]
    guilty: hybrid.Contribution
    weight_bits: int

    @property
    def values(self) -> Reals | None:
        """The first vector [T, size] in float64; None if it is no vector of the real network."""
        return self.vectors[self.guilty.atoms[0]] if self.guilty.atoms else None


def cause(
    facts: Facts, runs: Runs, error: FreeRunError, y: Reals, h: Reals, used: Reals
) -> tuple[str, str]:
    """The cause of the worst error, and its remedy.

    y     [T, N, O] in float64, in the worst of the runs
    h     [T, H] the states until the worst step, in float64
    used  [H + O] the range that each state and output uses
    """
    states = facts.lowered.model.states
    return (
        (error.worst > REFUSED and saturated(states, h))
        or _of_outputs(facts, y, used[len(states) :])
        or _next_to_a_threshold(facts)
        or _input_too_wide(facts, runs)
        or _closed_synapses(facts)
        or _of_vector(facts)
    )


def _next_to_a_threshold(facts: Facts) -> tuple[str, str] | None:
    """A comparison: it is exact, of what is rounded."""
    if not any(facts.network.atoms[name].jumps for name in facts.guilty.atoms):
        return None
    return JUMPS, "judge what it counts or decides over many steps, as elegans compare does"


def _input_too_wide(facts: Facts, runs: Runs) -> tuple[str, str] | None:
    """The input, or elapsed time, of which these vectors' weights hold too wide a range."""
    model, atoms = facts.lowered.model, facts.network.atoms
    read = frozenset().union(*(atoms[name].vectors() for name in facts.guilty.atoms))
    x, dt, _ = runs.get("recording", next(iter(runs.values())))
    # The rate of a time gate is a vector between its weights and its result, rounded with that.
    fitting = facts.guilty.part == hybrid.WEIGHTS or "dt" in read
    if not fitting or "recording" not in runs:
        return None
    if "x" in read:
        shares = np.ptp(x, axis=(0, 1)) / [max(c.hi - c.lo, 1) for c in model.inputs]
        i = int(shares.argmin())
        if shares[i] < _PART_USED:
            channel = model.inputs[i]
            used = to_real(x, model.inputs)[..., i]
            return (
                f"its weights leave room for {channel.name} from {channel.range[0]:g} to "
                f"{channel.range[1]:g}, of which the recording uses {used.min():.4g} to "
                f"{used.max():.4g}",
                "declare what occurs with --input-range",
            )
    if "dt" in read and model.dt is not None and dt.max() < _PART_USED * model.dt.hi:
        return (
            f"it leaves room for times up to {model.dt.range[1]:g}, of which the recording uses "
            f"{elapsed_times(dt, model).max():.4g}",
            "declare what occurs with --dt-range",
        )
    return None


def _of_outputs(facts: Facts, y: Reals, used: Reals) -> tuple[str, str] | None:
    """The outputs that show slow states in 16 bits, or that are maps of their own, whose range
    nothing but their weights bounds.

    y     [T, N, O] in float64, in the worst of the runs
    used  [O] the range that each uses
    """
    model = facts.lowered.model
    if facts.guilty.vectors[0] != model.y[0].vector:
        return None
    if facts.network.y.windows() is not None:
        if facts.guilty.atoms:
            return None
        units = np.ptp(y, axis=(0, 1)) * np.exp2([c.frac for c in model.outputs])
        i = int(units.argmin())
        return (
            f"{model.outputs[i].name} shows the upper 16 bits of a state, which moves by "
            f"{units[i]:.2g} units of these",
            f"the state itself has 32 bits and is nearer to float: {model.name}_get_h reads it",
        )
    most = np.abs(y).max(axis=(0, 1))
    reach = np.array([np.abs(c.range).max() for c in model.outputs])
    beyond = [c.saturates and m > r for c, m, r in zip(model.outputs, most, reach, strict=True)]
    if any(beyond):
        i = beyond.index(True)
        name = model.outputs[i].name
        return (
            f"{name} saturates at {reach[i]:.4g}, and float reaches {most[i]:.4g}",
            f"declare a wider range of it with --output-range {name}=LO:HI",
        )
    wide = np.flatnonzero(np.maximum(used, most) < _PART_USED * reach)
    if not len(wide) or facts.guilty.part != hybrid.ROUNDING:
        return None
    i = int(wide[(most / reach)[wide].argmin()])
    return (
        _PROVED.format(model.outputs[i].name, reach[i], most[i]),
        f"{_DECLARE}: {output_ranges(model, wide, most)}",
    )


def _closed_synapses(facts: Facts) -> tuple[str, str] | None:
    """The neuron of an LTC without a leak of which all synapses are nearly closed, if its synapses
    or what sums them are at fault: its potential is the quotient of two small sums of gates."""
    atoms = facts.network.atoms
    rounded = facts.guilty.part == hybrid.ROUNDING
    for step in (a for a in atoms.values() if rounded and isinstance(a, FusedStepGate)):
        g = step.conductance.vector
        at_fault = g in atoms and {*facts.guilty.atoms} & {g, *atoms[g].vectors()}
        found = step.least_open(atoms, facts.vectors) if at_fault else None
        if found is not None and found[2] < _LEAST_OPEN * _GATE:
            i, conductance, share = found
            return (
                f"all synapses of neuron {i} are nearly closed: its conductance falls to "
                f"{conductance:.2g}, {share / _GATE:.2g} units of the gate of a synapse",
                "keep a leak while training: clip gleak to 0.1 and more after each update",
            )
    return None


def _of_vector(facts: Facts) -> tuple[str, str]:
    """The cause and the remedy that fit the kind of vector."""
    values, ends = facts.values, hybrid.ends(facts.lowered, facts.guilty.vectors[0])
    lo, hi, unit = ends.lo, ends.hi, ends.unit
    general = remedy(facts.weight_bits, facts.network)
    if values is not None and facts.guilty.part == hybrid.ROUNDING:
        layer = facts.lowered.names[facts.guilty.atoms[0]].layer
        heads = {w.vector for w in facts.network.h_next}
        of_state = facts.guilty.atoms[0] in heads
        beyond = np.maximum(values.max(axis=0) - hi, lo - values.min(axis=0))
        i = int(beyond.argmax())
        if beyond[i] > _SATURATED * max(abs(lo[i]), abs(hi[i])):
            end = values[np.abs(values[:, i]).argmax(), i]
            fact = f"element {i} saturates at {(hi if end > 0 else lo)[i]:.4g}"
            wider = f"declare a wider range of this state with --state-range {layer}=LO:HI"
            return f"{fact}, and float reaches {end:.4g}", wider if of_state else general
        atom = facts.network.atoms[facts.guilty.atoms[0]]
        if of_state and isinstance(atom, LinearMapActivation):
            most, reach = np.abs(values).max(), np.maximum(-lo, hi).max()
            if (end := roomy(most)) < reach:
                return (
                    _PROVED.format("it", reach, most),
                    f"{_DECLARE}: --state-range {layer}={-end:g}:{end:g}",
                )
        change = np.abs(np.diff(values, axis=0, prepend=values[:1])).sum(axis=0) / unit
        change /= max(len(values) - 1, 1)
        if heads & {*facts.guilty.atoms} and len(values) > 1 and change.min() < _FEW_UNITS:
            return (
                f"in one step it changes by {change.min():.2g} units of its format",
                "sample no faster than the network's time constants need, or unfold less often",
            )
        means = np.abs(values).mean(axis=0)
        digits = means / unit
        # What is below one unit in all steps together, as a gate that stays closed, is no cause.
        digits[digits * len(values) < 1.0] = np.inf
        i = int(digits.argmin())
        if atom.in_unit_interval and digits[i] < _FEW_UNITS:
            of_time = "dt" in atom.vectors() or facts.network.interface.dt_fixed is not None
            return (
                f"its values are near {means[i]:.1e}, {digits[i]:.2g} units of its format",
                "sample no faster than the network's time constants need" if of_time else general,
            )
        reach = np.maximum(np.abs(lo), np.abs(hi))
        part = float((np.abs(values).max(axis=0) / np.maximum(reach, unit)).max())
        if part < _PART_USED:
            fact = f"its format reaches {reach.max():.4g}, and {part:.1%} of that is used"
            return fact, f"{general}, or train with smaller weights"
    if facts.guilty.part == hybrid.WEIGHTS and facts.weight_bits < 16:
        return f"weights of {facts.weight_bits} bits", general
    formats = " and ".join(ends.formats)
    if facts.guilty.part == hybrid.WEIGHTS:
        return f"its weights are rounded so that its sums fit (the result is {formats})", general
    if halves := _upper_halves(facts):
        return f"what others read of it are its upper 16 bits, in {halves}", general
    return f"its results are rounded to {formats}", general


def _upper_halves(facts: Facts) -> str:
    """The formats in which others read a state of 32 bits; empty of all other vectors."""
    name, heads = facts.guilty.vectors[0], {w.vector for w in facts.network.h_next}
    step = next((s for s in facts.lowered.model.steps if s.name == name), None)
    if step is None or form(step.op) != WIDE or not heads & {*facts.guilty.atoms}:
        return ""
    return " and ".join(q_name(frac) for frac in sorted({*step.frac[: step.size // 2]}))
