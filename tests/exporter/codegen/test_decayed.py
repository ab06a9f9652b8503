"""Vectors that decay at rates of their own, and maps without what no row reads, as one kernel."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from elegans.boards.firmware.host import HostModel
from elegans.exporter.codegen.fusion.decayed import Decayed, decayed
from elegans.exporter.codegen.fusion.trimmed import trimmed
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Step, Window
from elegans.exporter.numbers.fixed import Interval
from elegans.exporter.ops.absolute import Absolute
from elegans.exporter.ops.decay import Decay
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.product import Product
from elegans.exporter.storage.npz_arrays import load_arrays
from elegans.tests.places import model_file
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import WiredCfCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

_SIZE = 5


def _whole(name):
    return (Window(name, 0, _SIZE),)


def _run(weights, bias, shift=15, time=11):
    """The four steps, and the bounds of what they read."""
    steps = [("a", Absolute(), ("z",)), ("r", Linear(weights, bias, [shift] * _SIZE), ("a",))]
    steps += [("e", Decay(time), ("r", "dt_in")), ("p", Product(15), ("e", "z"))]
    dt = (Window("dt_in", 0, 1),)
    run = [
        Step(
            name,
            "layer",
            op,
            tuple(dt if n == "dt_in" else _whole(n) for n in read),
            _SIZE,
            (11,) * _SIZE,
        )
        for name, op, read in steps
    ]
    ends = np.full(_SIZE, 32767)
    return run, {"a": Interval.of(0 * ends, ends)}


def test_four_steps_of_a_decay_become_one_of_the_same_value():
    run, bounds = _run(np.diag([23637, 0, 20000, 1, 7]), [1 << 20] * _SIZE)
    step = decayed(run, bounds)
    assert step is not None
    assert isinstance(step.op, Decayed)
    assert step.op.most == 1 << 15  # a magnitude of 32767 may be that of -32768
    z, dt = np.random.default_rng(0).integers(-32768, 32768, (99, _SIZE)), np.full((99, 1), 9000)
    a, r, e, p = (s.op for s in run)
    wanted = p.integer(e.integer(r.integer(a.integer(z)), dt), z)
    np.testing.assert_array_equal(step.op.integer(z, dt), wanted)
    size = np.minimum(np.abs(z), 32767)
    slope, bias = step.op.pairs.T
    np.testing.assert_array_equal((slope * size + bias) >> 16, r.integer(size))


@pytest.mark.parametrize(
    ("weights", "bias", "more"),
    [
        (np.eye(_SIZE, k=1), 0, {}),
        (np.diag([-9] * _SIZE), 0, {}),
        (np.eye(_SIZE), 0, {"time": 7}),
        (np.eye(_SIZE), 0, {"shift": 17}),
        (np.diag([32767] * _SIZE), 1 << 20, {"shift": 14}),
    ],
    ids=["another element", "a rate below zero", "short", "small", "large"],
)
def test_what_the_kernel_can_not_take_stays_four_steps(weights, bias, more):
    assert decayed(*_run(weights.astype(np.int64), [bias] * _SIZE, **more)) is None


def test_a_map_without_what_no_row_reads_has_the_same_bits():
    rng = np.random.default_rng(1)
    weights = rng.integers(-99, 99, (4, 11))
    weights[:, [0, 1, 4, 5, 10]] = 0
    op = Linear(weights, rng.integers(-999, 999, 4), [3] * 4)
    windows = (Window("x", 2, 7), Window("h", 0, 3), Window("g", 4, 7))
    found = trimmed(Step("y", "layer", op, (windows,), 4, (11,) * 4))
    assert found.inputs == ((Window("x", 4, 6), Window("h", 1, 3), Window("g", 4, 6)),)
    x = rng.integers(-32768, 32768, (50, 11))
    read = x[:, [2, 3, 6, 7, 8, 9]]
    np.testing.assert_array_equal(found.op.integer(read), op.integer(x))


def test_the_mode_pure_has_the_reference_s_bits_in_fused_kernels(tmp_path):
    torch.manual_seed(4)
    net = Recurrent(WiredCfCCell(AutoNCP(14, 2).build(5), "pure"))
    source = export_onnx(net, 5, tmp_path / "net.onnx", input_ranges=(-2, 2), dt_range=(0.01, 1))
    export(Request(source, accept_error=2.0), tmp_path / "BUILD")
    assert model_file(tmp_path / "BUILD").read_text().count("el_decayed(") == 3
    vectors = load_arrays(tmp_path / "BUILD" / "vectors.npz")
    y, h = HostModel.compile(tmp_path / "BUILD").steps(vectors["x"], vectors["dt"], vectors["h"])
    np.testing.assert_array_equal(h, vectors["h_next"])
    np.testing.assert_array_equal(y, vectors["y"])
