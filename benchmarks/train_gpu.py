"""Training on a GPU beside the compiled kernels of the CPU: one update's forward and backward.

python -m benchmarks.train_gpu [--steps 64]

Sequences of 64 samples with an elapsed time each, 8 inputs, 32 neurons of which 4 are outputs, in
batches of several sizes. On the GPU a network runs in torch, a kernel launch for every operation of
every step, so small batches take as long as large ones. Wall time, the fastest of a few runs, in
milliseconds; the CPU uses as many threads as torch does.
"""

from __future__ import annotations

import copy
import time

import click
import torch
from torch import nn

from elegans.trainer import CTRNN, LTC, AutoNCP, CfC, kernels_in_use

INPUTS, NEURONS, OUTPUTS = 8, 32, 4
BATCHES = (32, 1024, 16384)
NETWORKS = {
    "CfC, `AutoNCP(32, 4)`": lambda: CfC(INPUTS, AutoNCP(NEURONS, OUTPUTS)),
    "CfC, dense": lambda: CfC(INPUTS, NEURONS),
    "LTC, `AutoNCP(32, 4)`": lambda: LTC(INPUTS, AutoNCP(NEURONS, OUTPUTS)),
    "CTRNN": lambda: CTRNN(INPUTS, NEURONS),
}


def update_ms(net: nn.Module, batch: int, steps: int, device: str) -> float:
    """Milliseconds of the fastest of three updates, after one that warms up."""
    net = copy.deepcopy(net).to(device)
    x = torch.randn(batch, steps, INPUTS, device=device)
    dt = torch.rand(batch, steps, device=device) + 0.5
    found = []
    for _ in range(4):
        start = time.perf_counter()
        net.zero_grad(set_to_none=True)
        net(x, timespans=dt)[0].square().mean().backward()
        if device != "cpu":
            torch.cuda.synchronize()
        found.append(1e3 * (time.perf_counter() - start))
    return min(found[1:])


@click.command(help=__doc__)
@click.option("--steps", default=64, show_default=True, help="Samples of a sequence.")
def main(steps: int) -> None:
    """Measure and print."""
    if not torch.cuda.is_available():
        raise click.UsageError("torch finds no CUDA device here")
    print(
        f"{torch.cuda.get_device_name()}; {torch.get_num_threads()} threads, {kernels_in_use()}\n"
    )
    print("| network | " + " | ".join(f"{n:,}: CPU | GPU" for n in BATCHES) + " |")
    print("|---" * (1 + 2 * len(BATCHES)) + "|")
    torch.manual_seed(302)
    for name, make in NETWORKS.items():
        net = make()
        times = [update_ms(net, n, steps, on) for n in BATCHES for on in ("cpu", "cuda")]
        print(f"| {name} | {' | '.join(f'{ms:.1f}' for ms in times)} |", flush=True)


if __name__ == "__main__":
    main()
