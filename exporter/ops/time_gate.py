"""z = a dt + b: the argument of the sigmoid in a CfC's time gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.ops.gated_drive import GatedDrive


@dataclass(frozen=True)
class TimeGate(GatedDrive):
    """z = sat16(rshr(a * dt + b * 2^align, shift)): `GatedDrive` with one u for all elements.

    a, b, z  [..., n] any scales
    dt       [..., 1] elapsed time, any scale
    """

    kernel: ClassVar[str] = "time_gate"


OP = TimeGate
