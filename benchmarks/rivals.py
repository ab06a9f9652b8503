"""Trains the controllers that the page drive.html shows beside the liquid circuit.

    python -m benchmarks.rivals

They learn as `elegans train lane` does: the same expert, the same rounds of DAgger, the same roads
and the same number of updates. It writes their networks and rivals.json, with the number of
parameters and the exam of each, to viewer/pages/trained/. It takes about a minute and a half.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from elegans.exporter.export import Request, export
from elegans.exporter.files import write_file
from elegans.trainer import export_onnx
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, MLPCell
from elegans.trainer.fit import Fit, reproducible
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.networks.scaled_circuit import ScaledCircuit
from elegans.trainer.onnx_out.export_circuit import export_circuit
from elegans.trainer.tasks.lane import closed_loop
from elegans.trainer.tasks.lane.car import MAX_STEERING
from elegans.trainer.tasks.lane.closed_loop import Drive
from elegans.trainer.tasks.lane.imitation import Imitation, PerturbedExpert, training_journeys
from elegans.trainer.tasks.lane.journey import DT, SENSORS, Samples
from elegans.trainer.tasks.lane.train import FULL, INTERFACE, SCALES, NetworkDriver
from elegans.trainer.wiring.ncp import AutoNCP
from elegans.viewer.pages.exam import exam
from elegans.viewer.pages.rivals import FOLDER, LISTED

SEED = 1
_DT_SPREAD = 0.02  # s


class Baseline(nn.Module):
    """A cell that reads the lane's sensors and the elapsed time, each centred and scaled."""

    centre: Tensor
    spread: Tensor

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.net = Recurrent(cell, projection=None if isinstance(cell, MLPCell) else 1)
        self.register_buffer("centre", torch.tensor([*SCALES.centre, SCALES.dt_unit]))
        self.register_buffer("spread", torch.tensor([*SCALES.spread, _DT_SPREAD]))

    def forward(self, x: Tensor) -> Tensor:
        """x [B, T, 9]: sensors, then dt, all physical -> steering [B, T, 1] in rad."""
        y, _ = self.net((x - self.centre) / self.spread)
        steering: Tensor = y * MAX_STEERING
        return steering

    def trained(self, x: Tensor, dt: Tensor) -> tuple[Tensor, None]:
        """x [B, T, 8], dt [B, T] -> steering [B, T, 1], nothing: as `Imitation.loss` calls it."""
        return self(torch.cat([x, dt[..., None]], dim=2)), None


class BaselineDriver:
    """A baseline that steers B cars; it keeps their states from sample to sample."""

    def __init__(self, net: Baseline, cars: int) -> None:
        self._net = net
        self._h = torch.zeros(cars, net.net.state_size)

    @torch.inference_mode()
    def __call__(self, x: Samples, dt: Samples, _expert: object = None) -> Samples:
        """Sensors [B, 8], dt [B] in s -> steering [B] in rad."""
        given = torch.cat([torch.from_numpy(x), torch.from_numpy(dt)[:, None]], dim=1)
        z = (given - self._net.centre) / self._net.spread
        y, self._h = self._net.net.step(z, self._h, torch.ones(len(z), 1))
        return np.asarray((y[:, 0] * MAX_STEERING).numpy())


@dataclass(frozen=True)
class Rival:
    """A controller to train. `noise` is a factor of the noise of its training drives."""

    name: str
    label: str
    short: str
    make: Callable[[], ScaledCircuit | Baseline]
    noise: float = 1.0


RIVALS = (
    Rival("gru", "GRU, 16 units", "GRU", lambda: Baseline(GRUCell(9, 16))),
    Rival(
        "mlp",
        "MLP on the last 5 samples, 27 hidden",
        "MLP",
        lambda: Baseline(MLPCell(9, 5, [27], 1)),
    ),
    Rival(
        "cfc_clean",
        "the same liquid circuit, trained without sensor noise",
        "no-noise circuit",
        lambda: ScaledCircuit(AutoNCP(19, 1), SCALES),
        noise=0.0,
    ),
)


def train(rival: Rival) -> ScaledCircuit | Baseline:
    """Train one as the task `lane` trains its circuit with the seed `SEED`."""
    with reproducible(SEED):
        random = np.random.default_rng(SEED)
        net = rival.make()
        learn = net.trained if isinstance(net, Baseline) else net
        fit = Fit(net, epochs=FULL.epochs, batches=FULL.batches, rate=1e-2, progress=_told)
        drives: list[Drive] = []
        for turn in range(FULL.rounds):
            journeys = [
                replace(one, noise=rival.noise * one.noise)
                for one in training_journeys(FULL.cars, FULL.seconds, random)
            ]
            steer: closed_loop.Steer = PerturbedExpert(random, FULL.cars)
            if turn:
                driver = BaselineDriver if isinstance(net, Baseline) else NetworkDriver
                steer = driver(net, FULL.cars)
            drives += closed_loop.drive_all(journeys, steer)
            until = round(FULL.epochs * (turn + 1) / FULL.rounds)
            fit.stage(rival.name, until, partial(Imitation.of(drives).loss, learn))
    return net


def parameters(net: ScaledCircuit | Baseline) -> int:
    """The trained numbers of a network; of a wired circuit only those of synapses that exist."""
    if isinstance(net, Baseline):
        return sum(p.numel() for p in net.parameters())
    step = net.folded()
    maps = [m for m in step.modules() if isinstance(m, nn.Linear) and m is not step.readout]
    return sum(int(m.weight.count_nonzero()) + m.bias.numel() for m in maps)


def write(net: ScaledCircuit | Baseline, path: Path) -> None:
    """The ONNX file of one step."""
    if isinstance(net, ScaledCircuit):
        export_circuit(net, INTERFACE, path)
        return
    signals = [*SENSORS, replace(DT, name="elapsed")]
    export_onnx(
        net.eval(),
        len(signals),
        path,
        input_ranges=[signal.range for signal in signals],
        input_names=[signal.name for signal in signals],
        input_units=[signal.unit for signal in signals],
        output_names=["steering"],
        output_units="rad",
    )


def main() -> None:
    """Train all of them, and write what the page needs."""
    listed = []
    for rival in RIVALS:
        net = train(rival)
        path = FOLDER / f"{rival.name}.onnx"
        write(net, path)
        with TemporaryDirectory() as folder:
            model = export(Request(path, accept_error=1.0), Path(folder) / "BUILD")
        scores = exam(model, clock=isinstance(net, Baseline))
        listed.append(
            {
                "name": rival.name,
                "label": rival.label,
                "short": rival.short,
                "parameters": parameters(net),
                "clock": isinstance(net, Baseline),
                "digest": model.digest,
                "exam": [asdict(score) for score in scores],
            }
        )
        for score in scores:
            print(f"{rival.label}: noise {score.noise}, rms {100 * score.rms:.1f} cm", flush=True)
    command = "python -m benchmarks.rivals"
    text = json.dumps({"made_by": command, "seed": SEED, "rivals": listed}, indent=1)
    write_file(LISTED, text.encode() + b"\n")


def _told(stage: str, done: int, of: int, text: str) -> None:
    print(f"{stage}: {done}/{of} {text}", flush=True)


if __name__ == "__main__":
    main()
