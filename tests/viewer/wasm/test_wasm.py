"""The C of a BUILD as WebAssembly: the bits of the reference, in node, whole or with a cut."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.oracles import reference
from elegans.tests.places import CHECKOUT, TESTS, WORM, model_file
from elegans.viewer.wasm.compile_wasm import compile_wasm, network_data
from elegans.viewer.wasm.data_segments import data_segments
from elegans.viewer.wasm.synapses import synapses, without

_SCRIPT = CHECKOUT / "viewer" / "web" / "src" / "shared" / "network.js"
_MOST = 400  # vectors of a BUILD


def _trained(cell, source):
    torch = pytest.importorskip("torch")
    from elegans.trainer import export_onnx
    from elegans.trainer.cells.gru_lstm_mlp import GRUCell
    from elegans.trainer.cells.ltc import LTCCell
    from elegans.trainer.networks.recurrent import Recurrent
    from elegans.trainer.wiring.ncp import AutoNCP

    torch.manual_seed(1)
    cells = {
        "gru": lambda: GRUCell(3, 6),
        "ltc": lambda: LTCCell(AutoNCP(9, 2).build(3)),
    }
    net = Recurrent(cells[cell](), projection=2)
    export_onnx(net, 3, source, input_ranges=(-2.0, 2.0), dt_range=(0.01, 1.0))


@pytest.fixture(scope="module", params=["cfc", "cfc_int8", "gru", "ltc"])
def build(request, tmp_path_factory):
    folder, bits = tmp_path_factory.mktemp(request.param), 8 if request.param == "cfc_int8" else 16
    source = WORM
    if not request.param.startswith("cfc"):
        source = folder / "net.onnx"
        _trained(request.param, source)
    export(Request(source, weight_bits=bits, accept_error=1.0), folder / "BUILD")
    return folder / "BUILD"


@pytest.fixture(scope="module")
def worm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worm") / "BUILD"
    export(Request(WORM, layout="size"), folder)
    return folder


def _in_node(build, folder, rows, cut=(), reals=()):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: install nodejs")
    given = {name: np.asarray(rows[name]).tolist() for name in ("x", "dt", "h")}
    file = folder / "given.json"
    more = {"data": network_data(build), "cut": list(cut), "reals": np.asarray(reals).tolist()}
    file.write_text(json.dumps(given | more))
    line = [node, str(TESTS / "viewer" / "wasm" / "run_module.mjs"), str(_SCRIPT), str(file)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _vectors(build):
    with np.load(build / "vectors.npz") as file:
        return {name: file[name][:_MOST] for name in ("x", "dt", "h", "y", "h_next")}


def test_the_module_has_the_bits_of_the_golden_vectors(build, tmp_path):
    vectors = _vectors(build)
    found = _in_node(build, tmp_path, vectors)
    assert [row["y"] for row in found["rows"]] == vectors["y"].tolist()
    assert [row["h"] for row in found["rows"]] == vectors["h_next"].tolist()
    assert found["digest"] == read_build_folder(build).digest


def test_real_values_become_the_integers_of_python_and_back(build, tmp_path):
    model = load_model(build)
    ends = np.array([c.range for c in model.inputs])
    random = np.random.default_rng(1)
    reals = random.uniform(ends[:, 0] - 0.1, ends[:, 1] + 0.1, (300, len(ends)))
    steps = np.array([c.unit_step for c in model.inputs])
    reals[:100] = (np.round(reals[:100] / steps) + 0.5) * steps  # ties
    found = _in_node(build, tmp_path, {"x": [], "dt": [], "h": []}, reals=reals)
    integers = to_integers(reals, model.inputs)
    assert found["integers"] == integers.tolist()
    assert found["back"] == to_real(integers, model.inputs).tolist()


def test_a_cut_synapse_is_the_reference_with_these_weights_zero(tmp_path, worm):
    model, vectors = load_model(worm), _vectors(worm)
    all_of_them = synapses(worm)
    assert sum(len(one.at) for one in all_of_them) == model.weight_count
    for one in (all_of_them[0], max(all_of_them, key=lambda s: s.strength), all_of_them[-1]):
        found = _in_node(worm, tmp_path, vectors, cut=one.at)
        x, dt, h = (vectors[name].astype(np.int64) for name in ("x", "dt", "h"))
        y, h_next = reference.step(without(model, one), x, dt[:, None], h)
        assert [row["y"] for row in found["rows"]] == y.tolist()
        assert [row["h"] for row in found["rows"]] == h_next.tolist()
        assert h_next.tolist() != vectors["h_next"].tolist()


def test_weights_that_are_in_the_code_are_not_offered_to_be_cut(build):
    kinds = {type(step.op).__name__ for step in load_model(build).steps}
    found = synapses(build)
    assert found or kinds & {"Linear8", "SparseLinear8", "LongSparseLinear", "SparseLinear"}
    module = dict(data_segments(compile_wasm(build)))
    for one in found:
        for at in one.at:
            ((start, content),) = [(a, c) for a, c in module.items() if a <= at < a + len(c)]
            assert content[at - start : at - start + 2] != b"\0\0"


def test_a_module_is_small(build):
    assert len(compile_wasm(build)) < 60_000


def test_changed_sources_are_refused(worm, tmp_path):
    copy = tmp_path / "BUILD"
    shutil.copytree(worm, copy)
    model_file(copy).write_text(model_file(copy).read_text() + "\n")
    with pytest.raises(ElegansError, match="was changed after the export"):
        compile_wasm(copy)
