"""z = a dt + b: how elapsed time enters a CfC, before the sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.ops.gated_drive import GatedDrive


@dataclass(frozen=True)
class TimeGate(GatedDrive):
    """`GatedDrive`'s meaning with one u for all neurons: elapsed time, at any scale."""

    kernel: ClassVar[str] = "time_gate"


OP = TimeGate
