"""The range report: what quantisation costs, vector by vector.

For each vector it gives the range, the format and the error that its own step adds. The error is
measured where it arises: the step and the real network compute the vector from the same numbers.
So errors of its inputs do not count again, but rounding, saturation and the rounding of weights
in this step do. States come first, each with its bound and the reason why it always holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.ir.builder import VectorName
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Model, Step, formats, walk
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.vector_names import pixel_runs
from elegans.exporter.lowering.lower import Lowered
from elegans.exporter.numbers.fixed import Integers, Reals, Value, dequantise, q_name
from elegans.exporter.ops import RELATIVE, WIDE, form
from elegans.exporter.oracles.blame.blame import Blame
from elegans.exporter.oracles.free_run import FreeRunError
from elegans.exporter.oracles.reference import elements

_ROWS = 500  # golden vectors that the errors are measured on; fewer of large networks
_MOST_ELEMENTS = 1 << 23  # of all vectors of the model in these rows


@dataclass(frozen=True)
class Row:
    """One vector of the model.

    name         the step that computes it
    formats      the formats of its elements, each once
    range        of its values, as proved
    headroom     bits of int16 that the proved range never uses
    worst, rms   of the error that the step adds, in the vector's own unit
    """

    name: str
    formats: tuple[str, ...]
    range: tuple[float, float]
    headroom: int
    worst: float
    rms: float


def rows(lowered: Lowered, network: Network, vectors: dict[str, NDArray[np.generic]]) -> list[Row]:
    """A row for every step of the model; errors are measured on golden vectors.

    network  the one that was lowered
    vectors  as `golden_vectors.golden` makes them
    """
    model, bounds = lowered.model, lowered.bounds
    most = max(min(_ROWS, _MOST_ELEMENTS // max(elements(model), 1)), 1)
    every = max(1, len(vectors["x"]) // most)
    given = {k: vectors[k][::every].astype(np.int64) for k in ("x", "h")}
    given["dt"] = vectors["dt"][::every].astype(np.int64)[:, None]
    errors: dict[str, Reals] = {}
    fracs = {name: np.array(f) for name, f in model.fracs().items() if f}
    forms = {step.name: form(step.op) for step in model.steps}

    def apply(step: Step, args: list[Value]) -> Value:
        found = step.op.integer(*args)
        exact = step.op.real(*(np.asarray(a, np.float64) for a in args))
        if forms[step.name] != RELATIVE:
            units = _joined(exact) if isinstance(exact, tuple) else exact
            error = dequantise(
                _joined(found) if isinstance(found, tuple) else found, fracs[step.name]
            )
            error = error - units * np.ldexp(1.0, -fracs[step.name])
            errors[step.name] = _added(error) if forms[step.name] == WIDE else error
        return found

    _, _, integers = walk(model, given, _joined, apply)
    values = {name: dequantise(v, fracs[name]) for name, v in integers.items() if name in fracs}
    for name, kind in forms.items():
        if kind == WIDE:
            values[name] = _added(values[name])
    known = values | {"x": _real_inputs(model, given["x"])}
    known["h"] = dequantise(given["h"], np.array([c.frac for c in model.states]))
    if model.dt is not None:
        known["dt"] = dequantise(np.clip(given["dt"], model.dt.lo, model.dt.hi), model.dt.frac)
    errors |= _against_the_network(network, lowered.names, known)
    table = []
    for step in model.steps:
        if forms[step.name] == RELATIVE:
            table.append(Row(step.name, (RELATIVE,), (0.0, 1.0), 0, 0.0, 0.0))
            continue
        wide = forms[step.name] == WIDE
        upper = bounds[step.name][: step.size // 2] if wide else bounds[step.name]
        scale = np.ldexp(1.0, -fracs[step.name][: len(upper.lo)])
        lo, hi = upper.lo * scale, upper.hi * scale
        reach = max(int(upper.reach().max()), 1)
        error = np.nan_to_num(errors[step.name])
        table.append(
            Row(
                step.name,
                formats(step),
                (float(lo.min()), float(hi.max())),
                max(15 - reach.bit_length(), 0),
                float(np.abs(error).max()),
                float(np.sqrt(np.mean(error**2))),
            )
        )
    return table


def _joined(parts: Sequence[Value]) -> Value:
    return np.concatenate(parts, axis=-1)


def _added(halves: Reals) -> Reals:
    """The values [N, n] of 32-bit integers from those of their halves [N, 2 n]."""
    n = halves.shape[-1] // 2
    result: Reals = halves[..., :n] + halves[..., n:]
    return result


def _real_inputs(model: Model, x: Integers) -> Reals:
    """The inputs that the float network takes, from what comes in from outside."""
    ends = [(c.lo, c.hi) for c in model.inputs]
    return to_real(np.clip(x, *np.array(ends).T), model.inputs)


def _against_the_network(
    network: Network, called: dict[str, VectorName], values: dict[str, Reals]
) -> dict[str, Reals]:
    """The error of each atom's vector, with the rounding of its weights; by the step's name."""
    names = {name: layer.name for name, layer in called.items()}
    known = {name: values[made] for name, made in names.items() if made in values}
    known |= {"x": values["x"], "h": values["h"]}
    if "dt" in values:
        known["dt"] = values["dt"]
    for name, atom in network.atoms.items():
        if name not in known:  # it is a part of the step that reads it
            known[name] = atom.value(known)
    return {
        names[name]: known[name] - atom.value(known)
        for name, atom in network.atoms.items()
        if names[name] in values
    }


def text(
    model: Model,
    network: Network,
    table: list[Row],
    errors: Sequence[FreeRunError],
    blame: Blame | None = None,
    each: Sequence[str] = (),
) -> str:
    """The text of `report.txt`; `each` is the table of the errors of each state and output."""
    lines = [
        f"{model.name}: model {model.digest}",
        "",
        "Inputs, clamped to their ranges",
        "",
    ]
    for channel, *more in pixel_runs(model.inputs):
        name = f"{channel.name} to {more[-1].name}" if more else channel.name
        lo, hi = channel.range
        counts = f"{channel.lo} to {channel.hi} for" if channel.scale != 1 else "in"
        ends = f"{counts} [{lo:.6g}, {hi:.6g}] {channel.shown_unit}".rstrip()
        lines.append(f"  {name:<16} {channel.format:<26} {ends}")
    lines += ["", "States, for any inputs and any number of steps", ""]
    for name, lo, hi, q, why in _states(model, network):
        lines.append(f"  {name:<16} {q:<8} in [{lo:.5g}, {hi:.5g}]  {why}")
    lines += _saturating_outputs(model)
    lines += ["", "Free runs against the float network, as fractions of the range used", ""]
    head = ("runs", "steps", "worst", "where", "rms", "decisions equal")
    lines.append("  {:<16} {:>8} {:>9}  {:<16} {:>9}  {}".format(*head))
    for error in errors:
        same = "" if error.decisions is None else f"{error.decisions:.2%}"
        lines.append(
            f"  {error.source:<16} {error.steps:>8,} {error.worst:>9.1e}  {error.name:<16} "
            f"{error.rms:>9.1e}  {same}".rstrip()
        )
    if blame is not None:
        lines += ["", f"  {blame.sentence}", *(f"  {help_}" for help_ in blame.remedies)]
    lines += each
    lines += ["", "Vectors, and the error that each one adds (in its own unit)", ""]
    head = ("vector", "format", "range", "headroom", "worst", "rms")
    lines.append("  {:<26} {:<18} {:<24} {:>8} {:>9} {:>9}".format(*head))
    for row in table:
        span = f"[{row.range[0]:.5g}, {row.range[1]:.5g}]"
        names = " ".join(row.formats)
        lines.append(
            f"  {row.name:<26} {names:<18} {span:<24} {row.headroom:>3} bits "
            f"{row.worst:>9.1e} {row.rms:>9.1e}"
        )
    return "\n".join(lines) + "\n"


def _saturating_outputs(model: Model) -> list[str]:
    """The outputs that may be beyond their declared ranges, where they saturate."""
    found = [c for c in model.outputs if c.saturates]
    head = ["", "Outputs that saturate where they are declared to", ""] if found else []
    return head + [
        f"  {c.name:<16} {c.format:<8} in [{c.range[0]:.5g}, {c.range[1]:.5g}]" for c in found
    ]


def _states(model: Model, network: Network) -> list[tuple[str, float, float, str, str]]:
    """(name, lo, hi, format, reason) of each run of neighbouring states that are alike."""
    found: list[tuple[str, float, float, str, str]] = []
    reasons = [_reason(network, w.vector) for w in network.h_next for _ in range(w.size)]
    for i, declared in enumerate(network.interface.states):
        if declared is not None and model.states[i].saturates:
            reasons[i] = declared.why
    start = 0
    for i, channel in enumerate(model.states):
        last = i + 1 == len(model.states)
        q = q_name(channel.frac, channel.bits)
        this = (channel.range, channel.frac, reasons[i], channel.name.split("[")[0])
        following = None if last else model.states[i + 1]
        if following and this == (
            following.range,
            following.frac,
            reasons[i + 1],
            following.name.split("[")[0],
        ):
            continue
        first = model.states[start].name
        name = first if start == i else f"{first[:-1]}..{channel.name.split('[')[1]}"
        found.append((name, *channel.range, q, reasons[i]))
        start = i + 1
    return found


def _reason(network: Network, vector: str) -> str:
    atom = network.atoms.get(vector)
    return "an input, as it came in" if atom is None else atom.reason
