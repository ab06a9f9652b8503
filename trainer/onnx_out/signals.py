"""What a network promises the world: its name, and each signal's name, unit and range.

The exporter proves its integer ranges from these numbers and the board is told nothing
else, so a contract travels with the network, as JSON in the ONNX file's metadata.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from elegans.exporter.errors import ElegansError
from elegans.trainer.wiring.ncp import Wiring

METADATA_KEY = "elegans"


@dataclass(frozen=True)
class Signal:
    """An input: physical values from `low` to `high`, in `unit`."""

    name: str
    unit: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ElegansError(
                f"signal {self.name}",
                f"its range is [{self.low}, {self.high}]",
                "give two finite numbers, the lower one first",
            )


@dataclass(frozen=True)
class Output:
    """An output: a name and a unit ('1' for a score)."""

    name: str
    unit: str


@dataclass(frozen=True)
class Contract:
    """Everything about a network that is not its weights."""

    name: str
    """A C identifier of lower-case letters, digits and underscores, at most 31 long."""
    inputs: tuple[Signal, ...]
    dt: Signal
    """Elapsed time since the previous step; its low end is above zero."""
    outputs: tuple[Output, ...]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", self.name):
            raise ElegansError(
                f"network {self.name!r}",
                "its name cannot prefix C functions",
                "use a lower-case letter, then up to 30 of a-z, 0-9 and _",
            )
        if not self.inputs or not self.outputs or self.dt.low <= 0:
            raise ElegansError(
                f"network {self.name}",
                "it lacks an input, an output, or an elapsed time above zero",
                "declare at least one of each",
            )

    def metadata(self, wiring: Wiring) -> str:
        """The JSON document stored in the ONNX file under the key `elegans`."""
        document: dict[str, Any] = {
            "schema": 1,
            "name": self.name,
            "inputs": [
                {"name": s.name, "unit": s.unit, "range": [s.low, s.high]} for s in self.inputs
            ],
            "dt": {"unit": self.dt.unit, "range": [self.dt.low, self.dt.high]},
            "outputs": [{"name": o.name, "unit": o.unit} for o in self.outputs],
            "layers": [{"name": name, "size": size} for name, size in wiring.layers],
            "wiring": {
                "sensory_adjacency": wiring.sensory.tolist(),
                "adjacency": wiring.adjacency.tolist(),
            },
        }
        return json.dumps(document, separators=(",", ":"), sort_keys=True)
