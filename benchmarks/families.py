"""Relatives of the known cells (`benchmarks.family_cells` and others): papers, ports, ranges.

`FAMILIES` has what a table (`benchmarks.doors`) and the tests need of each: the module, its ports,
the ranges of its inputs, and where its states saturate if no theorem bounds them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from elegans.benchmarks import family_filters as filters
from elegans.benchmarks import family_gated as gated
from elegans.benchmarks import family_matrix as matrix
from elegans.benchmarks import family_state_space as space
from elegans.benchmarks import family_timed as timed
from elegans.benchmarks.family_cells import (
    GRUD,
    JANET,
    LEM,
    LIF,
    LMU,
    LRU,
    ODERNN,
    TLSTM,
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
from elegans.benchmarks.family_parts import INPUTS, UNITS
from elegans.benchmarks.torch_files import to_onnx
from elegans.exporter.export import Request
from elegans.exporter.oracles.free_run import REFUSED

_SEED = 302
_ERROR = re.compile(r"^  (\S+) +random +\[.*\] +(\S+) +\S+$", re.MULTILINE)


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
    also     the same of single layers, by name, where the paper says more of them
    accept   the error that is accepted: a spike that falls one step later is another output
    outputs  (lo, hi) where outputs saturate; None where they are proved
    jumps    the layer whose states jump from one end of their range to the other, as a phase does:
             where the float network's have jumped one step before, they say nothing of the error
    """

    make: Callable[[], nn.Module]
    paper: str
    states: int = UNITS
    timed: bool = False
    ranges: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)
    dt: tuple[float, float] = (0.01, 0.1)
    held: tuple[float, float] | None = None
    also: tuple[tuple[str, tuple[float, float]], ...] = ()
    inputs: int = INPUTS
    accept: float = REFUSED
    outputs: tuple[float, float] | None = None
    jumps: str = ""


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
    "LMU": Family(LMU, "Voelker et al., 2019, eq. 6-9", states=UNITS + 6),
    "LTC, explicit Euler": Family(
        lambda: ExplicitLTC(1), "Hasani et al., 2021, eq. 1", timed=True, held=(-2.0, 2.0)
    ),
    "LTC, Runge-Kutta": Family(
        lambda: ExplicitLTC(4), "Hasani et al., 2021, eq. 1", timed=True, held=(-2.0, 2.0)
    ),
    "LSTM with peepholes": Family(PeepholeLSTM, "Gers et al., 2002, eq. 1-6", states=2 * UNITS),
    "JANET": Family(JANET, "van der Westhuizen and Lasenby, 2018, eq. 4"),
    "LEM": Family(LEM, "Rusch et al., 2022, eq. 3", states=2 * UNITS, held=(-2.0, 2.0)),
    "coRNN": Family(CoRNN, "Rusch and Mishra, 2021, eq. 3", states=2 * UNITS),
    "antisymmetric RNN": Family(AntisymmetricRNN, "Chang et al., 2019, eq. 11", held=(-8.0, 8.0)),
    "Lipschitz RNN": Family(LipschitzRNN, "Erichson et al., 2021, eq. 4"),
    "LRU": Family(LRU, "Orvieto et al., 2023, eq. 3", states=2 * UNITS),
    "Mamba": Family(Mamba, "Gu and Dao, 2023, alg. 2", ranges=((-1.0, 1.0),), held=(-2.0, 2.0)),
    "LIF": Family(LIF, "Eshraghian et al., 2023, eq. 5", accept=1.0),
    "ODE-RNN": Family(ODERNN, "Rubanova et al., 2019, alg. 1", timed=True, held=(-2.0, 2.0)),
    "T-LSTM": Family(
        TLSTM, "Baytas et al., 2017, sec. 3", states=2 * UNITS, timed=True, held=(-4.0, 4.0)
    ),
    "GRU with LayerNorm and softmax": Family(NormalisedGRU, "Ba et al., 2016"),
    "CT-LSTM": Family(
        timed.ContinuousLSTM,
        "Mei and Eisner, 2017, eq. 5-7",
        states=4 * UNITS,
        timed=True,
        held=(-4.0, 4.0),
    ),
    "Phased LSTM": Family(
        timed.PhasedLSTM,
        "Neil et al., 2016, eq. 2-11",
        states=3 * UNITS,
        timed=True,
        held=(-4.0, 4.0),
        accept=2.0,
        jumps="layer2",
    ),
    "CT-GRU": Family(
        timed.ContinuousGRU,
        "Mozer et al., 2017, eq. 5-9",
        states=3 * UNITS,
        timed=True,
        ranges=((-1.0, 1.0),),
    ),
    "GRU-D, gaps as states": Family(
        timed.GapGRUD,
        "Che et al., 2018, eq. 2-10",
        states=UNITS + 6,
        timed=True,
        inputs=6,
        ranges=((-2.0, 2.0),) * 3 + ((0.0, 1.0),) * 3,
        dt=(0.005, 0.05),
        held=(-6.0, 6.0),
    ),
    "S4D": Family(
        space.S4D,
        "Gu et al., 2022, eq. 4 and 9",
        states=2 * UNITS,
        ranges=((-1.0, 1.0),),
        outputs=(-8.0, 8.0),
    ),
    "S4D, elapsed time": Family(
        lambda: space.S4D(None),
        "Gu et al., 2022, eq. 4 and 9",
        states=2 * UNITS,
        timed=True,
        ranges=((-1.0, 1.0),),
        dt=(0.05, 0.2),
        held=(-4.0, 4.0),
        outputs=(-4.0, 4.0),
    ),
    "S5": Family(
        space.S5,
        "Smith et al., 2023, eq. 2 and 6",
        states=2 * UNITS,
        timed=True,
        ranges=((-1.0, 1.0),),
        dt=(0.2, 0.5),
        held=(-1.0, 1.0),
        outputs=(-4.0, 4.0),
    ),
    "Liquid-S4": Family(
        space.LiquidS4,
        "Hasani et al., 2022, eq. 4",
        states=2 * UNITS,
        ranges=((-1.0, 1.0),),
        held=(-2.0, 2.0),
        outputs=(-2.0, 2.0),
    ),
    "minLSTM": Family(gated.MinLSTM, "Feng et al., 2024, app. B"),
    "LMU in full": Family(space.FullLMU, "Voelker et al., 2019, eq. 5-7", states=UNITS + 6),
    "HiPPO-LegS": Family(space.LegS, "Gu et al., 2020, eq. 3", held=(-8.0, 8.0)),
    "RG-LRU": Family(space.RGLRU, "De et al., 2024, eq. 1-4", held=(-8.0, 8.0)),
    "RetNet": Family(space.RetNet, "Sun et al., 2023, eq. 6", states=16),
    "UnICORNN": Family(
        gated.UnICORNN, "Rusch and Mishra, 2021b, eq. 4", states=2 * UNITS, held=(-8.0, 8.0)
    ),
    "STAR": Family(gated.STAR, "Turkoglu et al., 2019, eq. 6-8"),
    "SRU": Family(gated.SRU, "Lei et al., 2018, eq. 1-4"),
    "QRNN": Family(gated.QRNN, "Bradbury et al., 2017, eq. 1-4", states=UNITS + INPUTS),
    "MGU": Family(gated.MGU, "Zhou et al., 2016, eq. 10-12"),
    "Clockwork RNN": Family(gated.Clockwork, "Koutnik et al., 2014, sec. 3", states=UNITS + 1),
    "echo state network": Family(gated.Reservoir, "Jaeger et al., 2007, eq. 2", states=16),
    "CTRNN with delays": Family(
        timed.DelayedCTRNN, "Beer, 1995, eq. 1, delayed", states=4 * UNITS, timed=True
    ),
    "linear system, trapezoidal": Family(
        timed.Tustin, "Gu et al., 2022, eq. 3", timed=True, held=(-8.0, 8.0)
    ),
    "Wilson-Cowan": Family(
        timed.WilsonCowan, "Wilson and Cowan, 1972, eq. 1-2", states=2 * UNITS, timed=True
    ),
    "complementary filter": Family(
        timed.Attitude,
        "Mahony et al., 2008, sec. II",
        states=1,
        timed=True,
        inputs=3,
        ranges=((-2.0, 2.0), (-1.0, 1.0), (0.0, 1.0)),
    ),
    "adaptive LIF": Family(
        gated.AdaptiveLIF,
        "Bellec et al., 2018, eq. 1-2",
        states=3 * UNITS,
        held=(-8.0, 8.0),
        accept=1.0,
    ),
    "van der Pol": Family(
        timed.VanDerPol, "van der Pol, 1926, eq. 9", states=2 * UNITS, held=(-8.0, 8.0)
    ),
    "Izhikevich": Family(
        gated.Izhikevich,
        "Izhikevich, 2003, eq. 1-3",
        states=2 * UNITS,
        held=(-2.0, 2.0),
        accept=1.0,
    ),
    "sLSTM": Family(
        matrix.SLSTM,
        "Beck et al., 2024, eq. 8-18",
        states=4 * UNITS,
        held=(-16.0, 16.0),
        also=(("layer3", (-1.0, 1.0)),),
        outputs=(-2.0, 2.0),
    ),
    "mLSTM": Family(
        matrix.MLSTM,
        "Beck et al., 2024, eq. 19-27",
        states=21,
        held=(-16.0, 16.0),
        outputs=(-4.0, 4.0),
    ),
    "RWKV-4": Family(
        matrix.RWKV4,
        "Peng et al., 2023, eq. 16 and app. D",
        states=3 * UNITS + INPUTS,
        held=(-32.0, 32.0),
        outputs=(-4.0, 4.0),
    ),
    "DeltaNet": Family(
        matrix.DeltaNet,
        "Yang et al., 2024, eq. 7",
        states=16,
        held=(-8.0, 8.0),
        outputs=(-4.0, 4.0),
    ),
    "biquad filters": Family(
        filters.Biquads, "Oppenheim and Schafer, 2010, sec. 6.3.3", states=2 * INPUTS
    ),
    "Kalman filter, constant gain": Family(
        filters.Kalman, "Anderson and Moore, 1979, ch. 4", states=4, inputs=2
    ),
    "LinOSS": Family(filters.LinOSS, "Rusch and Rus, 2024, implicit steps", states=2 * UNITS),
}


def worst_error(name: str, build: Path) -> float:
    """The worst free-running error of an exported family, by the table of its report, without the
    states that jump."""
    jumps = FAMILIES[name].jumps
    rows = _ERROR.findall((build / "report.txt").read_text(encoding="utf-8"))
    return max(float(error) for signal, error in rows if not jumps or not signal.startswith(jumps))


def write(name: str, path: Path, dynamo: bool) -> Request:
    """Write a family's step by one of torch's two exporters; how it is to be exported."""
    family = FAMILIES[name]
    torch.manual_seed(_SEED)
    sizes = (family.inputs, family.states, *((1,) if family.timed else ()))
    example = tuple(torch.full((1, size), 0.05) for size in sizes)
    names = ["x", "h", "dt"][: len(example)]
    to_onnx(family.make(), example, path, dynamo, names, ["y", "h_next"])
    return Request(
        path,
        name="model",
        input_ranges=family.ranges,
        dt_range=family.dt if family.timed else None,
        state_ranges=(*(((None, family.held),) if family.held else ()), *family.also),
        output_ranges=((None, family.outputs),) if family.outputs else (),
        accept_error=family.accept,
    )
