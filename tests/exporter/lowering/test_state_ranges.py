"""States that no theorem bounds: their range is proved, declared or shown, and never silent."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import helper, numpy_helper

from elegans.boards.firmware.host import HostModel
from elegans.cli import main
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Channel
from elegans.exporter.oracles import reference
from elegans.exporter.saturation import saturations
from elegans.tests.exporter.frontend.steps import Step, lstm


def _ranges(path, states=None):
    """Give the graph's three inputs the range -1:1, and its states those of the metadata."""
    proto = onnx.load(path)
    meta = '{{"name":"m","inputs":[{}],"outputs":[{}]{}}}'.format(
        ",".join(f'{{"name":"x{i}","range":[-1,1]}}' for i in range(3)),
        ",".join(f'{{"name":"y{i}"}}' for i in range(2)),
        f',"states":{states}' if states else "",
    )
    helper.set_model_props(proto, {"elegans": meta})
    onnx.save(proto, path)
    return path


@pytest.fixture
def cell(tmp_path):
    return _ranges(lstm(tmp_path / "cell.onnx", ("x", "h", "c", "y", "h_next", "c_next")))


@pytest.fixture
def growing(tmp_path):
    """h' = h + W x, which nothing bounds."""
    g = Step()
    g.node("Add", "h", g.linear("x", 3, 5), output="h_next")
    g.node("Tanh", g.linear("h_next", 5, 2), output="y")
    path = tmp_path / "growing.onnx"
    return _ranges(g.save(path, {"x": [1, 3], "h": [1, 5]}, {"y": [1, 2], "h_next": [1, 5]}))


def _built(path, tmp_path, *ranges):
    request = Request(path, state_ranges=ranges, accept_error=1e9)
    export(request, tmp_path / "BUILD")
    return tmp_path / "BUILD"


def test_a_cell_that_its_gates_bound_is_proved_and_never_counted(cell, tmp_path):
    build = _built(cell, tmp_path)
    assert "proved from its gates" in (build / "report.txt").read_text()
    model = load_model(build)
    assert saturations(model.states, np.zeros((1, len(model.states)), np.int64)) == ()


def test_a_declared_cell_saturates_there_in_c_as_well(cell, tmp_path):
    build = _built(cell, tmp_path, ("c", (-0.25, 0.25)))
    model = load_model(build)
    assert "declared; it saturates there" in (build / "report.txt").read_text()
    x = np.full((200, 3), [c.hi for c in model.inputs])
    found = reference.run(model, x, np.zeros(200, np.int64))
    _, h = HostModel.compile(build).run(x, np.zeros(200, np.int64), found.h[0])
    np.testing.assert_array_equal(h, found.h_next)
    (one,) = saturations(read_build_folder(build).states, h)
    assert one.steps > 0
    assert one.ends == pytest.approx((-0.25, 0.25), abs=1e-3)


def test_metadata_declares_and_the_option_overrides_it(cell, tmp_path):
    _ranges(cell, '[{"name":"c","range":[-0.25,0.25]}]')
    most = max(c.range[1] for c in load_model(_built(cell, tmp_path)).states if c.saturates)
    assert most == pytest.approx(0.25, abs=1e-3)
    build = _built(cell, tmp_path, ("c", (-0.125, 0.125)))
    most = max(c.range[1] for c in load_model(build).states if c.saturates)
    assert most == pytest.approx(0.125, abs=1e-3)


@pytest.mark.parametrize(("name", "fact"), [("q", "names no state"), ("h", "a theorem bounds")])
def test_a_name_that_does_not_fit_is_refused(cell, tmp_path, name, fact):
    with pytest.raises(ElegansError, match=fact):
        _built(cell, tmp_path, (name, (-1.0, 1.0)))
    _ranges(cell, f'[{{"name":"{name}","range":[-1,1]}}]')
    with pytest.raises(ElegansError, match=fact):
        _built(cell, tmp_path)


def test_a_recurrence_that_grows_is_refused_or_saturates_where_declared(growing, tmp_path):
    with pytest.raises(ElegansError, match=r"grows without bound.*--state-range"):
        _built(growing, tmp_path)
    build = _built(growing, tmp_path, (None, (-8.0, 8.0)))
    model = load_model(build)
    x = np.full((300, 3), [c.hi for c in model.inputs])
    found = reference.run(model, x, np.zeros(300, np.int64))
    _, h = HostModel.compile(build).run(x, np.zeros(300, np.int64), found.h[0])
    np.testing.assert_array_equal(h, found.h_next)
    (one,) = saturations(model.states, h)
    assert 0 < one.steps < 300


def test_each_affine_state_has_the_finest_format_of_its_own_bounds(tmp_path):
    """h' = P h / 2 + W x with a permutation P; the last states are 64 times smaller."""
    g = Step()
    drive = g.linear("x", 3, 5)
    scale = np.array([1, 1, 1, 1 / 64, 1 / 64], np.float32)
    w = numpy_helper.to_array(g.held[0])
    g.held[0] = numpy_helper.from_array(scale * w / np.abs(w).sum(axis=0), g.held[0].name)
    permuted = np.eye(5, dtype=np.float32)[[1, 2, 0, 4, 3]]
    g.held.append(numpy_helper.from_array(permuted / 2, "P"))
    g.node("Add", g.node("MatMul", "h", "P"), drive, output="h_next")
    g.node("Tanh", g.linear("h_next", 5, 2), output="y")
    path = g.save(
        tmp_path / "own.onnx", {"x": [1, 3], "h": [1, 5]}, {"y": [1, 2], "h_next": [1, 5]}
    )
    model = load_model(build := _built(_ranges(path), tmp_path))
    assert [c.frac for c in model.states] == [14] * 3 + [20] * 2
    assert [c.range[1] for c in model.states] == pytest.approx([2 * s for s in scale], rel=1e-3)
    x = np.random.default_rng(0).integers(-32768, 32768, (200, 3))
    found = reference.run(model, x, np.zeros(200, np.int64))
    _, h = HostModel.compile(build).run(x, np.zeros(200, np.int64), found.h[0])
    np.testing.assert_array_equal(h, found.h_next)


def test_of_32_bits_the_upper_half_counts():
    wide = Channel(
        "c[0]", "", 20, -(5 << 16) - (1 << 15), (5 << 16) + (1 << 15) - 1, 32, saturates=True
    )
    h = np.array([[0], [(5 << 16) - (1 << 15)], [(5 << 16) - (1 << 15) - 1], [wide.lo]])
    (one,) = saturations((wide,), h)
    assert (one.steps, one.of) == (2, 4)


def test_run_tells_the_steps_that_saturate_and_the_remedy(growing, cell, tmp_path):
    np.savez(tmp_path / "in.npz", x=np.ones((300, 3)))
    asked = ["--input", str(tmp_path / "in.npz"), "--output", str(tmp_path / "out.npz")]
    build = _built(growing, tmp_path, (None, (-8.0, 8.0)))
    told = CliRunner().invoke(main, ["run", str(build), *asked, "--on", "reference"]).output
    assert re.search(r"saturated: .* of 300 steps; .*--state-range layer0=LO:HI", told)
    build = _built(cell, tmp_path)
    told = CliRunner().invoke(main, ["run", str(build), *asked, "--on", "reference"]).output
    assert "300 steps on reference" in told
    assert "saturated" not in told
