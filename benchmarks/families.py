"""Relatives of the known cells (`benchmarks.family_cells`): papers, ports, ranges.

`FAMILIES` has what a table (`benchmarks.doors`) and the tests need of each: the module, its ports,
the ranges of its inputs, and where its states saturate if no theorem bounds them.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from elegans.benchmarks.family_cells import (
    GRUD,
    INPUTS,
    JANET,
    LEM,
    LIF,
    LMU,
    LRU,
    ODERNN,
    TLSTM,
    UNITS,
    AntisymmetricRNN,
    CoRNN,
    ExplicitLTC,
    FastGRNN,
    LipschitzRNN,
    Mamba,
    MinGRU,
    NormalisedGRU,
    PeepholeLSTM,
)
from elegans.exporter.export import Request
from elegans.exporter.oracles.free_run import REFUSED

_SEED = 302


@dataclass(frozen=True)
class Family:
    """A cell, and how it is exported.

    make     the module: x [1, I], h [1, H] and, if `timed`, dt [1, 1] -> y, h_next
    paper    where its equations are
    states   the number of states
    timed    whether it takes elapsed time, or a fixed time that is part of the module
    ranges   (lo, hi) of each input, one for all of them if there is one only
    dt       (lo, hi) of elapsed time
    held     (lo, hi) where states saturate; None where they are proved
    accept   the error that is accepted: a spike that falls one step later is another output
    """

    make: Callable[[], nn.Module]
    paper: str
    states: int = UNITS
    timed: bool = False
    ranges: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)
    dt: tuple[float, float] = (0.01, 0.1)
    held: tuple[float, float] | None = None
    inputs: int = INPUTS
    accept: float = REFUSED


FAMILIES: dict[str, Family] = {
    "FastGRNN": Family(FastGRNN, "Kusupati et al., 2018, eq. 3", held=(-2.0, 2.0)),
    "GRU-D": Family(
        GRUD,
        "Che et al., 2018, eq. 4-10",
        states=UNITS + 3,
        inputs=9,
        ranges=((-2.0, 2.0),) * 3 + ((0.0, 1.0),) * 3 + ((0.0, 4.0),) * 3,
        held=(-2.0, 2.0),
    ),
    "minGRU": Family(MinGRU, "Feng et al., 2024, app. B"),
    "LMU": Family(LMU, "Voelker et al., 2019, eq. 6-9", states=UNITS + 6, held=(-4.0, 4.0)),
    "LTC, explicit Euler": Family(
        lambda: ExplicitLTC(1), "Hasani et al., 2021, eq. 1", timed=True, held=(-2.0, 2.0)
    ),
    "LTC, Runge-Kutta": Family(
        lambda: ExplicitLTC(4), "Hasani et al., 2021, eq. 1", timed=True, held=(-2.0, 2.0)
    ),
    "LSTM with peepholes": Family(PeepholeLSTM, "Gers et al., 2002, eq. 1-6", states=2 * UNITS),
    "JANET": Family(JANET, "van der Westhuizen and Lasenby, 2018, eq. 4"),
    "LEM": Family(LEM, "Rusch et al., 2022, eq. 3", states=2 * UNITS, held=(-2.0, 2.0)),
    "coRNN": Family(CoRNN, "Rusch and Mishra, 2021, eq. 3", states=2 * UNITS, held=(-4.0, 4.0)),
    "antisymmetric RNN": Family(AntisymmetricRNN, "Chang et al., 2019, eq. 11", held=(-8.0, 8.0)),
    "Lipschitz RNN": Family(LipschitzRNN, "Erichson et al., 2021, eq. 4", held=(-4.0, 4.0)),
    "LRU": Family(LRU, "Orvieto et al., 2023, eq. 3", states=2 * UNITS, held=(-16.0, 16.0)),
    "Mamba": Family(Mamba, "Gu and Dao, 2023, alg. 2", ranges=((-1.0, 1.0),), held=(-2.0, 2.0)),
    "LIF": Family(LIF, "Eshraghian et al., 2023, eq. 5", accept=1.0),
    "ODE-RNN": Family(ODERNN, "Rubanova et al., 2019, alg. 1", timed=True, held=(-2.0, 2.0)),
    "T-LSTM": Family(
        TLSTM, "Baytas et al., 2017, sec. 3", states=2 * UNITS, timed=True, held=(-4.0, 4.0)
    ),
    "GRU with LayerNorm and softmax": Family(NormalisedGRU, "Ba et al., 2016"),
}


def write(name: str, path: Path, dynamo: bool) -> Request:
    """Write a family's step by one of torch's two exporters; how it is to be exported."""
    family = FAMILIES[name]
    torch.manual_seed(_SEED)
    module = family.make().eval()
    sizes = (family.inputs, family.states, *((1,) if family.timed else ()))
    example = tuple(torch.full((1, size), 0.05) for size in sizes)
    names = ["x", "h", "dt"][: len(example)]
    more = {"external_data": False} if dynamo else {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            example,
            str(path),
            input_names=names,
            output_names=["y", "h_next"],
            dynamo=dynamo,
            **more,
        )
    return Request(
        path,
        name="model",
        input_ranges=family.ranges,
        dt_range=family.dt if family.timed else None,
        state_ranges=((None, family.held),) if family.held else (),
        accept_error=family.accept,
    )
