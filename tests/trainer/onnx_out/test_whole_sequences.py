"""torch's recurrent networks exported whole become the step of the cells that they consist of."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import pytest
import torch
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.frontend.port_summary import summary
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles.sequence_check import check_sequence
from elegans.trainer import export_onnx

_INPUTS, _HIDDEN, _LAYERS, _LENGTH = 3, 5, 2, 7
_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class _Whole(nn.Module):
    """A stack of layers, and a head on the last step or on each."""

    def __init__(self, kind, batch_first=True, last=True):
        super().__init__()
        torch.manual_seed(4)
        whole = getattr(nn, kind)
        self.core = whole(_INPUTS, _HIDDEN, _LAYERS, batch_first=batch_first, dropout=0.2)
        self.head, self.last = nn.Linear(_HIDDEN, 2), last

    def forward(self, x):
        y, _ = self.core(x)
        if self.last:
            y = y[:, -1] if self.core.batch_first else y[-1]
        return self.head(y)


class _Cells(nn.Module):
    """The same as a step that was written by hand: x, h1, h2 (, c1, c2) -> y and these."""

    def __init__(self, kind):
        super().__init__()
        whole = _Whole(kind)
        self.kind, self.head = kind, whole.head
        sizes = [_INPUTS, *[_HIDDEN] * (_LAYERS - 1)]
        self.cells = nn.ModuleList(getattr(nn, f"{kind}Cell")(n, _HIDDEN) for n in sizes)
        for layer, cell in enumerate(self.cells):
            for name in _WEIGHTS:
                setattr(cell, name, getattr(whole.core, f"{name}_l{layer}"))

    def forward(self, x, *states):
        h, c = list(states[:_LAYERS]), list(states[_LAYERS:])
        for layer, cell in enumerate(self.cells):
            if self.kind == "LSTM":
                h[layer], c[layer] = cell(x, (h[layer], c[layer]))
            else:
                h[layer] = cell(x, h[layer])
            x = h[layer]
        return self.head(x), *h, *c


class _Unrolled(nn.Module):
    """A loop over time that the user wrote; a trace of it has a copy of the cells for each step."""

    def __init__(self, kind):
        super().__init__()
        self.step = _Cells(kind)

    def forward(self, x):
        count = _LAYERS * (2 if self.step.kind == "LSTM" else 1)
        states = tuple(torch.zeros(1, _HIDDEN) for _ in range(count))
        for sample in x.unbind(1):
            y, *states = self.step(sample, *states)
        return y


def _exported(module, inputs, path, dynamo, **options):
    logging.disable(logging.WARNING)
    options |= {"external_data": False, "verbose": False} if dynamo else {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), inputs, str(path), dynamo=dynamo, **options)
    logging.disable(logging.NOTSET)
    return path


def _lowered(path):
    graph = open_graph(path)
    check_sequence(graph)
    interface = with_ranges(read_interface(graph, "net"), [(-1.0, 1.0)], None, None)
    return lower(read_network(graph, interface))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_network_exported_whole_has_the_bits_of_its_cells(tmp_path, kind):
    names = ["h1", "h2", "c1", "c2"][: _LAYERS * (2 if kind == "LSTM" else 1)]
    ports = {"input_names": ["x", *names], "output_names": ["y", *(f"{n}_next" for n in names)]}
    x, states = torch.zeros(1, _LENGTH, _INPUTS), [torch.zeros(1, _HIDDEN) for _ in names]
    path = tmp_path / "cells.onnx"
    wanted = _lowered(_exported(_Cells(kind), (x[:, 0], *states), path, False, **ports))
    for dynamo in (False, True):
        path = _exported(_Whole(kind), (x,), tmp_path / "whole.onnx", dynamo)
        found = _lowered(path)
        assert _told(path).startswith("one step of ")
        assert f", sequence of {_LENGTH}: sensors " in _told(path)
        if (kind, dynamo) == ("RNN", True):  # unrolled by the exporter: the states in its order
            assert found.weight_count == wanted.weight_count
        else:
            assert found.digest == wanted.digest


@pytest.mark.parametrize("kind", ["LSTM"])
def test_copies_that_a_trace_of_a_loop_gives_are_the_step_of_its_cells(tmp_path, kind):
    x = torch.zeros(1, 4, _INPUTS)
    found = [
        _lowered(_exported(_Unrolled(kind), (x,), tmp_path / f"{dynamo}.onnx", dynamo))
        for dynamo in (False, True)
    ]
    told = _told(tmp_path / "True.onnx")
    assert told.startswith("one step of an unrolled network, sequence of 4: sensors")
    assert found[0].digest == found[1].digest
    assert len(found[0].states) == _LAYERS * _HIDDEN * (2 if kind == "LSTM" else 1)


def _told(path):
    graph = open_graph(path)
    return summary(graph, read_interface(graph))


_REFUSED = {
    "bidirectional": ({"bidirectional": True}, "in both directions.*bidirectional=False"),
    "projected": ({"proj_size": 2}, "proj_size=2.*proj_size=0 and a Linear layer"),
}


@pytest.mark.parametrize(("given", "match"), _REFUSED.values(), ids=_REFUSED)
def test_a_network_that_is_no_step_is_refused_before_anything_is_written(tmp_path, given, match):
    with pytest.raises(ElegansError, match=match):
        export_onnx(nn.LSTM(_INPUTS, _HIDDEN, **given), _INPUTS, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
