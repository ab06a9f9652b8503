"""The integers of a network and how far they are from it; finer ones where that is too far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.data.recording import Recording, load_recording
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.lower import Lowered, lower_with_proof
from elegans.exporter.lowering.unused_ranges import unused_ranges
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops import WIDE, Op, form
from elegans.exporter.ops.elapsed_gate import ElapsedGate
from elegans.exporter.ops.fused_step import FusedStep
from elegans.exporter.ops.gated_drive import GatedDrive
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.lstm_cell import LstmCell
from elegans.exporter.ops.wide_tanh import WideTanh
from elegans.exporter.oracles import golden_vectors
from elegans.exporter.oracles.free_run import (
    WARNED,
    FreeRunError,
    elapsed_times,
    float_run,
    measured,
)

_LASTING = 6.5e-4
"""The worst error of a million steps is up to half as much again as that of some thousands: above
this, it may pass 1e-3 (docs/cells.md)."""
_RARE = 4e-4
"""The worst error of the first runs above which rare ones may be far worse: of the cells of
docs/cells.md, CfC with gelu has 4.2e-4 in the first runs, and 1.2e-3 in one of 80 held pieces."""
_WORTH_IT = 0.9  # of the rms error: finer results cost instructions
_MAY_BE = 1.2  # of the worst error, of which one run in which the network amplifies may decide
_READERS = (ElapsedGate, FusedStep, GatedDrive, LstmCell)
"""What multiplies the result of a map in each step, or adds it up."""


@dataclass(frozen=True)
class Quantised:
    """The integers of a network, run beside it.

    runs   as `golden_vectors.free_runs` makes them
    truth  what float64 makes of the same inputs, y and h_next, by the source of the runs
    told   sentences about what was chosen because of the error
    known  errors of some of the runs, by their source
    """

    lowered: Lowered
    recording: Recording | None
    runs: golden_vectors.Runs
    truth: dict[str, tuple[Reals, Reals]]
    told: tuple[str, ...] = ()
    known: Mapping[str, FreeRunError] = field(default_factory=dict)

    @property
    def model(self) -> Model:
        """The fixed-point model."""
        return self.lowered.model

    @cached_property
    def golden(self) -> dict[str, NDArray[Any]]:
        """The arrays of `vectors.npz`."""
        return golden_vectors.golden(self.model, self.runs)

    @cached_property
    def errors(self) -> list[FreeRunError]:
        """The errors of all runs, by their source."""
        network = self.lowered.network
        return [
            self.known.get(name) or measured(name, self.model, network, self.truth[name], run)
            for name, (*_, run) in self.runs.items()
        ]

    @property
    def by_source(self) -> dict[str, FreeRunError]:
        """The same by their source."""
        return {error.source: error for error in self.errors}

    @property
    def worst(self) -> FreeRunError:
        """The greatest of the errors."""
        return max(self.errors, key=lambda error: error.worst)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen because of the error, and that it may be above 1e-3 in longer runs."""
        worst = self.worst
        if not _LASTING < worst.worst <= WARNED:
            return self.told
        may = (
            f"{worst.name} is up to {worst.worst:.1e} of its used range away from float; the worst "
            f"of a million steps is up to half as much again, and may pass {WARNED:g}: try "
            "elegans compare on a long recording"
        )
        return (*self.told, may)


def quantised(
    network: Network,
    bits: int,
    recording: Path | None,
    progress: Callable[[str], None],
    given: Callable[[], Lowered] | None = None,
) -> Quantised:
    """The integers of a network with weights of so many bits; those that `given` makes, if it is
    given.

    Where they are so far away that a long run may pass 1e-3, maps whose results something
    multiplies in each step get results of 32 bits, if these lower the error.
    """
    lowered = given() if given is not None else lower_with_proof(network, bits)
    plain = _run(network, lowered, recording, progress)
    if given is None and bits == 16 and plain.worst.worst > WARNED:
        plain = _with_wide_results(network, plain, recording, progress)
    multiplied = any(isinstance(step.op, _READERS) for step in plain.model.steps)
    fixed = given is not None or bits < 16
    if fixed or plain.worst.worst <= _LASTING or not multiplied or plain.told:
        return plain
    try:
        finer = lower_with_proof(network, bits, finer=True)
    except ElegansError:  # a sum that is too wide for 32 bits
        return plain
    wide = [s.name for s in finer.model.steps if _finer(s.op)]
    if not wide:
        return plain
    progress("trying finer results")
    found = _run_again(network, finer, recording, plain)
    before, after = (max(error.rms for error in q.errors) for q in (plain, found))
    if after > _WORTH_IT * before or found.worst.worst > _MAY_BE * plain.worst.worst:
        return plain
    told = (
        f"{', '.join(wide)} have or read 32 bits: with 16 the worst error was "
        f"{plain.worst.worst:.1e}, and the rms error {before / after:.2g} times as great"
    )
    return replace(found, told=(told,), known=found.by_source)


def _finer(op: Op) -> bool:
    """Whether an op is one of those that `lower_with_proof` takes if results are to be finer."""
    return isinstance(op, WideTanh) or (isinstance(op, Linear) and form(op) == WIDE)


def _with_wide_results(
    network: Network, plain: Quantised, recording: Path | None, progress: Callable[[str], None]
) -> Quantised:
    """With results of 32 bits where general arithmetic leaves bits of 16 unused, if that helps."""
    source, model, lowered = plain.worst.source, plain.model, plain.lowered
    x, dt, _ = plain.runs[source]
    _, h_next = plain.truth[source]
    before = np.concatenate([np.zeros_like(h_next[:1]), h_next[:-1]])
    given = to_real(x, model.inputs), elapsed_times(dt, model), before
    results = unused_ranges(lowered.network, lowered.formats.spans, *given)
    if not results:
        return plain
    progress("trying results of 32 bits")
    try:
        wide = lower_with_proof(network, results=results)
    except ElegansError:  # what is too wide for 32 bits stays as it is
        return plain
    found = _run_again(network, wide, recording, plain)
    before_, after = (max(error.rms for error in q.errors) for q in (plain, found))
    if after > _WORTH_IT * before_ or found.worst.worst > _MAY_BE * plain.worst.worst:
        return plain
    names = ", ".join(lowered.names[name].name for name in lowered.network.atoms if name in results)
    told = (
        f"results of {names} have 32 bits: with 16 the worst error was {plain.worst.worst:.1e}, "
        f"and the rms error {before_ / after:.2g} times as great"
    )
    return replace(found, told=(told,), known=found.by_source)


def _run(
    network: Network, lowered: Lowered, path: Path | None, progress: Callable[[str], None]
) -> Quantised:
    """A network run beside its float64."""
    model = lowered.model
    recording = None if path is None else load_recording(path, model)
    progress("computing golden vectors")
    runs = golden_vectors.free_runs(model, recording)
    progress("comparing with the float network")
    found = Quantised(lowered, recording, runs, _truth(model, network, runs))
    if found.worst.worst <= _RARE:
        return found
    more = golden_vectors.more_runs(model)
    truth = found.truth | _truth(model, network, more)
    return Quantised(lowered, recording, runs | more, truth, known=found.by_source)


def _run_again(
    network: Network, lowered: Lowered, path: Path | None, plain: Quantised
) -> Quantised:
    """Other integers of a network on the inputs of the plain ones, beside the same float64."""
    model, before = lowered.model, plain.model
    if (model.inputs, model.dt) != (before.inputs, before.dt):
        return _run(network, lowered, path, lambda _: None)
    first = {name: run for name, run in plain.runs.items() if name in golden_vectors.FIRST}
    runs = golden_vectors.same_runs(model, first)
    found = Quantised(lowered, plain.recording, runs, {name: plain.truth[name] for name in runs})
    if found.worst.worst <= _RARE:
        return found
    more = {name: run for name, run in plain.runs.items() if name not in runs}
    runs |= golden_vectors.same_runs(model, more)
    return Quantised(lowered, plain.recording, runs, plain.truth, known=found.by_source)


def _truth(
    model: Model, network: Network, runs: golden_vectors.Runs
) -> dict[str, tuple[Reals, Reals]]:
    return {name: float_run(model, network, x, dt) for name, (x, dt, _) in runs.items()}
