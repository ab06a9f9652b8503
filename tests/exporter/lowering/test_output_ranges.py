"""Outputs saturate where they are declared to, and have the formats that these ranges need."""

from __future__ import annotations

import re
from dataclasses import replace

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
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir.declared import with_output_ranges
from elegans.exporter.lowering.lower import lower_with_proof
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.blame.causes import Facts, _of_outputs
from elegans.exporter.oracles.blame.hybrid import ROUNDING, WEIGHTS, Contribution
from elegans.exporter.saturation import OUTPUT_RANGE, saturations
from elegans.tests.exporter.frontend.steps import Step, cfc

_INPUTS, _UNITS = 3, 64


def _saved(g, path, outputs, ranges=None):
    """The graph, with inputs in -1:1 and its outputs' ranges in the metadata."""
    sizes = {"x": [1, _INPUTS], "h": [1, _UNITS]}
    g.save(path, sizes, {"y": [1, outputs], "h_next": [1, _UNITS]})
    proto = onnx.load(path)
    meta = '{{"name":"m","inputs":[{}],"outputs":[{}]}}'.format(
        ",".join(f'{{"name":"x{i}","range":[-1,1]}}' for i in range(_INPUTS)),
        ",".join(
            f'{{"name":"y{i}"'
            + (f',"range":{(ranges or {})[i]}' if i in (ranges or {}) else "")
            + "}"
            for i in range(outputs)
        ),
    )
    helper.set_model_props(proto, {"elegans": meta})
    onnx.save(proto, path)
    return path


def _layer():
    """h_next = tanh(U x + V h), with a V so small that nothing is amplified."""
    g = Step()
    drive = g.node("Add", g.linear("x", _INPUTS, _UNITS), g.linear("h", _UNITS, _UNITS))
    g.held[1] = numpy_helper.from_array(numpy_helper.to_array(g.held[1]) / 20, g.held[1].name)
    g.node("Tanh", drive, output="h_next")
    return g


@pytest.fixture
def reader(tmp_path):
    """Two outputs that may be up to about 15 by proof."""

    def saved(ranges=None):
        g = _layer()
        g.node("Identity", g.linear("h_next", _UNITS, 2), output="y")
        return _saved(g, tmp_path / "reader.onnx", 2, ranges)

    return saved


def _built(path, tmp_path, *ranges):
    export(Request(path, output_ranges=ranges, accept_error=1e9), tmp_path / "BUILD")
    return tmp_path / "BUILD"


def test_an_output_saturates_at_its_declared_ends_in_c_as_well(reader, tmp_path):
    build = _built(reader(), tmp_path, ("y0", (-0.3, 0.7)))
    model, free = load_model(build), load_model(_built(reader(), tmp_path / "free"))
    assert [c.saturates for c in model.outputs] == [True, False]
    assert model.outputs[0].frac >= free.outputs[0].frac + 4
    assert model.outputs[1] == free.outputs[1]
    x = np.random.default_rng(2).integers(-32768, 32768, (300, _INPUTS))
    found = reference.run(model, x, np.zeros(300, np.int64))
    y, _ = HostModel.compile(build).run(x, np.zeros(300, np.int64), found.h[0])
    np.testing.assert_array_equal(y, found.y)
    real = y[:, 0] / 2.0 ** model.outputs[0].frac
    assert (real.min(), real.max()) == pytest.approx((-0.3, 0.7), abs=1e-4)
    (one,) = saturations(read_build_folder(build).outputs, y, OUTPUT_RANGE)
    assert 0 < one.steps < one.of == 300
    assert "Outputs that saturate where they are declared to" in (build / "report.txt").read_text()


def test_what_is_inside_of_both_ranges_is_the_same_number(reader, tmp_path):
    """A power of two is the end of the format itself, and costs no step of its own."""
    model, free = (
        load_model(_built(reader(), tmp_path / name, *ranges))
        for name, ranges in (("fine", [(None, (-1.0, 1.0))]), ("free", []))
    )
    assert [s.name for s in model.steps] == [s.name for s in free.steps]
    x = np.random.default_rng(2).integers(-32768, 32768, (300, _INPUTS))
    fine, coarse = (
        reference.run(m, x, np.zeros(300, np.int64)).y
        / 2.0 ** np.array([c.frac for c in m.outputs])
        for m in (model, free)
    )
    inside = np.abs(coarse) < 0.99
    unit = 2.0 ** -np.array([c.frac for c in free.outputs])
    assert inside.mean() > 0.3
    assert np.all((np.abs(fine - coarse) <= 0.51 * unit)[inside])


def test_metadata_declares_and_the_option_overrides_it(reader, tmp_path):
    path = reader({1: [-0.25, 0.25]})
    outputs = load_model(_built(path, tmp_path)).outputs
    assert [c.saturates for c in outputs] == [False, True]
    assert outputs[1].range == pytest.approx((-0.25, 0.25), abs=1e-4)
    outputs = load_model(_built(path, tmp_path, (None, (-0.5, 0.5)))).outputs
    assert outputs[1].range == pytest.approx((-0.5, 0.5), abs=1e-4)
    assert all(c.saturates for c in outputs)


def test_a_range_wider_than_the_proof_changes_nothing(reader, tmp_path):
    wide = load_model(_built(reader(), tmp_path / "wide", (None, (-1000.0, 1000.0))))
    assert wide.digest == load_model(_built(reader(), tmp_path / "free")).digest


@pytest.mark.parametrize(
    ("copies", "name", "fact"),
    [
        (False, "q", "no output is called 'q'"),
        (True, None, "the outputs are states of the network"),
    ],
)
def test_a_range_that_fits_no_output_is_refused(tmp_path, copies, name, fact):
    path = cfc(tmp_path / "cfc.onnx", copies=copies)
    request = Request(
        path, input_ranges=((-1.0, 1.0),), dt_range=(0.1, 1.0), output_ranges=((name, (-1.0, 1.0)),)
    )
    with pytest.raises(ElegansError, match=fact):
        export(request, tmp_path / "BUILD")
    assert not (tmp_path / "BUILD").exists()


def _blamed(lowered, network, y, part=ROUNDING):
    """What is said of the outputs, if a part of them is at fault in runs in which they are y."""
    guilty = Contribution((lowered.model.y[0].vector,), (), part, 2e-3)
    facts = Facts(lowered, network, {}, guilty, 16)
    return _of_outputs(facts, y, np.abs(y).max(axis=(0, 1)))


def test_the_remedy_names_the_outputs_that_use_little_of_what_is_proved(reader):
    graph = open_graph(reader())
    interface = read_interface(graph)
    network = read_network(graph, interface)
    lowered = lower_with_proof(network)
    least, most = (c.range[1] for c in lowered.model.outputs)
    y = np.zeros((3, 1, 2))
    y[1] = -0.1, 0.2
    cause, remedy = _blamed(lowered, network, y)
    assert cause == (
        f"all that can be proved of y0 is that it stays within {least:.4g}; 0.1 is its greatest "
        "value"
    )
    assert remedy.endswith("--output-range y0=-0.5:0.5 --output-range y1=-1:1")
    y[2] = 0.1, most / 2
    assert _blamed(lowered, network, y)[1].endswith(": --output-range y0=-0.5:0.5")
    assert _blamed(lowered, network, y * 0 + 0.1)[1].endswith(": --output-range -0.5:0.5")
    assert _blamed(lowered, network, y * 0 + most / 2) is None
    declared = with_output_ranges(interface, [("y0", (-0.5, 0.5))])
    network = replace(network, interface=declared)
    for part in (WEIGHTS, ROUNDING):
        assert _blamed(lower_with_proof(network), network, y * 0 + 0.75, part) == (
            "y0 saturates at 0.5, and float reaches 0.75",
            "declare a wider range of it with --output-range y0=LO:HI",
        )


def test_run_tells_the_steps_in_which_an_output_saturates_and_the_remedy(reader, tmp_path):
    np.savez(tmp_path / "in.npz", x=np.random.default_rng(3).uniform(-1, 1, (300, _INPUTS)))
    asked = ["--input", str(tmp_path / "in.npz"), "--output", str(tmp_path / "out.npz")]
    build = _built(reader(), tmp_path, ("y1", (-0.25, 0.25)))
    told = CliRunner().invoke(main, ["run", str(build), *asked, "--on", "reference"]).output
    assert re.search(
        r"saturated: y1 at an end of -0.25:0.25 in \d+ of 300 steps; .*--output-range y1=", told
    )
