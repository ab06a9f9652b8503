"""What stands between raw sensor windows and a circuit: an MLP, or a 1-D convolution."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.gru_lstm_mlp import mlp


class MLPHead(nn.Module):
    """A perceptron: [B, input_size] -> tanh features [B, output_size]."""

    def __init__(self, input_size: int, hidden: Sequence[int], output_size: int) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, output_size
        self.layers = nn.Sequential(mlp(input_size, hidden, output_size), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x)
        return result


class ConvHead(nn.Module):
    """A 1-D convolution over a window of `length` samples of `channels` sensors.

    The window comes flat and channel by channel, [B, channels * length]; rectified
    features, averaged over `pool` neighbours, go out flat and feature by feature.
    """

    def __init__(
        self, channels: int, length: int, features: int, kernel: int, stride: int = 1, pool: int = 1
    ) -> None:
        super().__init__()
        positions = (length - kernel) // stride + 1
        if positions < 1 or positions // pool < 1:
            raise ElegansError(
                "convolution head",
                f"a kernel of {kernel} and pools of {pool} do not fit {length} samples",
                "give a longer window",
            )
        self.channels, self.length = channels, length
        self.input_size, self.output_size = channels * length, features * (positions // pool)
        self.convolution = nn.Conv1d(channels, features, kernel, stride)
        self.pool = nn.AvgPool1d(pool) if pool > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Windows [B, channels * length] -> features [B, output_size]."""
        rows = x.reshape(-1, self.channels, self.length)
        result: Tensor = self.pool(self.convolution(rows).relu()).flatten(1)
        return result
