"""Layers equal ncps and torch with the same weights, and a batch equals its sequences."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
theirs = pytest.importorskip("ncps.torch", reason="ncps, the oracle, is not installed")
wirings = pytest.importorskip("ncps.wirings")

from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elegans.exporter.errors import ElegansError
from elegans.trainer import (
    CTRNN,
    GRU,
    LSTM,
    LTC,
    AutoNCP,
    CfC,
    FullyConnected,
    Random,
    truncated,
)
from elegans.trainer.cells.ltc import ncps_order

INPUTS, BATCH, STEPS = 5, 4, 7
ALL = {
    "cfc": lambda **more: CfC(INPUTS, AutoNCP(12, 3), **more),
    "mixed": lambda **more: CfC(INPUTS, 6, mixed_memory=True, backbone_units=8, **more),
    "ltc": lambda **more: LTC(INPUTS, AutoNCP(12, 3), **more),
    "ctrnn": lambda **more: CTRNN(INPUTS, 6, **more),
    "gru": lambda **more: GRU(INPUTS, 6, **more),
    "lstm": lambda **more: LSTM(INPUTS, 6, **more),
}


def given() -> tuple[Any, Any]:
    random = torch.Generator().manual_seed(3)
    x = torch.randn(BATCH, STEPS, INPUTS, generator=random)
    return x, torch.rand(BATCH, STEPS, generator=random) * 2


def close(ours: Any, reference: Any) -> None:
    torch.testing.assert_close(ours, reference, rtol=3e-6, atol=3e-6)


def states(layer: Any) -> Any:
    """States [B, ...] that are not 0: h, or (h, c)."""
    parts = tuple(
        torch.linspace(-0.5, 0.5, BATCH * n).view(BATCH, n) for n in 2 * [layer.state_size]
    )
    return parts if layer.carried_size > layer.state_size else parts[0]


def pick(state: Any, one: slice | int) -> Any:
    return tuple(part[one] for part in state) if isinstance(state, tuple) else state[one]


@pytest.mark.parametrize(("batch_first", "sequences"), [(True, True), (False, False)])
@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize("wired", [True, False])
@pytest.mark.parametrize("kind", ["CfC", "LTC"])
def test_changing_the_import_changes_no_result(kind, wired, memory, batch_first, sequences) -> None:
    torch.manual_seed(5)
    more = {"return_sequences": sequences, "batch_first": batch_first, "mixed_memory": memory}
    reference = getattr(theirs, kind)(INPUTS, wirings.AutoNCP(11, 2) if wired else 6, **more)
    ours = {"CfC": CfC, "LTC": LTC}[kind](INPUTS, AutoNCP(11, 2) if wired else 6, **more)
    ours.load_state_dict(reference.state_dict())
    x, _ = given()
    x = x if batch_first else x.transpose(0, 1)
    y, h = ours(x)
    expected, last = reference(x)
    close(y, expected)
    if kind == "LTC":  # neurons, and the units of the memory, in our order
        order = ncps_order(ours.rnn_cell.wiring)
        last = tuple(p[:, order] for p in last) if memory else last[:, order]
    close(h, last)
    close(ours(x, h)[0], reference(x, reference(x)[1])[0])
    alone = pick(h, 0)
    close(ours(x[0] if batch_first else x[:, 0], alone)[0], _of_one(ours, x, h, batch_first))


def _of_one(layer: Any, x: Any, h: Any, batch_first: bool) -> Any:
    y = layer(x, h)[0]
    return y[:, 0] if layer.return_sequences and not batch_first else y[0]


@pytest.mark.parametrize("kind", ["CfC", "LTC"])
def test_the_gradients_are_those_of_ncps(kind: str) -> None:
    reference = getattr(theirs, kind)(INPUTS, wirings.AutoNCP(11, 2))
    ours = {"CfC": CfC, "LTC": LTC}[kind](INPUTS, AutoNCP(11, 2))
    ours.load_state_dict(reference.state_dict())
    x, _ = given()
    ours(x)[0].square().sum().backward()
    reference(x)[0].square().sum().backward()
    order = ncps_order(ours.rnn_cell.wiring) if kind == "LTC" else []
    for name, parameter in reference.named_parameters():
        gradient = parameter.grad
        if gradient is None:
            continue
        if kind == "LTC" and name.split(".")[1].split("_")[0] not in ("input", "output"):
            gradient = gradient[..., order]
            if gradient.dim() == 2 and "sensory" not in name:
                gradient = gradient[order]
        mine = ours.get_parameter(name).grad
        assert (mine - gradient).abs().max() <= 1e-5 * max(1.0, gradient.abs().max()), name


@pytest.mark.parametrize("mine", [FullyConnected(6, 2), wirings.FullyConnected(6, 2)])
def test_a_cfc_on_a_wiring_without_layers_gives_all_neurons_as_in_ncps(mine: Any) -> None:
    reference = theirs.CfC(INPUTS, wirings.FullyConnected(6, 2))
    ours = CfC(INPUTS, mine)
    ours.load_state_dict(reference.state_dict())
    x, _ = given()
    assert ours.output_size == 6
    close(ours(x)[0], reference(x)[0])


@pytest.mark.parametrize("units", [wirings.FullyConnected(6), wirings.NCP(5, 4, 2, 3, 2, 4, 2)])
def test_a_wiring_of_ncps_itself_is_taken(units: Any) -> None:
    reference = theirs.LTC(INPUTS, units)
    ours = LTC(INPUTS, units)
    ours.load_state_dict(reference.state_dict())
    x, _ = given()
    close(ours(x)[0], reference(x)[0])
    with pytest.raises(ElegansError, match="has 5 inputs, not 3"):
        LTC(3, units)


@pytest.mark.parametrize(
    ("plan", "peer"),
    [
        (FullyConnected(6, 2), wirings.FullyConnected(6, 2)),
        (FullyConnected(6, self_connections=False), wirings.FullyConnected(6, None, 1111, False)),
        (Random(6, 2, 0.5), wirings.Random(6, 2, 0.5)),
    ],
)
def test_plans_without_layers_draw_the_synapses_of_ncps(plan: Any, peer: Any) -> None:
    reference, ours = theirs.LTC(INPUTS, peer), LTC(INPUTS, plan)
    ours.load_state_dict(reference.state_dict())
    x, _ = given()
    close(ours(x)[0], reference(x)[0])


def test_weights_for_another_circuit_are_refused() -> None:
    reference = theirs.LTC(INPUTS, wirings.AutoNCP(11, 2, seed=7))
    with pytest.raises(ElegansError, match="a circuit with other synapses"):
        LTC(INPUTS, AutoNCP(11, 2)).load_state_dict(reference.state_dict())


@pytest.mark.parametrize("units", ["eight", 2.5, None])
def test_what_is_no_wiring_is_refused(units: Any) -> None:
    with pytest.raises(ElegansError, match="is no wiring"):
        CfC(INPUTS, units)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_gru_and_lstm_equal_torch_packed_and_not(name: str) -> None:
    layer = ALL[name]()
    peer = {"gru": nn.GRU, "lstm": nn.LSTM}[name](INPUTS, 6, batch_first=True)
    peer.load_state_dict({f"{k}_l0": v for k, v in layer.rnn_cell.cell.state_dict().items()})
    x, _ = given()
    packed = pack_padded_sequence(x, torch.tensor([3, 7, 1, 5]), True, False)
    y, h = layer(packed)
    expected, last = peer(packed)
    close(pad_packed_sequence(y, True)[0], pad_packed_sequence(expected, True)[0])
    close(pick(h, slice(None)), tuple(p[0] for p in last) if name == "lstm" else last[0])
    close(layer(x)[0], peer(x)[0])


@pytest.mark.parametrize("name", ALL)
def test_lengths_give_what_each_sequence_gives_alone(name: str) -> None:
    layer = ALL[name](proj_size=2)
    x, dt = given()
    hx, lengths = states(layer), torch.tensor([3, 7, 0, 5])
    for row, length in enumerate(lengths):
        x[row, length:] = float("nan")  # what is behind a sequence is not read
    y, h = layer(x, hx, dt, lengths=lengths)
    last = ALL[name](proj_size=2, return_sequences=False)
    last.load_state_dict(layer.state_dict())
    ends, _ = last(x, hx, dt, lengths=lengths)
    for row, length in enumerate(lengths.tolist()):
        assert not y[row, length:].any()
        if length == 0:
            torch.testing.assert_close(pick(h, row), pick(hx, row))
            continue
        one, state = layer(x[row, :length], pick(hx, row), dt[row, :length])
        close(y[row, :length], one)
        close(pick(h, row), state)
        close(ends[row], one[-1])
    layer.zero_grad()
    y.square().sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in layer.parameters())


@pytest.mark.parametrize("name", ALL)
def test_a_mask_leaves_out_samples_and_keeps_their_time(name: str) -> None:
    layer = ALL[name]()
    x, dt = given()
    hx = states(layer)
    mask = torch.rand(BATCH, STEPS, generator=torch.Generator().manual_seed(1)) > 0.5
    mask[0], mask[1] = False, True
    x[~mask] = float("nan")
    y, h = layer(x, hx, dt, mask=mask)
    for row in range(BATCH):
        there = mask[row].nonzero()[:, 0].tolist()
        state, waited, output = pick(hx, slice(row, row + 1)), 0.0, None
        for k in range(STEPS):
            waited += float(dt[row, k])
            if k in there:
                span = torch.tensor([[waited]])
                output, state = layer(x[row : row + 1, k : k + 1], state, span)
                waited = 0.0
            if output is not None:
                close(y[row, k], output[0, 0])
        close(pick(h, row), pick(state, 0))
    joined = torch.cat([*hx] if isinstance(hx, tuple) else [hx], dim=1)
    close(y[0], layer.rnn_cell.output(layer._of_cell(joined))[0].expand(STEPS, -1))


@pytest.mark.parametrize("name", ["cfc", "ltc", "mixed"])
def test_time_spans_of_every_shape_mean_the_same(name: str) -> None:
    layer, swapped = ALL[name](), ALL[name](batch_first=False)
    swapped.load_state_dict(layer.state_dict())
    x, dt = given()
    y, _ = layer(x, timespans=dt)
    close(layer(x, timespans=dt.unsqueeze(2))[0], y)
    close(swapped(x.transpose(0, 1), timespans=dt.t())[0].transpose(0, 1), y)
    close(layer(x[0], timespans=dt[0].unsqueeze(1))[0], y[0])
    each = torch.tensor([0.1, 0.5, 1.0, 2.0])
    y, _ = layer(x, timespans=each)
    close(layer(x, timespans=each.unsqueeze(1).expand(-1, STEPS))[0], y)
    close(layer(x[:1], timespans=0.1)[0], y[:1])


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("name", ["cfc", "mixed", "lstm"])
def test_truncated_runs_carry_state_and_time_on(name: str, masked: bool) -> None:
    layer = ALL[name]()
    x, dt = given()
    mask = torch.rand(BATCH, STEPS, generator=torch.Generator().manual_seed(2)) > 0.4
    chosen = mask if masked else None
    whole, last = layer(x, states(layer), dt, mask=chosen)
    parts = list(truncated(layer, x, 3, states(layer), dt, mask=chosen))
    assert [part for part, _, _ in parts] == [slice(0, 3), slice(3, 6), slice(6, 7)]
    close(torch.cat([y for _, y, _ in parts], dim=1), whole)
    close(parts[-1][2], last)
    assert not any(p.requires_grad for p in pick(parts[-1][2], slice(None)))


@pytest.mark.parametrize(
    ("call", "fact"),
    [
        (lambda x: CfC(INPUTS, 4)(x, torch.zeros(BATCH, 3)), r"1 part\(s\) of shape \[4, 3\]"),
        (lambda x: LSTM(INPUTS, 4)(x, torch.zeros(BATCH, 4)), r"give \(h, c\) of \[4, 4\] each"),
        (lambda x: CfC(INPUTS, 4)(x, lengths=torch.tensor([8, 1, 1, 1])), "run from 1 to 8"),
        (lambda x: CfC(INPUTS, 4)(x, mask=torch.ones(7, 4)), "mask has shape"),
        (lambda x: list(truncated(CfC(INPUTS, 4), x, 0)), "parts of 0 steps"),
        (lambda x: CfC(INPUTS, AutoNCP(9, 2), backbone_units=3), "a circuit has no backbone"),
        (lambda x: CfC(INPUTS, 0), "units is 0"),
        (lambda x: GRU(0, 3), "input_size is 0"),
        (lambda x: CTRNN(INPUTS, 3, proj_size=0), "proj_size is 0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call: Any, fact: str) -> None:
    with pytest.raises(ElegansError, match=fact):
        call(given()[0])


def test_importing_the_trainer_imports_no_torch() -> None:
    code = (
        "import sys, elegans.trainer as t; assert 'CfC' in dir(t); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.soak
def test_thirty_two_recordings_of_100_000_steps_train_in_two_gibibytes() -> None:
    code = (
        "from elegans.benchmarks.train_speed import long_recordings; "
        "import sys; sys.exit(long_recordings()[1] * 1e6 > 2 * 2**30)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
