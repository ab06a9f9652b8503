"""One step of torch's recurrent layers: nn.GRU, nn.LSTM and nn.RNN of any depth."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError


def states_of(layer: nn.RNNBase) -> int:
    """The number of states: those of all layers, and for an LSTM their cells behind them."""
    shown = layer.proj_size or layer.hidden_size
    cells = layer.hidden_size if isinstance(layer, nn.LSTM) else 0
    return int(layer.num_layers * (shown + cells))


def step(layer: nn.RNNBase, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    """x [1, I], h [1, H] -> y [1, O], h_next [1, H]; dt is not read. H is `states_of` the layer.

    Raises `ElegansError` for a layer that reads its sequence from both ends.
    """
    if layer.bidirectional:
        fact = "reads its sequence from both ends, so that each output needs what comes after it"
        raise ElegansError(
            f"export_onnx, nn.{type(layer).__name__}", fact, "train it in one direction"
        )
    depth, shown = layer.num_layers, layer.proj_size or layer.hidden_size
    hidden = list(torch.split(h[:, : depth * shown], shown, dim=1))
    cells = list(torch.split(h[:, depth * shown :], layer.hidden_size, dim=1))
    for i in range(depth):
        if isinstance(layer, nn.LSTM):
            hidden[i], cells[i] = _lstm(layer, i, x, hidden[i], cells[i])
        else:
            cell = torch.gru_cell if isinstance(layer, nn.GRU) else _tanh_or_relu(layer)
            hidden[i] = cell(x, hidden[i], *_weights(layer, i))
        x = hidden[i]
    return x, torch.cat([*hidden, *cells] if isinstance(layer, nn.LSTM) else hidden, dim=1)


def result(layer: nn.RNNBase, x: Tensor, y: Tensor, h: Tensor) -> tuple[Tensor, Any]:
    """What the layer itself gives for one sample x, from its `step`."""
    depth, shown = layer.num_layers, layer.proj_size or layer.hidden_size
    batch = () if x.dim() == 2 else (1,)
    hidden = h[:, : depth * shown].reshape(depth, *batch, shown)
    outputs = y.reshape(*x.shape[:-1], shown)
    if not isinstance(layer, nn.LSTM):
        return outputs, hidden
    return outputs, (hidden, h[:, depth * shown :].reshape(depth, *batch, layer.hidden_size))


def _weights(layer: nn.RNNBase, i: int) -> list[Any]:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [getattr(layer, f"{name}_l{i}", None) for name in names]


def _tanh_or_relu(layer: nn.RNNBase) -> Any:
    relu = getattr(layer, "nonlinearity", "tanh") == "relu"
    return torch.rnn_relu_cell if relu else torch.rnn_tanh_cell


def _lstm(layer: nn.RNNBase, i: int, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """With a projection of its output, which torch's cell does not have."""
    of_input, of_state, b, c_b = _weights(layer, i)
    gates = functional.linear(x, of_input, b) + functional.linear(h, of_state, c_b)
    entry, forget, new, output = gates.chunk(4, dim=1)
    c = torch.sigmoid(forget) * c + torch.sigmoid(entry) * torch.tanh(new)
    h = torch.sigmoid(output) * torch.tanh(c)
    projection = getattr(layer, f"weight_hr_l{i}", None)
    return (h if projection is None else functional.linear(h, projection)), c
