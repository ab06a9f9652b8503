"""What a task hands over when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.trainer.networks.scaled_circuit import Circuit
from elegans.trainer.onnx_out.signals import Contract

Samples = npt.NDArray[np.float32]
Metrics = dict[str, float | int | bool | str]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained circuit, how good it is, and a recording of what it saw."""

    circuit: Circuit
    contract: Contract
    history: list[float]
    """The mean loss of each epoch."""
    stages: list[tuple[str, int]]
    """The parts of the training: name, and the epoch at which it ended."""
    metrics: Metrics
    x: Samples
    """[T, I] or [N, T, I], physical, inside the contract's ranges."""
    dt: Samples
    """[T] or [N, T], s"""
    extras: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    """More arrays for the recording, such as labels."""
    plots: dict[str, Callable[[Path], None]] = field(default_factory=dict)
    """File name -> draws that picture into the path it is given."""
