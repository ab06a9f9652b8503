"""How far the integers of a cell are from float64: at every time scale, and after a million steps.

Both run free on the same inputs. `benchmarks.cells` puts the figures into docs/cells.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from elegans.benchmarks.cell_times import own_time, with_spread_times
from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.declared import with_output_ranges, with_ranges
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.interface import Range
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.free_run import (
    elapsed_times,
    float_run,
    free_run_error,
    relative_errors,
)
from elegans.exporter.oracles.reference import Trajectory
from elegans.exporter.quantised import quantised
from elegans.exporter.state_ranges import with_shown_ranges
from elegans.trainer import export_onnx
from elegans.trainer.networks.recurrent import Recurrent

RATIOS = ("1e-6", "1e-3", "1")
"""Fixed sample periods, as parts of the cell's time constant."""
_SEED = 302
_DECADES = 6.0
_RUNS, _STEPS, _HELD = 4, 2000, 100  # of the runs whose inputs are held
_PIECES, _LENGTH, _WINDOW = 1000, 1000, 10_000  # of the million steps


@dataclass(frozen=True)
class Setting:
    """The inputs' range and that of the elapsed times, s, for which a network was trained, and
    the range at which its outputs saturate."""

    inputs: Range
    dt: Range
    outputs: Range | None = None


@dataclass(frozen=True)
class Accuracy:
    """Errors of one cell, None where the cell has no time constants.

    periods  with the sample periods `RATIOS`
    spread   with time constants over six decades
    million  in each 10,000 of a million steps
    """

    periods: tuple[float | None, ...]
    spread: float | None
    million: Reals


def free_error(source: Path, setting: Setting, bits: int = 16, steps: int = 1000) -> float:
    """The largest error of a state or output, of the range that it uses, over irregular steps."""
    network, model = _read(source, setting.inputs, setting.dt, None, bits, setting.outputs)
    x, dt = _random(model, steps, 1)
    found = reference.run(model, x, dt)
    return free_run_error("random", model, network, (x, dt, found)).worst


def accuracy(
    net: Recurrent,
    untrained: Recurrent,
    setting: Setting,
    batch: tuple[Tensor, Tensor],
    folder: Path,
) -> Accuracy:
    """All figures of a cell.

    net        runs a million steps
    untrained  runs at every time scale: its time constants are close to each other, while training
               may make one of them a millionth of the rest
    batch      inputs [N, T, I] and times [N, T] that show the rates of a CfC
    """
    source = export_onnx(untrained, net.input_size, folder / "net.onnx")
    tau = own_time(untrained, *batch)
    periods: list[float | None] = [None] * len(RATIOS)
    if tau is not None:
        periods = [_held_error(source, setting, float(ratio) * tau) for ratio in RATIOS]
    spread = None
    other = with_spread_times(untrained, _DECADES)
    if other is not None:
        path = export_onnx(other, net.input_size, folder / "spread.onnx")
        spread = _held_error(path, setting)
    source = export_onnx(net, net.input_size, folder / "trained.onnx")
    return Accuracy(tuple(periods), spread, _million(source, setting, folder / "long"))


def _read(
    source: Path,
    inputs: Range,
    dt_range: Range | None,
    dt: float | None,
    bits: int = 16,
    outputs: Range | None = None,
) -> tuple[Network, Model]:
    """The float network of a file, and the integers that an export chooses."""
    graph = open_graph(source)
    interface = with_ranges(read_interface(graph, "net"), [inputs], dt_range, dt)
    if outputs is not None:
        interface = with_output_ranges(interface, [(None, outputs)])
    network, _ = with_shown_ranges(read_network(graph, interface), None)
    return network, quantised(network, bits, None, lambda stage: None).model


def _random(model: Model, steps: int, runs: int, held: int = 1) -> tuple[Integers, Integers]:
    """Inputs [T, N, I], each held for some steps, and irregular times [T, N]."""
    random = np.random.default_rng(_SEED)
    ends = [c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs]
    x = random.integers(*ends, (steps // held, runs, len(model.inputs))).repeat(held, axis=0)
    if model.dt is None:
        return x, np.zeros(x.shape[:2], np.int64)
    return x, random.integers(model.dt.lo, model.dt.hi + 1, x.shape[:2])


def _held_error(source: Path, setting: Setting, dt: float | None = None) -> float:
    """The largest error of a state, of the range that the states of its layer use.

    The inputs are held. dt is the fixed sample period; None for irregular times.
    """
    network, model = _read(source, setting.inputs, None if dt else setting.dt, dt)
    x, times = _random(model, _STEPS, _RUNS, _HELD)
    fixed = to_real(reference.run(model, x, times).h_next, model.states)
    _, exact = float_run(model, network, x, times)
    worst, at = 0.0, 0
    for window in network.h_next:
        own = slice(at, at := at + window.size)
        used = max(exact[..., own].max(), 0.0) - min(exact[..., own].min(), 0.0)
        worst = max(worst, float(np.abs(fixed - exact)[..., own].max() / used))
    return worst


def _million(source: Path, setting: Setting, folder: Path) -> Reals:
    """The largest error of a state or output in each 10,000 of a million irregular steps, of the
    range that it uses there. The integers are those of the generated C."""
    network, _ = _read(source, setting.inputs, setting.dt, None)
    model = export(Request(source, "net", (setting.inputs,), setting.dt), folder)
    x, dt = _random(model, _PIECES * _LENGTH, 1)
    y, h = HostModel.compile(folder).run(x[:, 0], dt[:, 0])
    exact = _long_run(network, to_real(x[:, 0], model.inputs), elapsed_times(dt[:, 0], model))
    worst = []
    for start in range(0, len(x), _WINDOW):
        own = slice(start, start + _WINDOW)
        truth = exact[0][own, None], exact[1][own, None]
        # Only the states after each step are compared.
        found = Trajectory(y[own, None], h[own, None], h[own, None])
        worst.append(float(relative_errors(model, network, truth, found).max()))
    return np.array(worst)


def _long_run(network: Network, x: Reals, dt: Reals) -> tuple[Reals, Reals]:
    """One free run from rest: x [T, I], dt [T] -> y [T, O], h_next [T, H].

    All pieces of it run side by side, first from rest. Then each begins where the piece before
    it has ended, until every piece begins where it began: this is the one run, because the
    first piece begins at rest.
    """
    pieces = x.reshape(_PIECES, _LENGTH, -1).swapaxes(0, 1), dt.reshape(_PIECES, _LENGTH).T
    begin = np.zeros((_PIECES, sum(w.size for w in network.h_next)))
    for _ in range(_PIECES):
        y, h = real_network.run(network, *pieces, begin)
        ended = np.concatenate([np.zeros_like(begin[:1]), h[-1, :-1]])
        if np.abs(ended - begin).max() <= 1e-12:
            break
        begin = ended
    y, h = (part.swapaxes(0, 1).reshape(len(x), -1) for part in (y, h))
    return y, h
