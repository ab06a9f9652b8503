"""Heads, an MLP or a 1-D convolution: they turn raw sensor windows into a cell's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.gru_lstm_mlp import mlp


class MLPHead(nn.Module):
    """A perceptron with ReLU between its layers and tanh behind the last."""

    def __init__(self, input_size: int, hidden: Sequence[int], output_size: int) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, output_size
        self.layers = nn.Sequential(mlp(input_size, hidden, output_size), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """x [B, input_size] -> features [B, output_size] in [-1, 1]."""
        result: Tensor = self.layers(x)
        return result


@dataclass(frozen=True)
class Convolution:
    """The sizes of a `ConvHead`."""

    features: int
    kernel: int
    """Samples that a feature reads."""
    stride: int = 1
    pool: int = 1
    """Neighbouring positions that are averaged; 1 averages nothing."""


class ConvHead(nn.Module):
    """A 1-D convolution over a window of `length` samples of `channels` sensors.

    Raises ElegansError where the window is too short for one position.
    """

    def __init__(self, channels: int, length: int, convolution: Convolution) -> None:
        super().__init__()
        features, kernel, pool = convolution.features, convolution.kernel, convolution.pool
        positions = (length - kernel) // convolution.stride + 1
        if positions < 1 or positions // pool < 1:
            raise ElegansError(
                "convolution head",
                f"a kernel of {kernel} and pools of {pool} do not fit {length} samples",
                "give a longer window",
            )
        self.channels, self.length = channels, length
        self.input_size, self.output_size = channels * length, features * (positions // pool)
        self.convolution = nn.Conv1d(channels, features, kernel, convolution.stride)
        self.pool = nn.AvgPool1d(pool) if pool > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Windows [B, channels * length], channel by channel -> features [B, output_size] >= 0.

        ReLU, then the average over each pool; the features come feature by feature.
        """
        rows = x.reshape(-1, self.channels, self.length)
        result: Tensor = self.pool(self.convolution(rows).relu()).flatten(1)
        return result
