"""Leaky integrators as one kernel: which steps become it, and the bits of what they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn

from elegans.boards.firmware.host import HostModel
from elegans.exporter.codegen.fusion.leaky import Leaky, leaky
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Step, Window
from elegans.exporter.numbers.fixed import Interval
from elegans.exporter.ops.decay_share import DecayShare
from elegans.exporter.ops.relax import Relax
from elegans.exporter.storage.npz_arrays import load_arrays
from elegans.tests.places import model_file
from elegans.trainer import export_onnx
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.networks.recurrent import Recurrent

_N = 3
_NEAR = {"dt_in": Interval.of([0, 4], [32767, 9])}


def _run():
    """The share of an elapsed time, and the states that go it."""
    share = DecayShare([0, 16384, 32767], [-5, 0, 12])
    time, halves = (Window("dt_in", 0, 2),), 2 * _N
    first = Step("s", "layer", share, (time,), halves, (0,) * halves)
    read = (Window("h", 0, halves),), (Window("g", 0, _N),), (Window("s", 0, halves),)
    return [first, Step("k", "layer", Relax(_N), read, halves, (15,) * halves)]


def test_two_steps_become_one_of_the_same_value():
    first, last = _run()
    step = leaky([first, last], _NEAR)
    assert step is not None
    assert isinstance(step.op, Leaky)
    assert step.inputs == (*last.inputs[:2], *first.inputs)
    rng = np.random.default_rng(0)
    h, g = rng.integers(-32767, 32768, (99, 2 * _N)), rng.integers(-32767, 32768, (99, _N))
    t = np.stack([rng.integers(0, 32768, 99), rng.integers(4, 10, 99)], axis=1)
    wanted = last.op.integer(h, g, np.concatenate(first.op.integer(t), axis=1))
    np.testing.assert_array_equal(np.concatenate(step.op.integer(h, g, t)), np.concatenate(wanted))


@pytest.mark.parametrize(
    "time",
    [Interval.of([0, 3], [1, 9]), Interval.of([0, 4], [1, 10])],
    ids=["beyond the curve", "too great an exponent"],
)
def test_times_that_the_kernel_can_not_take_leave_two_steps(time):
    assert leaky(_run(), {"dt_in": time}) is None


def test_the_share_of_something_else_is_no_part_of_it():
    first, last = _run()
    other = replace(last, inputs=(*last.inputs[:2], (Window("z", 0, 2 * _N),)))
    assert leaky([first, other], _NEAR) is None


class _Change(nn.Module):
    """Reads how far the states have gone, so the old ones outlive the new ones."""

    def __init__(self):
        super().__init__()
        self.cell, self.out = CTRNNCell(2, 5), nn.Linear(5, 1)

    def forward(self, x, h, dt):
        after = self.cell(x, h, dt)
        return self.out(after - h), after


@pytest.mark.parametrize("apart", [False, True], ids=["in place", "beside the old states"])
@pytest.mark.parametrize("block", [False, True], ids=["compiled weights", "a block of weights"])
def test_a_ctrnn_has_the_reference_s_bits_in_one_kernel(tmp_path, apart, block):
    torch.manual_seed(2)
    net = _Change() if apart else Recurrent(CTRNNCell(2, 5), projection=1)
    ranges = {"input_ranges": (-1, 1), "dt_range": (0.01, 1)}
    export_onnx(net, 2, tmp_path / "net.onnx", **ranges)
    export(Request(tmp_path / "net.onnx", weights_block=block), tmp_path / "BUILD")
    call = model_file(tmp_path / "BUILD").read_text().partition("el_leaky(")[2].partition(")")[0]
    assert bool(call) != block, "which relies on ranges of these rates"
    if call:
        next_, before = call.split(", ")[:2]
        assert (next_ == before) != apart
    vectors = load_arrays(tmp_path / "BUILD" / "vectors.npz")
    y, h = HostModel.compile(tmp_path / "BUILD").steps(vectors["x"], vectors["dt"], vectors["h"])
    np.testing.assert_array_equal(h, vectors["h_next"])
    np.testing.assert_array_equal(y, vectors["y"])
