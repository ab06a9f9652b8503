"""The result of a task's training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.ir.interface import Interface
from elegans.trainer.networks.scaled_circuit import ScaledCircuit

Samples = npt.NDArray[np.float32]
Metrics = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained circuit, its metrics, and a recording of inputs for test vectors."""

    circuit: ScaledCircuit
    interface: Interface
    """The names, units and ranges of the circuit's signals."""
    history: list[float]
    """The mean loss of each epoch."""
    stages: list[tuple[str, int]]
    """The name of each stage of the training, and the number of epochs done at its end."""
    metrics: Metrics
    x: Samples
    """[T, I] or [N, T, I], in physical units, inside the interface's ranges."""
    dt: Samples
    """[T] or [N, T], s"""
    extras: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    """More arrays for the recording, such as labels."""
    device: dict[str, Any] = field(default_factory=dict)
    """The figures of `on_chip.fine_tuned`; empty without it."""
    plots: dict[str, Callable[[Path], None]] = field(default_factory=dict)
    """File name -> a function that draws that picture to the given path."""
