"""An error above 1e-3 is put down to the vector that causes it, with the remedy that fits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.lowering.lower import lower_with_proof
from elegans.exporter.numbers.fixed import Interval
from elegans.exporter.oracles.blame import hybrid
from elegans.exporter.oracles.blame.blame import Blame
from elegans.exporter.oracles.blame.find import find_blame
from elegans.exporter.oracles.blame.hybrid import ROUNDING, WEIGHTS, Contribution, contributions
from elegans.exporter.oracles.free_run import float_run, free_run_error, greatest_growth
from elegans.exporter.oracles.reference import run
from elegans.trainer import CfC, export_onnx
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.unlayered import fully_connected


def _case(source, change=lambda model: model, bits=16):
    """The network, the lowered model with a fault put in, its runs and their error."""
    network = read_file(source)
    lowered = lower_with_proof(network, bits)
    lowered = replace(lowered, model=change(lowered.model))
    model = lowered.model
    rng = np.random.default_rng(5)
    ends = [c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs]
    x = rng.integers(*ends, (60, 3, len(model.inputs)))
    dt = np.zeros((60, 3), np.int64)
    if model.dt:
        dt = rng.integers(model.dt.lo, model.dt.hi + 1, (60, 3))
    runs = {"random": (x, dt, run(model, x, dt))}
    error = free_run_error("random", model, network, runs["random"])
    return lowered, network, runs, error


def _coarse(name):
    """A fault: the weights of one step keep their upper bits only."""

    def change(model):
        def coarser(step):
            if step.name != name:
                return step
            weights = np.asarray(step.op.weights)
            return replace(step, op=replace(step.op, weights=(weights >> 11) << 11))

        return replace(model, steps=tuple(coarser(step) for step in model.steps))

    return change


def _blame(case):
    lowered, network, runs, error = case
    truth = float_run(lowered.model, network, *runs["random"][:2])
    return find_blame(lowered, network, runs, truth, error, weight_bits=16)


@pytest.mark.parametrize("layer", ["inter", "motor"])
@pytest.mark.parametrize("head", ["f", "g"])
def test_the_vector_whose_weights_are_bad_is_named(worm, layer, head):
    blame = _blame(_case(worm, _coarse(f"{layer}_{head}_sum")))
    assert blame.vector == f"{layer}_{head}"
    assert "weights are rounded" in blame.cause


def test_what_a_group_adds_is_about_the_error_where_one_fault_is_much_the_greatest(worm):
    case = _case(worm, _coarse("inter_f_sum"))
    blame, error = _blame(case), case[-1]
    assert 0.5 * error.worst < blame.share < 2 * error.worst


def test_parts_are_told_apart_and_a_network_without_a_fault_has_small_ones(worm):
    lowered, network, runs, _ = _case(worm)
    x, dt, _ = runs["random"]
    model = lowered.model
    y, h = float_run(model, network, x, dt)
    truth = np.concatenate([h, y], axis=-1)
    found = contributions(
        *(lowered, network, (x[:, 0], dt[:, 0]), np.zeros(6), truth[:, 0], np.ones(8))
    )
    assert {one.part for one in found} == {WEIGHTS, ROUNDING}
    assert [one.error for one in found] == sorted((one.error for one in found), reverse=True)
    assert 0 < found[0].error < 1e-3
    assert {one.vectors[0] for one in found} >= {"inter_f", "inter_t", "inter_h", "motor_h"}


def test_weights_of_8_bits_are_blamed_in_the_report_in_model_json_and_in_the_warning(
    worm, tmp_path
):
    export(Request(worm, weight_bits=8, accept_error=1.0), tmp_path / "BUILD")
    blame = read_build_folder(tmp_path / "BUILD").blame
    assert (blame.cause, blame.remedy) == ("weights of 8 bits", "take --weights int16")
    report = (tmp_path / "BUILD" / "report.txt").read_text()
    assert blame.vector in report
    assert "weights of 8 bits" in report
    with pytest.raises(ElegansError, match=rf"{blame.vector} alone causes .*; take --weights"):
        export(Request(worm, weight_bits=8), tmp_path / "OTHER")


def test_a_good_export_has_no_blame(built):
    assert read_build_folder(built).blame is None
    assert "alone causes" not in (built / "report.txt").read_text()


def _recorded(worm, tmp_path, heat=40.0, dt=0.1, **asked):
    rng = np.random.default_rng(2)
    x = rng.uniform([-1.0, 0.0, -0.3], [1.0, heat, 0.1], (100, 3))
    np.savez(tmp_path / "r.npz", x=x, dt=rng.uniform(0.01, dt, 100))
    request = Request(worm, recording=tmp_path / "r.npz", accept_error=1e9, **asked)
    export(request, tmp_path / "BUILD")
    return read_build_folder(tmp_path / "BUILD").blame


def test_an_input_of_which_the_recording_uses_a_part_is_named(worm, tmp_path):
    blame = _recorded(worm, tmp_path, input_ranges=((-1, 1), (0, 30000), (-0.3, 0.1)))
    assert "room for heat from 0 to 30000, of which the recording uses" in blame.cause
    assert blame.remedy == "declare what occurs with --input-range"


def test_a_declared_range_of_elapsed_time_that_is_far_too_long_costs_nothing(worm, tmp_path):
    """The gate reads mantissa and exponent; 2,000 s instead of 0.2 leave it all its digits.

    Random runs use the whole range, and a rate that is rounded counts 10,000 times as much there.
    """
    _recorded(worm, tmp_path, dt_range=(0.01, 2000.0))
    errors = {error.source: error for error in read_build_folder(tmp_path / "BUILD").errors}
    assert errors["recording"].worst <= 1e-3


def _accused(monkeypatch, lowered, network, name, part=ROUNDING):
    atom = next(n for n, called in lowered.names.items() if called.name == name)
    guilty = Contribution((name,), (atom,), part, 0.5)
    monkeypatch.setattr(hybrid, "contributions", lambda *_: [guilty])


def test_a_state_that_saturates_is_told_with_what_it_would_need(worm, monkeypatch):
    lowered, network, runs, error = _case(worm)
    _accused(monkeypatch, lowered, network, "inter_h")
    bounds = lowered.bounds | {"inter_h": Interval.of(np.full(4, -2048), np.full(4, 2048))}
    lowered = replace(lowered, bounds=bounds)
    blame = _blame((lowered, network, runs, replace(error, worst=0.5)))
    assert "saturates at -0.0625, and float reaches -1" in blame.cause
    assert "range" in blame.remedy


def test_a_format_that_is_hardly_used_is_told(worm, monkeypatch):
    lowered, network, runs, error = _case(worm)
    _accused(monkeypatch, lowered, network, "inter_f")
    bounds = lowered.bounds | {"inter_f": Interval.of(np.full(4, -(1 << 20)), np.full(4, 1 << 20))}
    lowered = replace(lowered, bounds=bounds)
    blame = _blame((lowered, network, runs, replace(error, worst=0.5)))
    assert "its format reaches 32, and 3" in blame.cause


@pytest.mark.parametrize(("leak", "told"), [(0.0, True), (0.5, False)])
def test_a_neuron_without_a_leak_whose_synapses_are_nearly_closed_is_told(
    tmp_path, monkeypatch, leak, told
):
    """It is a quotient of two sums of gates, of which each is some hundred units of Q0.15."""
    torch.manual_seed(0)
    cell = LTCCell(fully_connected(2, 2, seed=1), unfolds=2)
    with torch.no_grad():
        cell.gleak[:] = leak
        for mu in (cell.sensory_mu, cell.mu):
            mu[:] = 3.0
    path = tmp_path / "net.onnx"
    export_onnx(Recurrent(cell), 2, path, input_ranges=(-1, 1), dt_range=(0.1, 1))
    lowered, network, runs, error = _case(path)
    _accused(monkeypatch, lowered, network, "layer0_sensory")
    blame = _blame((lowered, network, runs, replace(error, worst=0.5)))
    assert ("its conductance falls to" in blame.cause) == told
    assert ("gleak" in blame.remedy) == told


@pytest.mark.parametrize(("bias", "told"), [(-60.0, False), (-10.0, True)])
def test_a_gate_that_stays_closed_is_no_cause_and_one_of_few_units_is(
    tmp_path, monkeypatch, bias, told
):
    torch.manual_seed(0)
    net = CfC(2, 3, backbone_layers=0)
    with torch.no_grad():
        net.rnn_cell.time_b.bias[0] = bias
    path = tmp_path / "net.onnx"
    export_onnx(net, 2, path, input_ranges=(-1, 1), dt_range=(0.1, 1))
    lowered, network, runs, error = _case(path)
    name = next(c.name for c in lowered.names.values() if c.name.endswith("_t"))
    _accused(monkeypatch, lowered, network, name)
    blame = _blame((lowered, network, runs, replace(error, worst=0.5)))
    assert ("units of its format" in blame.cause) == told


def test_an_output_that_shows_a_slow_state_is_told_from_the_state(tmp_path):
    """The state has 32 bits; its upper 16, which the output shows, move by a few units."""
    torch.manual_seed(0)
    cell = CTRNNCell(2, 2, solver="semi_implicit")
    with torch.no_grad():
        cell.log_tau[:] = torch.tensor([10.0, 0.0])
    path = tmp_path / "slow.onnx"
    export_onnx(Recurrent(cell), 2, path, input_ranges=(-1, 1), dt_range=(0.01, 0.1))
    blame = _blame(_case(path))
    assert "y0 shows the upper 16 bits of a state, which moves by " in blame.cause
    assert "_get_h reads it" in blame.remedy


def test_a_network_that_amplifies_its_own_rounding_is_told_so(wild):
    case = _case(wild)
    blame = _blame(case)
    assert 1 < blame.doubling < 5
    assert "amplifies its own rounding" in blame.remedies[1]
    assert "noise" in blame.remedies[1]


def test_growth_for_a_while_is_told_although_the_network_forgets_in_the_end():
    """It grows 2 * 3 * 0.9 * 2 times in the middle of the run."""
    assert greatest_growth(np.log([0.1, 2.0, 3.0, 0.9, 2.0, 0.01])) == pytest.approx(10.8)
    assert greatest_growth(np.log([0.5, 0.9])) == 1.0
    told = Blame("h", 0.5, "c", "r", None, 12.0).remedies
    assert "grows 12 times in this run" in told[1]
    assert len(Blame("h", 0.5, "c", "r", None).remedies) == 1


def test_a_network_that_forgets_is_not_said_to_amplify(worm):
    blame = _blame(_case(worm, _coarse("motor_g_sum")))
    assert blame.doubling is None
    assert blame.grown is None
    assert len(blame.remedies) == 1


@pytest.mark.parametrize(
    "wrong",
    [7, {"vector": "h"}, {"vector": "h", "cause": "c", "remedy": "r", "share": "x"}],
    ids=["number", "missing", "type"],
)
def test_a_damaged_blame_in_model_json_is_reported(built, wrong):
    path = built / "model.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"blame": wrong}))
    with pytest.raises(ElegansError, match=r"model\.json: is damaged: blame"):
        read_build_folder(built)
