"""Every cell that comes in, from torch to the board: near float, and one meaning everywhere."""

from __future__ import annotations

import shutil

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import nn

from elegans.benchmarks.accuracy import against_float
from elegans.boards.firmware.host import HostModel
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.ir.proof import prove
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.free_run import WARNED
from elegans.hil_tests.session.session import hil
from elegans.tests.places import forget_checksums
from elegans.trainer import export_onnx, straight_through
from elegans.trainer.cells.cfc import CfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell, MLPCell
from elegans.trainer.cells.heads import ConvHead, Convolution
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP, Wiring

ncps = pytest.importorskip("ncps.torch", reason="ncps is not installed (pip install ncps)")

_INPUTS = 4


def _wiring(kind="AutoNCP", *sizes, **more):
    import ncps.wirings

    return getattr(ncps.wirings, kind)(*(sizes or (12, 2)), **more)


def _cfc(units=7, **more):
    return ncps.CfC(_INPUTS, units, **{"backbone_units": 8, "proj_size": 2} | more)


def _ltc(**more):
    return ncps.LTC(_INPUTS, _wiring(), **{"implicit_param_constraints": False} | more)


def _own(cell, **more):
    return Recurrent(cell, **more)


def _own_wiring():
    """Two rings of three neurons, one of which senses; the second is read out."""
    ring = np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]])
    inner = np.block([[ring, np.eye(3)], [np.zeros((3, 3)), ring]])
    sensory = np.pad(np.array([[1, 0, 0], [0, -1, 0], [0, 0, 1], [1, 0, -1]]), ((0, 0), (0, 3)))
    return Wiring.of(sensory, inner, (("first", 3), ("second", 3)))


def _windowed():
    head = ConvHead(2, 2, Convolution(3, 1))
    return _own(CfCCell(head.output_size, 6), head=head, projection=2)


_CELLS = {
    "cfc_relu": lambda: _cfc(activation="relu"),
    "cfc_silu": lambda: _cfc(activation="silu"),
    "cfc_gelu": lambda: _cfc(activation="gelu", backbone_layers=2),
    "cfc_deep": lambda: _cfc(backbone_layers=3),
    "cfc_no_gate": lambda: _cfc(mode="no_gate"),
    "cfc_pure": lambda: _cfc(mode="pure"),
    "cfc_pure_wired": lambda: ncps.CfC(_INPUTS, _wiring(), mode="pure"),
    "cfc_full": lambda: ncps.CfC(_INPUTS, _wiring("FullyConnected", 6, 2)),
    "cfc_behind_a_convolution": _windowed,
    "ctrnn": lambda: _own(CTRNNCell(_INPUTS, 8), projection=2),
    "ctrnn_euler": lambda: _own(CTRNNCell(_INPUTS, 8, solver="euler", unfolds=3)),
    "ctrnn_semi_implicit": lambda: _own(CTRNNCell(_INPUTS, 8, solver="semi_implicit")),
    "gru": lambda: _own(GRUCell(_INPUTS, 9), projection=2),
    "lstm": lambda: _own(LSTMCell(_INPUTS, 9), projection=2),
    "ltc": _ltc,
    "ltc_one_unfold": lambda: _ltc(ode_unfolds=1, output_mapping="linear"),
    "ltc_softplus": lambda: _ltc(implicit_param_constraints=True, input_mapping=None),
    "ltc_dense": lambda: ncps.LTC(_INPUTS, 5),
    "ltc_of_ours": lambda: _own(LTCCell(AutoNCP(12, 2).build(_INPUTS)), projection=3),
    "ltc_of_one_s_own_wiring": lambda: _own(LTCCell(_own_wiring())),
    "mixed_memory": lambda: _cfc(mixed_memory=True),
    "mixed_memory_ltc": lambda: _ltc(mixed_memory=True),
    "mixed_memory_wired": lambda: ncps.CfC(_INPUTS, _wiring(), mixed_memory=True),
    "mlp_on_a_delay_line": lambda: _own(MLPCell(_INPUTS, 5, [8], 2)),
    "rnn": lambda: nn.RNNCell(_INPUTS, 9),
}


@pytest.fixture(scope="module", params=sorted(_CELLS))
def exported(request, tmp_path_factory):
    torch.manual_seed(302)
    folder, net = tmp_path_factory.mktemp(request.param), _CELLS[request.param]()
    source = folder / "net.onnx"
    export_onnx(net, _INPUTS, source, input_ranges=(-2.0, 2.0), dt_range=(0.01, 1.0))
    return source, export(Request(source), folder / "BUILD"), folder / "BUILD"


_FIXED = pytest.param(0.3, marks=pytest.mark.soak)  # test_one_meaning has it for wired CfCs


@pytest.fixture(scope="module", params=[None, _FIXED], ids=["varying_dt", "fixed_dt"])
def narrow(request, exported, tmp_path_factory):
    """The same network with weights of 8 bits; with its sample period fixed, if it has one."""
    source, model, _ = exported
    if request.param is not None and model.dt is None:
        pytest.skip("this cell does not read elapsed time")
    folder = tmp_path_factory.mktemp("narrow") / "BUILD"
    narrow = Request(source, dt=request.param, weight_bits=8, accept_error=1.0)
    return export(narrow, folder), folder


def test_integers_stay_within_a_thousandth_of_float_or_the_export_has_said_so(exported):
    source, model, build = exported
    rng = np.random.default_rng(1)
    ends = [(c.lo, c.hi) for c in (*model.inputs, *([model.dt] if model.dt else []))]
    noise = np.stack([rng.integers(lo, hi + 1, (1, 1000)) for lo, hi in ends], axis=-1)
    found = against_float(source, model, noise[..., :_INPUTS], noise[..., -1], None)
    assert found.steps == 1000
    if max(error.worst for error in read_build_folder(build).errors) <= WARNED:
        assert found.worst <= 1e-3, found.name
    assert found.worst <= 2e-3, found.name


def _everywhere(model, build):
    """Every execution of the golden vectors on this machine, in C without undefined behaviour."""
    stored = dict(np.load(build / "vectors.npz").items())
    x, dt, h = stored["x"], stored["dt"], stored["h"]
    v = {k: a.astype(np.int64) for k, a in stored.items()}
    given = (v["x"], v["dt"][:, None], v["h"])
    session = ort.InferenceSession(str(build / "reference.onnx"))
    named = {"x": x, "dt": dt[:, None], "h": h}
    found = {
        "numpy": reference.step(model, *given),
        "torch": [
            a.numpy() for a in straight_through.step(model, *(torch.from_numpy(a) for a in given))
        ],
        "onnxruntime": session.run(
            ["y", "h_next"], {i.name: named[i.name] for i in session.get_inputs()}
        ),
        "C": HostModel.compile(build, sanitise=True).steps(x, dt, h),
    }
    for where, (y, h) in found.items():
        np.testing.assert_array_equal(y, v["y"], where)
        np.testing.assert_array_equal(h, v["h_next"], where)


def test_one_meaning_in_numpy_torch_onnxruntime_and_c_that_is_defined(exported):
    _everywhere(*exported[1:])


@pytest.mark.parametrize("layout", ["balanced", pytest.param("size", marks=pytest.mark.soak)])
def test_the_c_of_each_layout_repeats_the_reference(exported, layout, tmp_path):
    _, model, build = exported
    for name in ("model.json", "vectors.npz"):
        shutil.copy(build / name, tmp_path)
    code = emit(plan(model, prove(model), layout))
    for path, text in code.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    forget_checksums(tmp_path)
    v = np.load(tmp_path / "vectors.npz")
    y, h = HostModel.compile(tmp_path, level="0").steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])


@pytest.mark.half
def test_weights_of_8_bits_have_one_meaning_too(narrow):
    _everywhere(*narrow)


def test_the_states_stay_in_their_bounds_whatever_comes(exported):
    """The liquid theorems in integers: any inputs, any time, any state in its bounds."""
    _, model, _ = exported
    rng = np.random.default_rng(5)
    lo, hi = (np.array([getattr(c, end) for c in model.states]) for end in ("lo", "hi"))
    h = np.where(rng.random((4000, len(lo))) < 0.3, rng.choice([0, 1], (4000, 1)), 0.5)
    h = np.where(h == 0.5, rng.integers(lo, hi + 1, h.shape), np.where(h == 0, lo, hi))
    for _ in range(4):
        x = np.where(
            rng.random((4000, _INPUTS)) < 0.3,
            rng.choice(_ends(16), (4000, _INPUTS)),
            rng.integers(-32768, 32768, (4000, _INPUTS)),
        )
        any_dt = rng.choice(_ends(model.dt_bits), (4000, 1))
        dt = np.where(rng.random((4000, 1)) < 0.3, any_dt, 7 << (model.dt_bits - 16))
        _, h = reference.step(model, x, dt, h)
        assert np.all((lo <= h) & (h <= hi))


def _ends(bits):
    """Integers of this size at its ends and around zero."""
    most = (1 << (bits - 1)) - 1
    return np.array([-most - 1, -most, -1, 0, 1, most - 1, most])


def test_without_elapsed_time_a_liquid_neuron_stays(exported):
    """ncps divides by dt and gives NaN at 0."""
    source, model, _ = exported
    if not any(step.op.kernel == "fused_step" for step in model.steps):
        pytest.skip("only the fused solver has this limit in its form")
    if any(step.op.kernel == "lstm_cell" for step in model.steps):
        pytest.skip("mixed memory moves the state itself, whatever time has passed")
    graph = open_graph(source)
    now = lower(read_network(graph, with_ranges(read_interface(graph), [], (0.0, 1.0), None)))
    rng = np.random.default_rng(6)
    lo, hi = (np.array([getattr(c, end) for c in now.states]) for end in ("lo", "hi"))
    h = rng.integers(lo, hi + 1, (500, len(lo)))
    x = rng.integers(-32768, 32768, (500, _INPUTS))
    _, after = reference.step(now, x, np.zeros((500, 1), np.int64), h)
    np.testing.assert_array_equal(after, h)


@pytest.mark.half
def test_the_board_repeats_the_reference_bit_for_bit(exported):
    verdict = hil(exported[2], "mps2-an386")
    assert verdict.mismatches == 0, verdict.first_difference
    assert verdict.vectors >= 5512
