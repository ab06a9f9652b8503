"""The two networks of `benchmarks.figures`, made with ncps and fixed seeds:

    python -m benchmarks.nets -o build/nets

ncp19  `CfC(8, AutoNCP(19, 1))`: 1,188 of 1,372 weights, 57 activations, 19 gates
cfc32  `CfC(8, 32, backbone_units=32, backbone_layers=1)`: 5,376 weights

Both are trained for a few seconds to follow a leaky average of their irregularly sampled
inputs, so that their weights are not random.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch
from ncps.torch import CfC
from ncps.wirings import AutoNCP
from torch import Tensor, nn

from elegans.trainer import export_onnx

INPUTS = 8
DT = (0.01, 0.1)
_STEPS, _BATCH, _LENGTH, _SEED = 60, 16, 24, 302


def networks() -> dict[str, nn.Module]:
    """The networks before their training."""
    torch.manual_seed(_SEED)
    return {
        "ncp19": CfC(INPUTS, AutoNCP(19, 1)),
        "cfc32": CfC(INPUTS, 32, backbone_units=32, backbone_layers=1),
    }


def weights(net: nn.Module) -> tuple[int, int]:
    """How many weights a step uses, and how many the network stores, masked ones included."""
    maps = [m for m in net.modules() if isinstance(m, nn.Linear)]
    masks = {id(m): m.weight for m in maps}
    for cell in net.modules():
        mask = getattr(cell, "sparsity_mask", None)
        if mask is not None:
            masks |= {id(m): m.weight * mask for m in (cell.ff1, cell.ff2)}
    return sum(int((w != 0).sum()) for w in masks.values()), sum(m.weight.numel() for m in maps)


def train(net: nn.Module) -> float:
    """Train ``net`` and return its last loss.

    It uses one thread, because the order of a sum determines its last bits."""
    torch.manual_seed(_SEED)
    torch.set_num_threads(1)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    loss = torch.zeros(())
    for _ in range(_STEPS):
        x = torch.rand(_LENGTH, _BATCH, INPUTS) * 2 - 1
        dt = torch.rand(_LENGTH, _BATCH, 1) * (DT[1] - DT[0]) + DT[0]
        loss = _error(net, x, dt)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()


def _error(net: nn.Module, x: Tensor, dt: Tensor) -> Tensor:
    state = torch.zeros(x.shape[1], net.state_size)
    average = torch.zeros(x.shape[1])
    errors = []
    for now, elapsed in zip(x, dt, strict=True):
        y, state = net.rnn_cell(now, state, elapsed)
        average = average + (now.mean(1) - average) * (1 - torch.exp(-elapsed[:, 0] / 0.1))
        errors.append((y[:, 0] - average).square().mean())
    return torch.stack(errors).mean()


def trained() -> dict[str, nn.Module]:
    """The networks after their training."""
    nets = networks()
    for net in nets.values():
        train(net)
    return nets


def make(folder: Path) -> dict[str, Path]:
    """Train both networks and write each to `<folder>/<name>.onnx`; the paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, net in trained().items():
        paths[name] = folder / f"{name}.onnx"
        export_onnx(net, INPUTS, paths[name], input_ranges=(-1, 1), dt_range=DT)
    return paths


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("build/nets"))
def main(output: Path) -> None:
    """Write OUTPUT/ncp19.onnx and OUTPUT/cfc32.onnx."""
    for name, net in networks().items():
        synapses, stored = weights(net)
        click.echo(f"{name}: {synapses} of {stored} weights are synapses")
    for path in make(output).values():
        click.echo(str(path))


if __name__ == "__main__":
    main()
