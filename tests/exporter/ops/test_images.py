"""Convolutions, pools and frames: every execution gives the same bits, and what torch computes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.numbers.sliding_window import SlidingWindow
from elegans.exporter.ops.convolution import Convolve
from elegans.exporter.ops.depthwise import Depthwise
from elegans.exporter.ops.frame import CameraFrame
from elegans.exporter.ops.max_pool import MaxPool
from elegans.exporter.ops.mean_pool import MeanPool

_LANES = 3


def window(
    image: tuple[int, int, int],
    size: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    gap: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> SlidingWindow:
    """A window; pads are top, left, bottom, right, as ONNX has them."""
    out = [
        (length + pads[i] + pads[i + 2] - gap[i] * (size[i] - 1) - 1) // stride[i] + 1
        for i, length in enumerate(image[:2])
    ]
    return SlidingWindow(*image, *size, *stride, *gap, *pads[:2], *out)


_WINDOWS = [
    window((6, 7, 3), (3, 3)),
    window((6, 7, 3), (3, 3), pads=(1, 1, 1, 1)),
    window((9, 8, 3), (5, 3), (2, 2), pads=(2, 1, 2, 1)),
    window((8, 9, 1), (3, 5), (1, 2), pads=(1, 2, 1, 2)),
    window((7, 9, 2), (3, 2), (1, 1), (2, 3), (2, 1, 2, 1)),
    window((1, 12, 4), (1, 4), (1, 2), pads=(0, 1, 0, 3)),
    window((4, 5, 8), (4, 5)),
    window((5, 5, 16), (1, 1)),
    window((3, 3, 5), (3, 3), pads=(2, 2, 2, 2)),
]


def _images(found: SlidingWindow, random: np.random.Generator, reach: int = 32768):
    x = random.integers(-reach, reach, (_LANES, found.size))
    x[-1] = np.where(random.integers(0, 2, found.size), -reach, reach - 1)
    return x


def _fields(found: SlidingWindow):
    return found.table()[0]


def _convolution(found: SlidingWindow, outputs: int, groups: int, random: np.random.Generator):
    cols = found.taps * found.channels // groups
    most = min(2**15 - 1, (2**31 - 2**26) // (2**15 * cols))
    weights = random.integers(-most, most + 1, (outputs, cols))
    bias = random.integers(-(2**20), 2**20, outputs)
    shift = random.integers(10, 20, outputs)
    return Convolve(weights, bias, shift, _fields(found), groups, -32768, 32767)


def _torch(op: Convolve, x: np.ndarray, found: SlidingWindow) -> np.ndarray:
    """The sums of a convolution by torch in float64, which is exact here."""
    outputs, per = len(op.weights), found.channels // op.groups
    image = torch.from_numpy(x.astype(np.float64))
    image = image.reshape(len(x), found.height, found.width, found.channels).permute(0, 3, 1, 2)
    kernel = torch.from_numpy(op.weights.astype(np.float64))
    kernel = kernel.reshape(outputs, found.rows, found.columns, per).permute(0, 3, 1, 2)
    far = (found.out_height * found.down * 4, found.out_width * found.right * 4)
    padded = functional.pad(image, (found.left, far[1], found.top, far[0]))
    gaps = (found.row_gap, found.column_gap)
    sums = functional.conv2d(
        padded, kernel, stride=(found.down, found.right), dilation=gaps, groups=op.groups
    )[:, :, : found.out_height, : found.out_width]
    return sums.permute(0, 2, 3, 1).reshape(len(x), -1).numpy().astype(np.int64)


@pytest.mark.parametrize("number", range(len(_WINDOWS)))
def test_a_convolution_is_torch_s_and_has_the_same_bits_everywhere(everywhere, number):
    found, random = _WINDOWS[number], np.random.default_rng(number)
    for outputs in (1, 4, 6):
        op = _convolution(found, outputs, 1, random)
        x = _images(found, random)
        y = everywhere(op, x)
        sums = _torch(op, x, found) + np.tile(op.bias, found.positions)
        shift = np.tile(op.shift, found.positions)
        expected = np.clip((sums + ((1 << shift) >> 1)) >> shift, -32768, 32767)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(("groups", "outputs"), [(2, 2), (2, 10), (4, 4), (4, 12)])
def test_a_group_of_outputs_reads_its_own_channels_only(everywhere, groups, outputs):
    random = np.random.default_rng(outputs)
    for found in (window((5, 6, 4), (3, 3), pads=(1, 1, 1, 1)), window((5, 6, 8), (2, 3), (2, 1))):
        op = _convolution(found, outputs, groups, random)
        x = _images(found, random)
        sums = _torch(op, x, found) + np.tile(op.bias, found.positions)
        shift = np.tile(op.shift, found.positions)
        expected = np.clip((sums + ((1 << shift) >> 1)) >> shift, -32768, 32767)
        np.testing.assert_array_equal(everywhere(op, x), expected)


def test_a_rectified_convolution_is_held_at_its_limits(everywhere):
    random = np.random.default_rng(1)
    found = _WINDOWS[1]
    op = _convolution(found, 5, 1, random)
    x = _images(found, random)
    held = Convolve(op.weights, op.bias, op.shift, op.shape, 1, 0, 8191)
    np.testing.assert_array_equal(everywhere(held, x), np.clip(op.integer(x), 0, 8191))


def test_a_convolution_whose_sums_could_leave_int32_is_refused():
    found = window((3, 3, 2), (2, 2))
    op = Convolve(np.full((1, 8), 8192), [0], [3], _fields(found), 1, -32768, 32767)
    any_x = Interval.of(np.full(18, -32768), np.full(18, 32767))
    with pytest.raises(RangeError, match="channel 0 reaches 2147483652"):
        op.range(any_x)
    op.range(Interval.of(np.full(18, -32767), np.full(18, 32767)))


@pytest.mark.parametrize("number", range(len(_WINDOWS)))
def test_a_depthwise_convolution_is_one_of_as_many_groups(everywhere, number):
    found, random = _WINDOWS[number], np.random.default_rng(number)
    most = min(2**15 - 1, (2**31 - 2**26) // (2**15 * found.taps))
    weights = random.integers(-most, most + 1, (found.taps, found.channels))
    bias = random.integers(-(2**20), 2**20, found.channels)
    shift = random.integers(10, 20, found.channels)
    x = _images(found, random)
    y = everywhere(Depthwise(weights, bias, shift, _fields(found), -32768, 32767), x)
    same = Convolve(weights.T, bias, shift, _fields(found), found.channels, -32768, 32767)
    np.testing.assert_array_equal(y, same.integer(x))


@pytest.mark.parametrize("number", range(len(_WINDOWS) - 1))
def test_pools_are_torch_s_and_have_the_same_bits_everywhere(everywhere, number):
    found, random = _WINDOWS[number], np.random.default_rng(number)
    x = _images(found, random)
    image = x.reshape(_LANES, found.height, found.width, found.channels)
    rows, columns = (
        np.arange(out)[:, None] * stride - before + np.arange(size) * gap
        for out, stride, before, size, gap in (
            (found.out_height, found.down, found.top, found.rows, found.row_gap),
            (found.out_width, found.right, found.left, found.columns, found.column_gap),
        )
    )
    greatest = np.zeros((_LANES, found.out_height, found.out_width, found.channels), np.int64)
    mean, padded = greatest.copy(), greatest.copy()
    for i, j in itertools.product(range(found.out_height), range(found.out_width)):
        r = rows[i][(rows[i] >= 0) & (rows[i] < found.height)]
        c = columns[j][(columns[j] >= 0) & (columns[j] < found.width)]
        part = image[:, r][:, :, c].reshape(_LANES, -1, found.channels)
        greatest[:, i, j], total, n = part.max(axis=1), part.sum(axis=1), part.shape[1]
        mean[:, i, j] = (total + n // 2) // n
        n = (rows[i] < found.height + 1).sum() * (columns[j] < found.width + 2).sum()
        padded[:, i, j] = (total + n // 2) // n
    fields = _fields(found)
    for op, expected in (
        (MaxPool(fields), greatest),
        (MeanPool(fields, [0, 0]), mean),
        (MeanPool(fields, [2, 3]), padded),
    ):
        np.testing.assert_array_equal(everywhere(op, x), expected.reshape(_LANES, -1))


def test_a_pool_that_would_see_nothing_of_the_image_is_refused():
    for kind in (MaxPool, lambda shape: MeanPool(shape, [0, 0])):
        with pytest.raises(ValueError, match="outside of the image"):
            kind(_fields(window((3, 3, 5), (1, 1), pads=(1, 1, 1, 1))))


@pytest.mark.parametrize("planar", [0, 1])
def test_a_frame_is_clamped_scaled_and_interleaved(everywhere, planar):
    random = np.random.default_rng(planar)
    channels, pixels = 3, 11
    lo, hi = np.array([-100, 0, -32768]), np.array([4000, 255, 32767])
    gain, offset = np.array([-30000, 32767, 12345]), np.array([1000, -7, 0])
    shift = np.array([14, 8, 15])
    op = CameraFrame(lo, hi, gain, offset, shift, pixels, planar)
    x = random.integers(-32768, 32768, (_LANES, channels * pixels))
    image = x.reshape(_LANES, channels, pixels).transpose(0, 2, 1) if planar else x
    held = np.clip(image.reshape(_LANES, pixels, channels), lo, hi)
    expected = np.clip((held * gain + offset + ((1 << shift) >> 1)) >> shift, -32768, 32767)
    np.testing.assert_array_equal(everywhere(op, x), expected.reshape(_LANES, -1))
