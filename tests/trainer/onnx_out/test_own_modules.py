"""export_onnx of torch's recurrent layers, and of modules that take their state themselves."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.trainer import export_onnx
from elegans.trainer.onnx_out.export_step import step_of
from elegans.trainer.onnx_out.plain_module import on_cpu

_I, _T = 3, 5


class _Own(nn.Module):
    """A module with these parts, which `run` computes with."""

    def __init__(self, run, **parts):
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)


class _StateModule(_Own):
    def forward(self, x, h):
        return self.run(self, x, h)


class _PairModule(_Own):
    def forward(self, x, state):
        return self.run(self, x, state)


class _ThreeModule(_Own):
    def forward(self, x, h, c):
        return self.run(self, x, h, c)


class _TimedModule(_Own):
    def forward(self, x, h, dt):
        return self.run(self, x, h, dt)


class _OptionalModule(_Own):
    def forward(self, x, hidden=None):
        return self.run(self, x, torch.zeros(x.shape[0], 5) if hidden is None else hidden)


class _DecayingModule(_Own):
    def forward(self, x, h=None, dt=None):
        return self.run(self, x, torch.zeros(1, 5) if h is None else h, dt)


class _ObservedModule(_Own):
    def forward(self, observation, memory):
        return self.run(self, observation, memory)


def _elman(own, x, h):
    h = torch.tanh(own.a(x) + own.b(h))
    return own.out(h), h


def _pair(own, x, state):
    h, c = state
    entry, new, output = own.a(torch.cat([x, h], 1)).chunk(3, 1)
    c = torch.sigmoid(entry) * torch.tanh(new) + (1 - torch.sigmoid(entry)) * c
    h = torch.sigmoid(output) * torch.tanh(c)
    return own.out(h), (h, c)


def _decayed(own, x, h, dt):
    """GRU-D: the state decays before the cell reads it."""
    h = own.cell(x, torch.exp(-torch.relu(own.rate(dt))) * h)
    return own.out(h), h


def _stacked(own, x, hidden):
    rest = []
    for cell, h in zip(own.cells, hidden, strict=True):
        x = cell(x, h)
        rest.append(x)
    return own.out(x), rest


def _policy(own, x, memory):
    memory = own.cell(torch.relu(own.a(x)), memory)
    return {"logits": own.out(memory), "value": own.value(memory)}, memory


def _tanh_layers():
    return {"a": nn.Linear(_I, 5), "b": nn.Linear(5, 5), "out": nn.Linear(5, 2)}


# The module, an example of its state, and whether it takes elapsed time.
_OWN = {
    "y, h = net(x, h)": lambda: (_StateModule(_elman, **_tanh_layers()), torch.zeros(1, 5)),
    "h = net(x, h)": lambda: (
        _StateModule(lambda own, x, h: _elman(own, x, h)[1], **_tanh_layers()),
        torch.zeros(1, 5),
    ),
    "h, y = net(x, h)": lambda: (
        _StateModule(lambda own, x, h: _elman(own, x, h)[::-1], **_tanh_layers()),
        torch.zeros(1, 5),
    ),
    "y, (h, c) = net(x, (h, c))": lambda: (
        _PairModule(_pair, a=nn.Linear(_I + 4, 12), out=nn.Linear(4, 2)),
        (torch.zeros(1, 4), torch.zeros(1, 4)),
    ),
    "y, h = net(x, h, dt)": lambda: (
        _TimedModule(_decayed, cell=nn.GRUCell(_I, 5), rate=nn.Linear(1, 5), out=nn.Linear(5, 1)),
        torch.zeros(1, 5),
    ),
    "y, h = net(x, hidden=None)": lambda: (
        _OptionalModule(_elman, **_tanh_layers()),
        torch.zeros(1, 5),
    ),
    "y, h = net(x, h=None, dt=None)": lambda: (
        _DecayingModule(
            _decayed, cell=nn.GRUCell(_I, 5), rate=nn.Linear(1, 5), out=nn.Linear(5, 1)
        ),
        torch.zeros(1, 5),
    ),
    "a list of states": lambda: (
        _PairModule(
            _stacked,
            cells=nn.ModuleList([nn.GRUCell(_I, 5), nn.GRUCell(5, 4)]),
            out=nn.Linear(4, 2),
        ),
        [torch.zeros(1, 5), torch.zeros(1, 4)],
    ),
    "outputs by name": lambda: (
        _ObservedModule(
            _policy,
            a=nn.Linear(_I, 6),
            cell=nn.GRUCell(6, 6),
            out=nn.Linear(6, 3),
            value=nn.Linear(6, 1),
        ),
        torch.zeros(1, 6),
    ),
}


def _made(what):
    torch.manual_seed(6)
    return _OWN[what]()


def _flat(tree):
    if isinstance(tree, torch.Tensor):
        return [tree.reshape(1, -1)]
    return [
        leaf for part in (tree.values() if isinstance(tree, dict) else tree) for leaf in _flat(part)
    ]


@pytest.mark.parametrize("what", _OWN)
@pytest.mark.parametrize("told", [False, True])
def test_a_module_that_takes_its_state_is_stepped_as_it_is(what, told):
    """With an example of the state, and without one."""
    net, state = _made(what)
    step = step_of(net, _I, state if told else None)
    size = sum(leaf.numel() for leaf in _flat(state))
    assert step.states == size
    h = torch.zeros(1, size)
    for x in torch.randn(_T, 1, _I):
        dt = torch.full((1, 1), 0.3)
        with torch.no_grad():
            found = (
                net(x, state, dt)
                if isinstance(net, (_TimedModule, _DecayingModule))
                else net(x, state)
            )
            y, h = step(x, h, dt)
        if isinstance(found, torch.Tensor):
            y_next, state = found, found
        elif what.startswith("h, y"):
            state, y_next = found
        else:
            y_next, state = found
        assert torch.allclose(y, torch.cat(_flat(y_next), 1), atol=1e-6)
        assert torch.allclose(h, torch.cat(_flat(state), 1), atol=1e-6)


_LAYERS = {
    "GRU": lambda: nn.GRU(_I, 6, 2, batch_first=True, dropout=0.4),
    "LSTM": lambda: nn.LSTM(_I, 5, 3),
    "LSTM with a projection": lambda: nn.LSTM(_I, 6, 2, proj_size=3, batch_first=True),
    "RNN": lambda: nn.RNN(_I, 4, 2, bias=False),
    "RNN with relu": lambda: nn.RNN(_I, 4, nonlinearity="relu"),
}


@pytest.mark.parametrize("what", _LAYERS)
def test_a_recurrent_layer_of_torch_is_its_cells(what):
    torch.manual_seed(7)
    layer = _LAYERS[what]().eval()
    step, x = step_of(layer, _I), torch.randn(_T, 1, _I)
    h, outputs = torch.zeros(1, step.states), []
    with torch.no_grad():
        wanted, last = layer(x.swapaxes(0, 1) if layer.batch_first else x)
        for now in x:
            y, h = step(now, h, torch.ones(1, 1))
            outputs.append(y)
    assert torch.allclose(torch.cat(outputs).reshape(-1), wanted.reshape(-1), atol=1e-6)
    assert torch.allclose(h, torch.cat(_flat(last), 1), atol=1e-6)


class _Head(nn.Module):
    """What people train: a normalisation, layers of torch, a head on the last step or state."""

    def __init__(self, of_state):
        super().__init__()
        self.norm, self.rnn = nn.BatchNorm1d(_I), nn.LSTM(_I, 4, 2, batch_first=True)
        self.head, self.of_state = nn.Linear(4, 2), of_state

    def forward(self, x):
        y, (h, _) = self.rnn(self.norm(x.transpose(1, 2)).transpose(1, 2))
        return self.head(h[-1] if self.of_state else y[:, -1])


@pytest.mark.parametrize("of_state", [False, True])
@pytest.mark.parametrize("around", [None, nn.DataParallel, "double"])
def test_a_head_on_layers_of_torch_is_a_step_with_all_their_states(of_state, around):
    torch.manual_seed(8)
    net = _Head(of_state).eval()
    net.norm.running_mean.uniform_(-0.3, 0.3)
    x, h = torch.randn(1, _T, _I), torch.zeros(1, 16)
    with torch.no_grad():
        wanted = net(x)
        given = net if around is None else net.double() if around == "double" else around(net)
        step = step_of(on_cpu(given), _I)
        for k in range(_T):
            y, h = step(x[:, k], h, torch.ones(1, 1))
    assert torch.allclose(y, wanted, atol=1e-5)


def test_a_state_that_decays_before_the_cell_is_exported_as_it_is(tmp_path):
    """The file beside the module, and the network that elegans reads of it."""
    net, h = _made("y, h = net(x, h, dt)")
    path = tmp_path / "My-net.v2.onnx"
    export_onnx(torch.compile(net), _I, path, input_ranges=(-1.0, 1.0), dt_range=(0.1, 2.0))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for x in torch.rand(_T, 1, _I) * 2 - 1:
        dt = torch.rand(1, 1) + 0.1
        given = {"x": x.numpy(), "h": h.numpy(), "dt": dt.numpy()}
        with torch.no_grad():
            y, h = net(x, h, dt)
        found = session.run(["y", "h_next"], given)
        assert np.allclose(found[0], y, atol=1e-5)
        assert np.allclose(found[1], h, atol=1e-5)
    model = export(Request(path), tmp_path / "BUILD")
    assert (model.name, len(model.states)) == ("my_net_v2", 5)
    told = "the model is called my_net_v2, because C takes no 'My-net.v2'"
    assert told in (tmp_path / "BUILD" / "report.txt").read_text()


class _Aside(_Own):
    def forward(self, x):
        self.h = torch.tanh(self.a(x) + self.b(self.h))
        return self.out(self.h)


def _aside():
    net = _Aside(None, **_tanh_layers())
    net.register_buffer("h", torch.zeros(1, 5))
    return net


class _Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.GRU(_I, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.rnn(x)[0].mean(1))


_REFUSED = {
    "keeps its state to itself, in 'h'": _aside,
    "keeps no state": lambda: nn.Sequential(nn.Linear(_I, 4), nn.Tanh()),
    "reads its sequence from both ends.*one direction": lambda: nn.GRU(_I, 4, bidirectional=True),
    "on a sequence what single steps do not give": _Mean,
    r"no next state.*state=torch\.zeros": lambda: _StateModule(
        lambda own, x, h: own.a(x).mean() + h.sum() * torch.ones(11), a=nn.Linear(_I, 7)
    ),
    r"does not run on one sample \(TypeError.*state=torch\.zeros": lambda: _StateModule(
        lambda own, x, h: own.a(x, h), a=nn.Linear(_I, 7)
    ),
    "OrderedDict: is no torch.nn.Module; give a network": lambda: nn.GRU(_I, 4).state_dict(),
    "TorchScript program.*module that it was made of": lambda: torch.jit.script(nn.Linear(_I, 2)),
}


@pytest.mark.parametrize("match", _REFUSED)
def test_a_module_without_a_step_says_why(match, tmp_path):
    with pytest.raises(ElegansError, match=match):
        export_onnx(_REFUSED[match](), _I, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [0, -1, 2.0, torch.zeros(1, _I)], ids=str)
def test_a_size_that_is_no_number_of_inputs_is_told(size, tmp_path):
    with pytest.raises(ElegansError, match=r"input_size is .*give the number of inputs"):
        export_onnx(nn.GRU(_I, 4), size, tmp_path / "net.onnx")


@pytest.mark.parametrize("bounds", [(1, -1), (float("nan"), 1), [(-1, 1), (0, 0), (0, 1)]], ids=str)
def test_an_empty_range_is_refused_before_the_file_is_written(bounds, tmp_path):
    with pytest.raises(ElegansError, match=r"the range of x[01]: .* is empty or not finite"):
        export_onnx(nn.GRU(_I, 4), _I, tmp_path / "net.onnx", input_ranges=bounds)
    assert not list(tmp_path.iterdir())
