"""An image from outside: planes of channels become pixels with their channels side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.images.image import Image, of_channels
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import Span, window_span
from elegans.exporter.numbers.fixed import Reals


@dataclass(frozen=True, eq=False)
class FrameImage(Image):
    """`scale * x + offset` for each channel, with the channels last.

    planar  whether x has plane after plane, not pixel after pixel
    scale   [channels] what normalises an image, and what the counts of a camera stand for
    offset  [channels]
    """

    planar: bool
    scale: Reals
    offset: Reals

    reason: ClassVar[str] = "an input"

    @property
    def channels(self) -> int:
        return len(self.scale)

    def interleaved(self, x: Reals) -> Reals:
        """[..., size] with the channels last."""
        if not self.planar:
            return x
        pixels = self.size // self.channels
        planes = x.reshape(*x.shape[:-1], self.channels, pixels)
        return np.swapaxes(planes, -1, -2).reshape(x.shape)

    def real(self, *parts: Reals) -> Reals:
        (x,) = parts
        pixels = self.size // self.channels
        return self.interleaved(x) * np.tile(self.scale, pixels) + np.tile(self.offset, pixels)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        one, other = (self.real(end) for end in window_span(self.x, spans))
        return of_channels((np.minimum(one, other), np.maximum(one, other)), self.channels)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        to.frame(called.name, called.layer, name)
