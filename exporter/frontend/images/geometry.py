"""The window of an ONNX operator: strides, padding, dilation, the rounding of its positions."""

from __future__ import annotations

import math

from elegans.exporter.frontend.reference_rules import Attributes
from elegans.exporter.numbers.sliding_window import SlidingWindow

Sizes = tuple[int, int]  # along the height and the width; the height of a sequence is 1


def window_of(
    given: Attributes, image: tuple[int, ...], size: tuple[int, ...]
) -> tuple[SlidingWindow, Sizes]:
    """The window of a node, and the rows below and columns beside the image that it pads.

    given  the node's attributes
    image  (channels, height, width), or (channels, length)
    size   (rows, columns), or (length,)

    Raises ValueError where they do not fit.
    """
    rank = len(image) - 1
    stride, gap = (_each(given.get(key), rank, 1) for key in ("strides", "dilations"))
    pads = list(given.get("pads") or [0] * 2 * rank)
    if len(pads) != 2 * rank or len(size) != rank or min(pads) < 0:
        raise ValueError(f"pads {pads} of {rank} dimensions")
    auto = given.get("auto_pad", b"NOTSET").decode("ascii", "replace")
    ceil = bool(given.get("ceil_mode", 0))
    found = []
    for axis in range(rank):
        length, before, behind = image[1 + axis], pads[axis], pads[axis + rank]
        reach = gap[axis] * (size[axis] - 1) + 1
        if auto.startswith("SAME"):
            total = max((math.ceil(length / stride[axis]) - 1) * stride[axis] + reach - length, 0)
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
            behind = total - before
        elif auto not in ("NOTSET", "VALID"):
            raise ValueError(f"auto_pad {auto!r:.20}")
        elif auto == "VALID":
            before = behind = 0
        room = length + before + behind - reach
        if room < 0:
            raise ValueError(f"a window of {reach} for {length} elements")
        positions = (math.ceil if ceil else math.floor)(room / stride[axis]) + 1
        if ceil and (positions - 1) * stride[axis] >= length + before:
            positions -= 1  # a window that begins behind the image
        found.append((length, size[axis], stride[axis], gap[axis], before, positions, behind))
    if rank == 1:
        found.insert(0, (1, 1, 1, 1, 0, 1, 0))
    (high, wide) = found
    window = SlidingWindow(
        *(high[0], wide[0], image[0], high[1], wide[1], high[2], wide[2]),
        *(high[3], wide[3], high[4], wide[4], high[5], wide[5]),
    )
    return window, (high[6], wide[6])


def _each(given: list[int] | None, rank: int, default: int) -> list[int]:
    found = list(given or [default] * rank)
    if len(found) != rank or min(found) < 1:
        raise ValueError(f"{found} for {rank} dimensions")
    return found
