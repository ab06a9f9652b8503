"""The greatest or the mean of what is under a window, for each channel of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.images.image import Image, of_channels
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import Span, window_span
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops.max_pool import MaxPool
from elegans.exporter.ops.mean_pool import MeanPool


@dataclass(frozen=True, eq=False)
class PoolImage(Image):
    """`op` for each channel of x. Both kinds rise with every element, and keep the format."""

    op: MaxPool | MeanPool

    reason: ClassVar[str] = "a pool"

    @property
    def size(self) -> int:
        return self.op.window.positions * self.channels

    @property
    def channels(self) -> int:
        return self.op.window.channels

    def real(self, *parts: Reals) -> Reals:
        (x,) = parts
        found: Reals = self.op.real(x)
        return found

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = window_span(self.x, spans)
        return of_channels((self.op.real(lo), self.op.real(hi)), self.channels)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        x = to.image(f"{called.name}_x", called.layer, self.x, self.channels)
        of_channel = to.fracs(x)[: self.channels]
        frac = np.tile(of_channel, self.op.window.positions)
        to.step(called.name, called.layer, self.op, ((x,),), frac)
