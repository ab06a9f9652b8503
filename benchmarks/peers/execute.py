"""Executes a float peer on an emulated core beside the network in float64."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from elegans.benchmarks.peers.float_program import FloatProgram
from elegans.boards.profiling.qemu_caller import qemu_caller
from elegans.boards.profiling.step_call import StepCaller
from elegans.boards.profiling.unicorn_caller import UnicornCaller
from elegans.exporter.ir.interface import Range
from elegans.trainer.networks.recurrent import Recurrent

_SEED = 302


@dataclass(frozen=True)
class PeerCost:
    """What the steps of a peer cost at most, and its largest error of an output or state against
    float64, both running free."""

    instructions: int
    stack_bytes: int
    flash_bytes: int
    ram_bytes: int
    error: float


def executed(
    program: FloatProgram, exact: Recurrent, inputs: Range, dt: Range, steps: int
) -> PeerCost:
    """Run free from rest for `steps` steps with random inputs and elapsed times in these ranges.

    exact  the network in float64
    """
    rng = np.random.default_rng(_SEED)
    h32, h64 = np.zeros(exact.state_size), torch.zeros(1, exact.state_size, dtype=torch.float64)
    most, error = 0, 0.0
    with _caller(program) as caller, torch.no_grad():
        for _ in range(steps):
            x = rng.uniform(*inputs, exact.input_size).astype(np.float32)
            elapsed = np.float32(rng.uniform(*dt))
            blocks = caller.step(x, int(elapsed.view(np.uint32)), h32)
            most = max(most, sum(len(program.function.instructions(b)) for b in blocks))
            y32, h32 = np.split(caller.results(), [exact.output_size])
            same_x, same_dt = torch.tensor(x[None]).double(), torch.tensor([[elapsed]]).double()
            y64, h64 = exact.step(same_x, h64, same_dt)
            for real, right in ((y32, y64), (h32, h64)):
                error = max(error, float(np.abs(real - right[0].numpy()).max()))
    return PeerCost(most, caller.stack(), program.flash_bytes, program.ram_bytes, error)


@contextmanager
def _caller(program: Any) -> Iterator[StepCaller]:
    """unicorn for the cores without floating point, which it counts fast; else QEMU."""
    if not program.board.core.fpu:
        yield UnicornCaller(program, program.function)
        return
    with qemu_caller(program, program.function) as caller:
        yield caller
