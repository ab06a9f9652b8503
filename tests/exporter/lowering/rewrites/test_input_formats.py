"""Inputs far from zero and raw counts: as exact as centred inputs, and paid for by the weights."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from elegans.boards.firmware.host import HostModel
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.codegen import copies
from elegans.exporter.data.user_data import read_user_data
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.interface import Signal
from elegans.exporter.ir.raw_format import named_format, raw_format
from elegans.exporter.lowering.lower import lower
from elegans.exporter.lowering.rewrites import input_formats
from elegans.exporter.numbers.fixed import widest_frac
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.free_run import free_run_error
from elegans.hil_tests.session.replay import Target, replay

_REAL = [[985.0, 1041.0], [250.0, 270.0], [-0.3, 0.1]]
_CENTRED = [[-28.0, 28.0], [-10.0, 10.0], [-0.3, 0.1]]
_MIDDLE, _HALF = np.array([1013.0, 260.0, 0.0]), np.array([28.0, 10.0, 0.3])


@pytest.fixture
def weather(graph, save, metadata):
    """Save a CfC that takes its inputs normalised by (x - offset) / scale, with these ranges."""

    def write(ranges, offset, name, formats=()):
        g = graph(3)
        z = g.node("Mul", g.node("Sub", "x", g.hold(offset)), g.hold(1 / _HALF))
        first, second = g.split("split")
        inter = g.cell(z, first, 7, 4, "gemm", "ncps")
        motor = g.cell(inter, second, 6, 2, "gemm", "ncps")
        g.rename(motor, "y", "Identity")
        g.rename(g.node("Concat", inter, motor, axis=1), "h_next", "Identity")
        for entry, bounds in zip(metadata["inputs"], ranges, strict=True):
            entry["range"] = bounds
        for entry, form in zip(metadata["inputs"], formats, strict=False):
            entry["format"] = form
        return save(g, name=f"{name}.onnx")

    return write


@pytest.fixture
def far(weather):
    return weather(_REAL, _MIDDLE, "far")


def _runs(model, steps=200, runs=3):
    rng = np.random.default_rng(5)
    ends = [c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs]
    x = rng.integers(*ends, (steps, runs, len(model.inputs)))
    ends = (model.dt.lo, model.dt.hi + 1) if model.dt else (0, 1)
    dt = rng.integers(*ends, (steps, runs))
    return x, dt, reference.run(model, x, dt)


def _error(path):
    network = read_file(path)
    model = lower(network)
    return free_run_error("random", model, network, _runs(model)).worst


def test_inputs_far_from_zero_are_as_exact_as_centred_ones(weather, far):
    assert _error(far) <= 1.02 * _error(weather(_CENTRED, 0 * _MIDDLE, "near")) < 5e-4


def test_an_offset_is_in_the_biases_and_nowhere_else(weather, far):
    one, other = lower(read_file(far)), lower(read_file(weather(_CENTRED, 0 * _MIDDLE, "near")))
    assert [c.format for c in one.inputs] == ["Q5.10 + 1013", "Q4.11 + 260", "Q-1.16"]
    assert [s.op.kernel for s in one.steps] == [s.op.kernel for s in other.steps]
    for a, b in zip(one.steps, other.steps, strict=True):
        for name, tolerance in (("weights", 0), ("shift", 0), ("lo", 0), ("hi", 0), ("bias", 1)):
            if hasattr(a.op, name):
                x, y = (np.asarray(getattr(s.op, name)) for s in (a, b))
                np.testing.assert_allclose(x, y, atol=tolerance, rtol=0, err_msg=a.name)


@pytest.mark.parametrize(
    ("bounds", "offset"),
    [
        ((985, 1041), 1013),
        ((-1041, -985), -1013),
        ((98500, 104100), 101300),
        ((36.1, 41.9), 39),
        ((0.95, 1.05), 1),
        ((20, 30), 25),
        ((0.2, 0.21), 0.205078125),
        ((1e6, 1.1e6), 1.05e6),
        ((0, 1), 0),
        ((0, 40), 0),
        ((-1, 1), 0),
        ((10, 30), 0),  # wins one bit
        ((100, 100.001), 0),  # 100 is no int32 in its units
        ((0, 1e-310), 0),
    ],
)
def test_an_offset_is_a_round_number_and_wins_two_bits(far, bounds, offset):
    assert _substituted(far, bounds).offset[0] == offset


@given(st.floats(-1e9, 1e9), st.floats(-12, 9))
def test_an_offset_is_exact_in_float32_and_in_integers(middle, width):
    lo, hi = middle - 10.0**width, middle + 10.0**width
    assume(lo < hi)
    offset = input_formats._offset(lo, hi)
    frac = widest_frac(lo - offset, hi - offset)
    if offset:
        assert frac >= widest_frac(lo, hi) + 2
        assert float(np.float32(offset)) == offset
        assert (offset * 2.0**frac).is_integer()
        assert abs(offset * 2.0**frac) < 2**31


def _substituted(path, bounds, form=None):
    network = read_file(path)
    first = Signal("touch", "N", (float(bounds[0]), float(bounds[1])), form)
    inputs = (first, *network.interface.inputs[1:])
    given = replace(network, interface=replace(network.interface, inputs=inputs))
    return input_formats.substitute_inputs(given)


@pytest.mark.parametrize(
    "form", ["uint12:985:1041", "int16:985:1041", "uint8:900:1100", "int16:0:2000"]
)
def test_counts_are_as_exact_as_real_values(weather, form):
    path = weather(_REAL, _MIDDLE, "counts", [form])
    network = read_file(path)
    model = lower(network)
    assert model.inputs[0].frac == 0
    assert free_run_error("random", model, network, _runs(model)).worst < 5e-4


def test_counts_give_the_answers_of_the_real_values_that_they_stand_for(weather, far):
    plain = lower(read_file(far))
    raw = lower(read_file(weather(_REAL, _MIDDLE, "counts", ["uint12"])))
    x, dt, found = _runs(raw)
    other = reference.run(plain, to_integers(to_real(x, raw.inputs), plain.inputs), dt)
    assert x[..., 0].min() >= 0
    assert x[..., 0].max() <= 4095
    assert np.abs(found.y - other.y).max() <= 12


def test_a_declared_range_inside_of_the_counts_is_what_they_are_clamped_to(far):
    found = _substituted(far, (985, 1041), raw_format("int16:0:2000"))
    assert found.network.interface.inputs[0].range == (-492, 1343.5)
    with pytest.raises(ElegansError, match=r"no two counts of uint8:0.0:1.0.*985:1041"):
        _substituted(far, (985, 1041), raw_format("uint8:0:1"))


def test_the_metadata_of_a_model_may_not_name_an_offset_twice(weather, metadata):
    metadata["inputs"][1]["name"] = "touch_offset"
    with pytest.raises(ElegansError, match=r"'touch_offset'.*offset of 'touch'.*rename"):
        lower(read_file(weather(_REAL, _MIDDLE, "twice")))


@pytest.fixture
def gated(graph, save, metadata):
    """A network of which a gate reads x as it is, and whose state is a delay line of x."""

    def write(*formats):
        name = "gated" + "".join(formats)
        g = graph(7)
        gate = g.node("Sigmoid", g.linear("x", 3, 3, "gemm", scale=0.01))
        g.rename(g.linear(g.node("Mul", gate, "x"), 3, 2, "gemm", scale=0.1), "y", "Identity")
        old = g.node("Slice", "h", *(g.hold([n], np.int64) for n in (0, 3, 1)))
        g.rename(g.node("Concat", "x", old, axis=1), "h_next", "Identity")
        for entry, bounds in zip(metadata["inputs"], _REAL, strict=True):
            entry["range"] = bounds
        for entry, form in zip(metadata["inputs"], formats, strict=False):
            entry["format"] = form
        return save(g, name=f"{name}.onnx")

    return write


def test_what_a_gate_or_a_state_reads_as_it_is_has_no_offset(gated):
    model = lower(read_file(gated()))
    assert [c.offset for c in model.inputs] == [0, 0, 0]


def test_counts_that_a_gate_or_a_state_reads_become_real_values_in_a_map(gated, tmp_path):
    plain, path = gated(), gated("uint12", "int9")
    # The gate reads the plain inputs in a format for each channel, the map has one for all.
    assert _error(path) <= 1.3 * _error(plain)
    export(Request(path), tmp_path / "BUILD")
    _same_in_c(tmp_path / "BUILD")


def _same_in_c(build):
    model = load_model(build)
    x, dt, found = _runs(model, runs=1)
    x[0], x[1] = -32768, 32767
    found = reference.run(model, x, dt)
    y, h = HostModel.compile(build).run(*(a[:, 0].astype(np.int16) for a in (x, dt)))
    np.testing.assert_array_equal(y, found.y[:, 0])
    np.testing.assert_array_equal(h, found.h_next[:, 0])


@pytest.mark.parametrize("layout", ["speed", "size"])
@pytest.mark.parametrize("few", [8, 0])
def test_the_c_takes_offsets_and_counts(weather, tmp_path, monkeypatch, layout, few):
    monkeypatch.setattr(copies, "FEW", few)
    path = weather(_REAL, _MIDDLE, "both", [None, "int12:200:300", "uint10"])
    export(Request(path, layout=layout), tmp_path / "BUILD")
    _same_in_c(tmp_path / "BUILD")


def test_a_recording_of_real_values_runs_through_offsets_and_counts(far, tmp_path):
    rng = np.random.default_rng(1)
    x = np.array(_REAL)[:, 0] + rng.random((60, 3)) * np.ptp(_REAL, axis=1)
    recording = tmp_path / "r.npz"
    np.savez(recording, x=x, dt=np.full(60, 0.1))
    formats = (named_format("heat=uint12"),)
    export(Request(far, recording=recording, input_formats=formats), tmp_path / "BUILD")
    errors = {e.source: e for e in read_build_folder(tmp_path / "BUILD").errors}
    assert errors["recording"].worst < 5e-4
    build, model = tmp_path / "BUILD", load_model(tmp_path / "BUILD")
    data = read_user_data(recording, model, period_fixed=False)
    one, other = (replay(build, model, data, Target(on))[1] for on in ("reference", "onnx"))
    np.testing.assert_array_equal(one, other)
    x[7, 0] = 1042
    np.savez(recording, x=x, dt=np.full(60, 0.1))
    with pytest.raises(ElegansError, match=r"touch at step 7: 1042 lies outside.*985 to 1041 N"):
        read_user_data(recording, model, period_fixed=False)


def test_the_build_says_how_a_value_becomes_an_integer(far, tmp_path):
    formats = (named_format("heat=uint12:250:270"),)
    export(Request(far, input_formats=formats), tmp_path / "BUILD")
    header, readme, report = (
        (tmp_path / "BUILD" / name).read_text() for name in ("worm.h", "README.md", "report.txt")
    )
    assert f"#define WORM_X_TOUCH_OFFSET ({1013 << 10})" in header
    assert "it stands for 250 + n * 0.004884" in header
    assert "x[1]  heat: raw counts 0..4095 for 250 to 270 K" in header
    assert "- WORM_X_TOUCH_OFFSET;" in readme
    assert "Q5.10 + 1013" in report
    assert "0 to 4095 for [250, 270] K" in report


@pytest.mark.parametrize("wrong", [{"offset": float("nan")}, {"scale": 0}, {"scale": "x"}], ids=str)
def test_a_build_with_an_impossible_offset_or_scale_is_damaged(built, wrong):
    path = built / "model.json"
    data = json.loads(path.read_text())
    data["inputs"][0] |= wrong
    path.write_text(json.dumps(data))
    for read in (read_build_folder, load_model):
        with pytest.raises(ElegansError, match=r"model\.json: is damaged: inputs\[0\]"):
            read(built)


@pytest.mark.parametrize(
    "form", ["uint16", "uint12:nan:1", "uint12:1:1", "uint12:0:-1", "float", "", 12, [], {"a": 1}]
)
def test_a_hostile_format_in_the_metadata_is_refused(weather, form):
    with pytest.raises(ElegansError, match=r"input format|metadata key"):
        read_file(weather(_REAL, _MIDDLE, "bad", [form]))
