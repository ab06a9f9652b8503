"""Checks of an export: the weights are finite, and onnxruntime computes what torch computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import Range

StepFunction = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(x [1, I], h [1, H], dt [1, 1]) -> (y [1, O], h_next [1, H])"""

TOLERANCE = 2.0**-15
"""Allowed |onnxruntime - torch|, as a fraction of the largest value that the vector takes.

This is one unit in the last place of an int16 format that just holds the vector: what differs
by less is the same network to the exporter. Two float32 executions with sums in different
orders differ by less than 1e-6 of it (measured for every cell, up to 1,000 units); a
translation error, say tanh's approximation of gelu in place of erf (5e-4), by far more.
"""

_NOISE = 2.0**-22
"""What is allowed in any case: two units of float32 at values around 2, which a step is made of. A
state that moves by a millionth in a step consists of little else."""

_STEPS = 64
_SEQUENCE = 6  # steps of the sequence on which single steps are compared with the module itself
_SAME = 1e-4  # of the largest output; float32 in another order differs by less


def check_finite(module: nn.Module) -> None:
    """Raise ElegansError for the first weight or buffer that holds NaN or infinity."""
    for name, value in module.state_dict().items():
        if not torch.isfinite(value).all():
            raise ElegansError(f"weight {name}", "it holds NaN or infinity", "train again")


def compare_with_torch(
    data: bytes,
    step: StepFunction,
    name: str,
    x_range: tuple[npt.ArrayLike, npt.ArrayLike],
    dt_ranges: Sequence[Range],
) -> None:
    """Run the ONNX file `data` beside `step` for 64 steps from h = 0, with seeded inputs.

    x is drawn uniformly from x_range ([I] lowest, [I] highest), dt from the first of dt_ranges in
    which torch stays finite: a solver may be unstable for long steps. Both sides get the state
    that onnxruntime computed, so that errors do not accumulate and a network that amplifies
    differences passes, too. Raises ElegansError beyond `TOLERANCE` and `_NOISE`.
    """
    for dt_range in dt_ranges:
        results = _beside(data, step, x_range, dt_range)
        if all(np.isfinite(value).all() for _, wanted in results for value in wanted):
            break
    else:
        lo, hi = dt_ranges[-1]
        raise ElegansError(
            f"export of {name}",
            f"its own step in torch gives no finite number after elapsed times of {lo:g} to {hi:g}",
            "declare shorter ones with dt_range, take more unfolds of the solver, or see whether a "
            "sum of conductances comes near zero",
        )
    for index, vector in enumerate(("y", "h_next")):
        ours = np.stack([found[index] for found, _ in results])
        torchs = np.stack([wanted[index] for _, wanted in results])
        worst, largest = float(np.abs(ours - torchs).max()), float(np.abs(torchs).max())
        if not worst <= max(TOLERANCE * largest, _NOISE):
            raise ElegansError(
                f"export of {name}",
                f"onnxruntime and torch differ by {worst:.2g} in {vector}, which reaches "
                f"{largest:.2g}",
                "see whether a sum of conductances comes near zero, or a weight is huge; if "
                "not, this is a bug in the export: report it with the weights",
            )


def _beside(
    data: bytes,
    step: StepFunction,
    x_range: tuple[npt.ArrayLike, npt.ArrayLike],
    dt_range: Range,
) -> list[tuple[list[Any], list[Any]]]:
    """y and h_next of onnxruntime and of torch in each step."""
    import onnxruntime

    random = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    known = {port.name for port in session.get_inputs()}  # a graph may not read dt
    low, high = np.atleast_2d(*x_range)
    x = random.uniform(low, high, (_STEPS, low.shape[1])).astype(np.float32)
    dt = random.uniform(*dt_range, (_STEPS, 1)).astype(np.float32)
    states = next(port.shape[1] for port in session.get_outputs() if port.name == "h_next")
    h = np.zeros((1, states), np.float32)
    results: list[tuple[list[Any], list[Any]]] = []
    for k in range(_STEPS):
        given = {"x": x[k : k + 1], "h": h, "dt": dt[k : k + 1]}
        with torch.no_grad():
            wanted = step(*(torch.from_numpy(value) for value in given.values()))
        found = session.run(
            ["y", "h_next"], {port: value for port, value in given.items() if port in known}
        )
        results.append((found, [value.numpy() for value in wanted]))
        h = found[1]
    return results


def compare_with_sequence(
    name: str,
    step: StepFunction,
    states: int,
    whole: Callable[[Tensor, Tensor], Tensor],
    inputs: int,
) -> None:
    """Compare steps with what a module computes on a whole sequence: it may look at several steps
    at once, as a mean over time does.

    whole  x [1, T, I], dt [1, T] -> the outputs of all steps, or of the last one

    Raises `ElegansError` if they differ; what `whole` raises is passed on.
    """
    random = torch.Generator().manual_seed(0)
    x = torch.rand((1, _SEQUENCE, inputs), generator=random) * 2 - 1
    dt = torch.rand((1, _SEQUENCE), generator=random) * 0.5 + 0.1
    h, outputs = torch.zeros(1, states), []
    with torch.no_grad():
        wanted = whole(x, dt).reshape(-1)
        for k in range(_SEQUENCE):
            y, h = step(x[:, k], h, dt[:, k : k + 1])
            outputs.append(y)
    found = torch.cat(outputs).reshape(-1)[-wanted.numel() :]
    sizes = (_SEQUENCE * outputs[-1].numel(), outputs[-1].numel())
    far = wanted.numel() not in sizes or not (
        (found - wanted).abs().max() <= _SAME * max(float(wanted.abs().max()), 1e-3)
    )
    if far:
        raise ElegansError(
            f"export_onnx, {name}",
            "computes on a sequence what single steps do not give, as a mean over time would",
            "write one step of it as a module of its own: see examples/from_onnx.md",
        )
