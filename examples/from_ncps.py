"""From ncps to a chip: train in ncps, export in one line, verify on an emulated board.

    python examples/from_ncps.py build/oscillator

A liquid network learns to predict a damped oscillation from noisy samples at irregular
times. Only the calls marked below belong to elegans.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from ncps.torch import CfC
from ncps.wirings import AutoNCP

from elegans.exporter.export import Request, export
from elegans.hil_tests.session.compare import Verdict
from elegans.hil_tests.session.session import hil
from elegans.trainer import export_onnx


def oscillations(count: int, steps: int, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """N = count damped oscillations of T = steps samples at irregular times.

    Returns the noisy samples [N, T, 1], clipped to [-1.2, 1.2]; the time before each sample
    [N, T], 0.05 to 0.3 s; and the true value one sample later [N, T, 1].
    """
    dt = rng.uniform(0.05, 0.3, (count, steps + 1))
    time = dt.cumsum(axis=1)
    phase, rate = rng.uniform(0, 2 * np.pi, (count, 1)), rng.uniform(1.5, 2.5, (count, 1))
    truth = np.exp(-0.1 * time) * np.sin(rate * time + phase)
    seen = np.clip(truth[:, :-1] + rng.normal(0, 0.05, (count, steps)), -1.2, 1.2)
    arrays = (seen[..., None], dt[:, :-1], truth[:, 1:, None])
    return tuple(torch.tensor(a, dtype=torch.float32) for a in arrays)


def train(epochs: int = 60, seed: int = 302) -> tuple[CfC, float]:
    """An ncps network of 14 neurons, and its mean squared error on new oscillations."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = CfC(1, AutoNCP(14, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)

    def error(count: int) -> torch.Tensor:
        x, dt, wanted = oscillations(count, 32, rng)
        h, outputs = torch.zeros(count, 14), []
        for t in range(x.shape[1]):  # ncps' own loop mixes up the time spans of a batch
            y, h = net.rnn_cell(x[:, t], h, dt[:, t : t + 1])
            outputs.append(y)
        return torch.nn.functional.mse_loss(torch.stack(outputs, dim=1), wanted)

    for _ in range(epochs):
        optimiser.zero_grad()
        error(64).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    with torch.no_grad():
        return net, float(error(256))


def main(folder: Path, epochs: int = 60) -> tuple[float, Verdict]:
    """Train, export and verify; returns the mean squared error and the board's verdict."""
    net, error = train(epochs)
    print(f"trained in ncps: mean squared error {error:.4f}")

    source = export_onnx(  # elegans
        net, 1, folder / "oscillator.onnx", input_ranges=(-1.2, 1.2), dt_range=(0.05, 0.3)
    )
    model = export(Request(source), folder / "export")  # elegans
    print(f"exported: {len(model.states)} states in {folder / 'export'}")

    verdict = hil(folder / "export", "mps2-an386")  # elegans
    print(verdict.summary())
    return error, verdict


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/oscillator"))
