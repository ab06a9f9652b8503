"""Training speed on a CPU: one update's forward and backward, beside ncps and torch.

python -m benchmarks.train_speed [--json] [--long]

A batch of 32 sequences of 64 samples, 8 inputs, 32 neurons, one thread. Every network runs a few
times in a row in each round, and its fastest run counts, in CPU time: what else the machine does
slows single runs. The dense CfC is compared with the time that torch's product of large matrices
takes for as many multiplications.
`--long` trains on 32 recordings of 100,000 steps, in a process of its own, and prints its peak of
memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import click
import ncps.torch
import ncps.wirings
import torch
from torch import Tensor, nn

from elegans.trainer import CTRNN, LTC, AutoNCP, CfC, kernels_in_use, truncated
from elegans.trainer.kernels.sequence import in_torch

BATCH, STEPS, INPUTS, NEURONS, OUTPUTS = 32, 64, 8, 32, 4
RECORDINGS, LONG, PART = 32, 100_000, 500
_SEED, _ROUNDS = 302, 8


@dataclass(frozen=True)
class Row:
    """Milliseconds of forward and backward; None where there is none to compare with."""

    name: str
    ours: float | None
    torch: float | None
    """Ours without the compiled kernels."""
    peer: float | None

    @property
    def speedup(self) -> float | None:
        """How many times faster than the peer."""
        return self.peer / self.ours if self.ours and self.peer else None


def networks() -> dict[str, tuple[nn.Module | None, nn.Module | None]]:
    """By name: ours, with the weights of the peer where there is one, and the peer."""
    pairs: dict[str, tuple[nn.Module | None, nn.Module | None]] = {
        "wired_cfc": (
            CfC(INPUTS, AutoNCP(NEURONS, OUTPUTS)),
            ncps.torch.CfC(INPUTS, ncps.wirings.AutoNCP(NEURONS, OUTPUTS)),
        ),
        "dense_cfc": (CfC(INPUTS, NEURONS), ncps.torch.CfC(INPUTS, NEURONS)),
        "ltc": (
            LTC(INPUTS, AutoNCP(NEURONS, OUTPUTS)),
            ncps.torch.LTC(INPUTS, ncps.wirings.AutoNCP(NEURONS, OUTPUTS)),
        ),
        "ltc_all_to_all": (LTC(INPUTS, NEURONS), ncps.torch.LTC(INPUTS, NEURONS)),
    }
    for ours, peer in pairs.values():
        assert ours is not None
        assert peer is not None
        ours.load_state_dict(peer.state_dict())
    pairs["ctrnn"] = (CTRNN(INPUTS, NEURONS), None)
    pairs["nn.LSTM"] = (None, nn.LSTM(INPUTS, NEURONS, batch_first=True))
    pairs["nn.GRU"] = (None, nn.GRU(INPUTS, NEURONS, batch_first=True))
    return pairs


def measured(rounds: int = _ROUNDS) -> list[Row]:
    """Measure all networks, interleaved."""
    torch.set_num_threads(1)
    torch.manual_seed(_SEED)
    x = torch.randn(BATCH, STEPS, INPUTS)
    runs: dict[tuple[str, str], Callable[[], float]] = {}
    names, dt = networks(), torch.rand(BATCH, STEPS) + 0.5
    for name in ("wired_cfc", "dense_cfc"):
        ours, _ = names[name]
        names[f"{name}_with_timespans"] = (_WithTimes(ours, dt), None)
    for name, (ours, peer) in names.items():
        if ours is not None:
            runs[name, "ours"] = _update(ours, x)
            runs[name, "torch"] = _without_kernels(_update(ours, x))
        if peer is not None:
            runs[name, "peer"] = _update(peer, x)
    best = {key: run() for key, run in runs.items()}  # the first round warms up
    for _ in range(rounds):
        for key, run in runs.items():
            best[key] = min(best[key], run())
    ways = ("ours", "torch", "peer")
    return [Row(name, *(best.get((name, way)) for way in ways)) for name in names]


class _WithTimes(nn.Module):
    """A layer that gets the time before each sample. ncps cannot take them in a batch."""

    def __init__(self, layer: nn.Module | None, dt: Tensor) -> None:
        super().__init__()
        self.layer, self.dt = layer, dt

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(x, timespans=self.dt)


def _update(net: nn.Module, x: Tensor) -> Callable[[], float]:
    """A function that runs forward and backward -> ms of the fastest run."""

    def run() -> None:
        net.zero_grad(set_to_none=True)
        net(x)[0].square().mean().backward()

    return lambda: _fastest(run, 3)


def _fastest(run: Callable[[], object], times: int) -> float:
    """ms of the fastest run."""
    found = []
    for _ in range(times):
        start = time.process_time()
        run()
        found.append(1e3 * (time.process_time() - start))
    return min(found)


def floor_of_dense(rounds: int) -> float:
    """ms of as many multiplications as the dense CfC needs, forward and twice that back.

    With one elapsed time for all samples time_a and time_b are one map.
    """
    maps = dict(CfC(INPUTS, NEURONS).named_parameters())
    weights = sum(p.numel() for name, p in maps.items() if p.dim() == 2 and "time_a" not in name)
    matrix = torch.randn(1024, 1024)
    one = _fastest(lambda: matrix @ matrix, rounds)
    return one * 3 * weights * BATCH * STEPS / 1024**3


def _without_kernels(run: Callable[[], float]) -> Callable[[], float]:
    def other() -> float:
        with in_torch():
            return run()

    return other


def long_recordings() -> tuple[float, float, float]:
    """Train one epoch on long recordings -> seconds, peak MB, peak MB before the training.

    Truncated backpropagation in parts, with the state carried on; to be run in a new process.
    """
    torch.set_num_threads(1)
    torch.manual_seed(_SEED)
    net = CfC(INPUTS, AutoNCP(NEURONS, OUTPUTS))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.randn(RECORDINGS, LONG, INPUTS)
    dt = torch.rand(RECORDINGS, LONG) * 0.1 + 0.01
    before, start = _peak(), time.perf_counter()
    for part, y, _ in truncated(net, x, PART, timespans=dt):
        optimiser.zero_grad()
        (y - x[:, part, :OUTPUTS]).square().mean().backward()
        optimiser.step()
    return time.perf_counter() - start, _peak(), before


def _peak() -> float:
    """The largest resident memory so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _told(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


@click.command(help=__doc__)
@click.option("--json", "as_json", is_flag=True, help="Print one last line of JSON.")
@click.option("--long", is_flag=True, help="Train on 32 recordings of 100,000 steps, too.")
@click.option("--rounds", default=_ROUNDS, show_default=True, help="Runs of each network.")
def main(as_json: bool, long: bool, rounds: int) -> None:
    """Measure and print."""
    print(f"{kernels_in_use()}\n{BATCH} x {STEPS} steps, {INPUTS} inputs, {NEURONS} neurons, ms\n")
    rows = measured(rounds)
    print("| network | elegans | elegans in torch | ncps, torch | times faster than ncps |")
    print("|---|---|---|---|---|")
    for row in rows:
        times = [_told(value, ".2f") for value in (row.ours, row.torch, row.peer)]
        print(f"| {row.name} | {' | '.join(times)} | {_told(row.speedup, '.1f')} |")
    print(f"\nfloor of the dense CfC: {floor_of_dense(rounds):.2f}")
    by_name = {row.name: row for row in rows}
    wired, lstm = by_name["wired_cfc"].ours, by_name["nn.LSTM"].peer
    assert wired is not None
    assert lstm is not None
    print(f"wired CfC / nn.LSTM: {wired / lstm:.2f}")
    result: dict[str, object] = {
        "speedup_vs_ncps": {row.name: round(row.speedup, 2) for row in rows if row.speedup},
        "ratio_to_lstm": round(wired / lstm, 3),
    }
    if long:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seconds, peak, before = pool.submit(long_recordings).result()
        print(
            f"{RECORDINGS} recordings of {LONG:,} steps, in parts of {PART}: {seconds:.0f} s an "
            f"epoch, peak {peak:.0f} MB, {before:.0f} of them before the training"
        )
        result["long"] = {"seconds": round(seconds, 1), "peak_mb": round(peak)}
    if as_json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
