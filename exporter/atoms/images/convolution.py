"""A convolution of an image, whose kernel stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.images.image import Image, of_channels
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import Span, window_span
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.numbers.sliding_window import SlidingWindow, convolved
from elegans.exporter.ops.convolution import spread_groups


@dataclass(frozen=True, eq=False)
class ConvolutionImage(Image):
    """`W * x + bias`.

    shape    the window that slides over x
    weights  [outputs, taps * channels / groups] in the order rows, columns, channels
    bias     [outputs]
    groups   as in `ops.convolution`
    reach    [outputs] where the result saturates on either side; None before that is chosen

    Intervals of deep convolutions are wider than the values by orders of magnitude: each layer
    multiplies the bounds by the sum of its weights, and the values by about its root. So a result
    has a format in which the values of sample runs fit several times, and saturates beyond
    (`lowering.image_ranges`). It is the interval with these ends that everything after it is
    proved from.
    """

    shape: SlidingWindow
    weights: Reals
    bias: Reals
    groups: int
    reach: Reals | None = None

    reason: ClassVar[str] = "a convolution"

    @property
    def size(self) -> int:
        return self.shape.positions * self.channels

    @property
    def channels(self) -> int:
        return len(self.bias)

    def real(self, *parts: Reals) -> Reals:
        (x,) = parts
        kernel = spread_groups(self.weights, self.shape, self.groups)
        # A few lanes at a time, because the pixels under all windows are copied side by side.
        lanes = [convolved(x[i : i + 1], kernel, self.shape) for i in range(len(x))]
        found: Reals = np.concatenate(lanes) + np.tile(self.bias, self.shape.positions)
        return found

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = window_span(self.x, spans)
        kernel = spread_groups(self.weights, self.shape, self.groups)
        middle = convolved((lo + hi) / 2, kernel, self.shape)
        middle = middle + np.tile(self.bias, self.shape.positions)
        radius = convolved((hi - lo) / 2, np.abs(kernel), self.shape)
        lo, hi = of_channels((middle - radius, middle + radius), self.channels)
        if self.reach is None:
            return lo, hi
        ends = np.tile(self.reach, self.shape.positions)
        return np.clip(lo, -ends, ends), np.clip(hi, -ends, ends)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        to.convolution(called.name, called.layer, name)
