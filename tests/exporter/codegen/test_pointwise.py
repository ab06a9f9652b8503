"""Element-wise steps in one loop: which steps, and the bits of the functions of one element."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import numpy as np
import pytest
import torch

from elegans.boards.firmware.host import HostModel
from elegans.exporter.codegen.elementwise.loop import runs
from elegans.exporter.codegen.placement import Place, Placement
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Step, Window
from elegans.exporter.numbers.fixed import Interval
from elegans.exporter.ops.decay_share import DecayShare
from elegans.exporter.ops.gate_share import GateShare
from elegans.exporter.ops.product import Product
from elegans.exporter.ops.relax import Relax
from elegans.exporter.ops.tanh import Tanh
from elegans.tests.places import CHECKOUT, model_file
from elegans.trainer import export_onnx
from elegans.trainer.cells.gru_lstm_mlp import GRUCell
from elegans.trainer.networks.recurrent import Recurrent

_C = r"""
#include "el_decay_share.c"
#include "el_gate_share.c"
#define EACH(name, call)                                                                   \
    void name(int16_t *s, const int16_t *a, const int16_t *b, const int16_t *t, uint32_t n) \
    {                                                                                      \
        for (uint32_t i = 0; i < n; i++) {                                                 \
            el_give_share(&s[i], n, call, 1U);                                             \
        }                                                                                  \
        (void)b;                                                                           \
        (void)t;                                                                           \
    }
EACH(gate, el_gate_share_near1(a[i]))
EACH(decay, el_decay_share_near1(t, a[i], b[i]))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The functions for what is proved to be near, compiled for this machine."""
    folder = tmp_path_factory.mktemp("near")
    runtime = CHECKOUT / "runtime_c"
    (folder / "near.c").write_text(_C)
    command = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O1"]
    command += [f"-I{runtime / 'include'}", f"-I{runtime / 'src'}", str(folder / "near.c")]
    subprocess.run([*command, "-o", str(folder / "near.so")], check=True, capture_output=True)
    return ctypes.CDLL(str(folder / "near.so"))


def _found(function, a, b=(), t=(0, 0)):
    arrays = [np.array(v, np.int16) for v in (np.zeros(2 * len(a)), a, b, t)]
    function(*(v.ctypes.data_as(ctypes.c_void_p) for v in arrays), ctypes.c_uint32(len(a)))
    return arrays[0]


def test_a_near_gate_has_the_bits_of_any_gate(library):
    z = np.arange(-(1 << 14) + 1, 1 << 14)
    assert GateShare(1).near(Interval.of(z.min(keepdims=True), z.max(keepdims=True)))
    assert not GateShare(1).near(Interval.of([0], [1 << 14]))
    np.testing.assert_array_equal(_found(library.gate, z), np.concatenate(GateShare(1).integer(z)))


@pytest.mark.parametrize("exponent", [0, 9, 30])
def test_a_near_time_has_the_bits_of_any_time(library, exponent):
    mantissas = np.array([0, 1, 2, 16384, 16385, 20001, 23170, 30000, 32766, 32767])
    shift = np.repeat(np.arange(-1, 22) - exponent, len(mantissas))
    op = DecayShare(np.tile(mantissas, len(shift) // len(mantissas)), shift)
    for mantissa in (0, 16384, 17001, 29999, 32767):
        t = np.array([mantissa, exponent])
        assert op.near(Interval.of(t, t))
        found = _found(library.decay, op.rate, op.shift, t)
        np.testing.assert_array_equal(found, np.concatenate(op.integer(t)))
    assert not op.near(Interval.of([0, exponent], [1, exponent + 1]))
    assert not op.near(Interval.of([0, exponent - 1], [1, exponent]))


def _runs(steps, places):
    placement = Placement({k: Place(*v) for k, v in places.items()}, (), 0, Place("v", 0), ())
    return [[step.name for step in run] for run in runs(steps, placement, frozenset())]


def _step(name, op, *inputs):
    size = 8 if isinstance(op, Relax) else 4
    arguments = tuple((Window(*window),) for window in inputs)
    return Step(name, "layer", op, arguments, size, (0,) * size)


_PLACES = {"x": ("x", 0), "a": ("a", 0), "b": ("b", 0), "h": ("v", 0), "s": ("s", 0), "k": ("v", 0)}


def test_steps_that_read_their_own_elements_are_one_loop():
    steps = [_step("a", Tanh(), ("x", 0, 4)), _step("b", Product(), ("a", 0, 4), ("x", 4, 8))]
    steps.append(_step("k", Relax(4), ("h", 0, 8), ("b", 0, 4), ("s", 0, 8)))
    assert _runs(steps, _PLACES) == [["a", "b", "k"]]


def test_a_loop_does_not_overwrite_what_a_later_round_reads():
    steps = [_step("a", Tanh(), ("x", 0, 4)), _step("b", Product(), ("a", 0, 4), ("x", 1, 5))]
    assert _runs(steps, _PLACES) == [["a", "b"]]
    assert _runs(steps, _PLACES | {"b": ("x", 0)}) == [["a"], ["b"]]


def test_what_reads_only_the_upper_halves_of_a_state_is_another_loop():
    steps = [_step("k", Relax(4), ("h", 0, 8), ("b", 0, 4), ("s", 0, 8))]
    steps.append(_step("a", Tanh(), ("k", 0, 4)))
    assert _runs(steps, _PLACES) == [["k"], ["a"]]


@pytest.mark.parametrize("block", [False, True], ids=["compiled weights", "a block of weights"])
def test_a_gru_is_layers_and_one_loop(tmp_path, block):
    torch.manual_seed(3)
    ranges = {"input_ranges": (-1, 1), "dt_range": (0.1, 1)}
    export_onnx(Recurrent(GRUCell(3, 6), projection=1), 3, tmp_path / "gru.onnx", **ranges)
    export(Request(tmp_path / "gru.onnx", weights_block=block), tmp_path / "BUILD")
    text = model_file(tmp_path / "BUILD").read_text().split("gru_step(")[1]
    assert ("_near1(" in text) != block, "which relies on ranges of these weights"
    v = np.load(tmp_path / "BUILD" / "vectors.npz")
    y, h = HostModel.compile(tmp_path / "BUILD").steps(v["x"], None, v["h"])
    assert np.array_equal(np.hstack([y, h]), np.hstack([v["y"], v["h_next"]]))
    assert text.count("for (uint32_t i = 0;") == 1
    assert "el_relax1(" in text
    for kernel in ("sigmoid", "tanh", "gated_drive", "gate_share", "relax"):
        assert f"el_{kernel}(" not in text
