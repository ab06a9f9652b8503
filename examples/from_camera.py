"""From a camera to a chip: a convolutional head and 19 liquid neurons learn to steer.

    python examples/from_camera.py build/camera

The shape is that of the driving network of Lechner et al. (2020, "Neural circuit policies enabling
auditable autonomy"): five convolutions, features of each of the last maps, and a circuit of
19 neurons. The pictures are drawn here: a road ahead of a car, in grey, under changing light.
`benchmarks/camera.py` measures the paper's own size, 3 x 66 x 200.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from elegans.exporter.export import Request, export
from elegans.hil_tests.session.compare import Verdict
from elegans.hil_tests.session.session import hil
from elegans.trainer.cells.cfc import WiredCfCCell
from elegans.trainer.wiring.ncp import AutoNCP

NEURONS, PERIOD = 19, 0.05  # s, between two pictures


class DrivingNetwork(nn.Module):
    """A step of the network: picture [N, C, H, W], states [N, 19], dt [N, 1] -> steering, states.

    filters    of each convolution
    convolved  (size, stride) of each
    features   that are made of each map of the last one
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        filters: tuple[int, ...] = (24, 36, 48, 64, 8),
        convolved: tuple[tuple[int, int], ...] = ((5, 2), (5, 2), (3, 2), (3, 1), (3, 1)),
        features: int = 4,
    ) -> None:
        super().__init__()
        self.image, channels = image, (image[0], *filters)
        layers = [
            part
            for before, after, (size, stride) in zip(channels, filters, convolved, strict=False)
            for part in (nn.Conv2d(before, after, size, stride), nn.ReLU())
        ]
        self.head = nn.Sequential(*layers)
        with torch.no_grad():
            pixels = self.head(torch.zeros(1, *image))[0, 0].numel()
        self.features = nn.ModuleList(nn.Linear(pixels, features) for _ in range(filters[-1]))
        self.circuit = WiredCfCCell(AutoNCP(NEURONS, 1).build(features * filters[-1]))

    def forward(self, picture: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.head(picture).flatten(2)
        seen = torch.cat([part(maps[:, i]) for i, part in enumerate(self.features)], dim=1)
        h = self.circuit(torch.relu(seen), h, dt)
        return self.circuit.output(h), h

    def save(self, path: Path) -> Path:
        """Write the step as an ONNX file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        example = torch.zeros(1, *self.image), torch.zeros(1, NEURONS), torch.full((1, 1), PERIOD)
        ports = {
            "input_names": ["picture", "h", "dt"],
            "output_names": ["steering", "h_next"],
        }
        with warnings.catch_warnings():  # torch's own, about its older exporter
            warnings.simplefilter("ignore")
            torch.onnx.export(self.eval(), example, str(path), dynamo=False, **ports)
        return path


def roads(count: int, steps: int, rng: np.random.Generator) -> Tensor:
    """What drives of `count` cars look like: the offset from the middle of the road, the heading
    and the curvature ahead, [count, steps, 3], each a slow random walk."""
    walks = rng.normal(0, 1, (count, steps, 3)).cumsum(axis=1) * (0.15, 0.02, 0.004)
    start = rng.normal(0, 1, (count, 1, 3)) * (0.8, 0.1, 0.02)
    return torch.tensor(walks + start, dtype=torch.float32)


def pictures(road: Tensor, size: tuple[int, int], rng: np.random.Generator) -> Tensor:
    """Grey pictures [..., 1, H, W] in 0..1 of roads [..., 3], from 1.5 m above the ground."""
    height, width = size
    rows, columns = np.arange(height), np.arange(width)
    ahead = torch.tensor(1.2 * height / (rows + 1.5)[:, None], dtype=torch.float32)  # m
    side = torch.tensor((columns - width / 2)[None], dtype=torch.float32) * ahead / width * 1.6
    offset, heading, curvature = (road[..., i, None, None] for i in range(3))
    across = side + offset - heading * ahead - 0.5 * curvature * ahead**2
    ground = 0.55 - 0.25 * torch.sigmoid(8 * (2.0 - across.abs()))
    lines = 0.5 * torch.exp(-(((across.abs() - 1.7) / 0.15) ** 2))
    light = torch.tensor(rng.uniform(0.6, 1.2, (*road.shape[:-1], 1, 1)), dtype=torch.float32)
    noise = torch.tensor(rng.normal(0, 0.03, across.shape), dtype=torch.float32)
    return ((ground + lines) * light + noise).clamp(0, 1)[..., None, :, :]


def steering(road: Tensor) -> Tensor:
    """What a driver would do, [..., 1] within -1..1."""
    offset, heading, curvature = road.unbind(-1)
    return torch.tanh(0.5 * offset - 2.0 * heading - 12.0 * curvature)[..., None]


def small_network() -> DrivingNetwork:
    """A network that learns in a minute: pictures of 24 x 48."""
    return DrivingNetwork((1, 24, 48), (8, 12, 16), ((5, 2), (3, 2), (3, 1)), features=2)


def train(rounds: int = 300, seed: int = 302) -> tuple[DrivingNetwork, float]:
    """A trained network, and the root mean square error of its steering on new roads."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = small_network()
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)

    def error(count: int, steps: int) -> Tensor:
        road = roads(count, steps, rng)
        seen, wanted = pictures(road, net.image[1:], rng), steering(road)
        h, dt, found = torch.zeros(count, NEURONS), torch.full((count, 1), PERIOD), []
        for t in range(steps):
            y, h = net(seen[:, t], h, dt)
            found.append(y)
        # A circuit begins at rest, and needs a few pictures.
        return nn.functional.mse_loss(torch.stack(found, 1)[:, 2:], wanted[:, 2:])

    for _ in range(rounds):
        optimiser.zero_grad()
        error(32, 8).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    with torch.no_grad():
        return net, float(error(64, 20)) ** 0.5


def main(folder: Path, rounds: int = 300) -> tuple[float, Verdict]:
    """Train, export and verify; returns the error of the steering and the board's verdict."""
    net, error = train(rounds)
    print(f"trained: the steering is off by {error:.3f} of -1..1")
    source = net.save(folder / "driving.onnx")
    request = Request(source, input_ranges=((0.0, 1.0),), dt_range=(0.02, 0.1))
    model = export(request, folder / "export")
    print(f"exported: {len(model.inputs)} pixels, {len(model.states)} states")
    verdict = hil(folder / "export", "mps2-an386")
    print(verdict.summary())
    return error, verdict


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/camera"))
