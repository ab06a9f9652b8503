"""`elegans compare`: float and fixed point on the user's own data, without a board."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.commands.chip import compare as compare_command
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.data.user_data import UserData
from elegans.exporter.export import Request, export
from elegans.exporter.float_network import read_float_network
from elegans.exporter.oracles.comparison import compare
from elegans.exporter.oracles.onnx_float import OnnxRuntimeError
from elegans.tests.places import WORM

_NAMES = ["touch", "heat", "salt"]
_RNG = np.random.default_rng(5)
_X = _RNG.uniform([-1, 0, -0.3], [1, 40, 0.1], (60, 3))
_DT = _RNG.uniform(0.01, 0.2, 60)
_CLASS = _RNG.integers(0, 2, 60)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    target = tmp_path_factory.mktemp("compare") / "BUILD"
    export(Request(WORM), target)
    return target


@pytest.fixture
def npz(tmp_path):
    np.savez(tmp_path / "in.npz", x=_X, dt=_DT, classes=_CLASS)
    return tmp_path / "in.npz"


def _call(build, source, *arguments):
    command = ["compare", build, "--input", source, *arguments]
    return CliRunner().invoke(main, [str(a) for a in command])


def _json(build, source, *arguments):
    result = _call(build, source, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_the_figures_are_those_of_the_states_and_outputs(build, npz):
    found = _json(build, npz)
    assert (found["runs"], found["steps"]) == (1, 60)
    worst = {one["name"]: one["worst"] for one in found["channels"]}
    assert len(worst) == 8
    assert found["worst_at"]["name"] == max(worst, key=worst.get)
    assert 0 < found["rms"] < found["worst"] == max(worst.values()) < 1e-3
    assert 0 < found["float32"]["worst"] < 1e-5
    assert found["accuracy"] is None


def test_the_text_names_the_worst_and_says_how_many_decisions_are_equal(build, npz):
    text = _call(build, npz, "--labels", "classes").stdout
    found = _json(build, npz, "--labels", "classes")
    assert text.index(found["worst_at"]["name"]) < text.index("all together")
    assert f"worst {found['worst']:.1e}" in text
    assert f"equal: {found['decisions_equal']:.2%}" in text
    assert f"{found['accuracy']['fixed']:.2%} in fixed point" in text


@pytest.mark.parametrize("runs", [1, 3])
def test_a_csv_file_is_read_as_the_same_arrays(build, npz, tmp_path, runs):
    """Columns in any order, with others between them; rows are separated into runs by `run`."""
    x, dt = _X.reshape(runs, -1, 3), _DT.reshape(runs, -1)
    np.savez(npz, x=x if runs > 1 else x[0], dt=dt if runs > 1 else dt[0])
    rows = [[*_X[i, [2, 0, 1]], "7", _DT[i], _CLASS[i], f"{i * runs // 60}"] for i in range(60)]
    header = ["salt", "touch", "heat", "note", "dt", "class", "run"]
    source = _csv(tmp_path / "in.csv", header, rows)
    assert _json(build, source) == _json(build, npz)
    assert _json(build, source, "--labels", "class")["labels"] == 60


def test_labels_may_be_a_file_and_may_be_one_for_each_run(build, npz, tmp_path):
    every = _json(build, npz, "--labels", "classes")
    np.savez(tmp_path / "labels.npz", any_name=_CLASS)
    assert _json(build, npz, "--labels", tmp_path / "labels.npz") == every
    _csv(tmp_path / "labels.csv", ["class"], _CLASS[:, None])
    assert _json(build, npz, "--labels", tmp_path / "labels.csv") == every
    np.savez(npz, x=_X.reshape(4, 15, 3), dt=_DT.reshape(4, 15), classes=[0, 1, 1, 0])
    assert _json(build, npz, "--labels", "classes")["labels"] == 4


def test_accuracy_is_counted_where_the_labels_say(build, npz):
    """With the float network's own decisions as labels float has all right, fixed nearly all."""
    first = _json(build, npz)
    arrays = dict(np.load(npz))
    result = CliRunner().invoke(
        main,
        ["run", str(build), "--input", str(npz), "--output", str(npz.parent / "out.npz")],
    )
    assert result.exit_code == 0, result.output
    decided = np.load(npz.parent / "out.npz")["y"].argmax(-1)
    np.savez(npz, x=arrays["x"], dt=arrays["dt"], right=decided, wrong=1 - decided)
    assert _json(build, npz, "--labels", "right")["accuracy"]["fixed"] == 1.0
    found = _json(build, npz, "--labels", "wrong")["accuracy"]
    assert found["fixed"] == 0.0
    assert found["float"] == pytest.approx(1 - first["decisions_equal"])


def test_a_first_state_is_taken_by_both_networks(build, npz):
    still = _json(build, npz)
    np.savez(npz, x=_X, dt=_DT, h0=np.full(6, 0.5))
    moved = _json(build, npz)
    assert moved["channels"] != still["channels"]
    assert moved["worst"] < 1e-3


def test_a_fixed_sample_period_is_that_of_the_export(npz, tmp_path):
    export(Request(WORM, dt=0.05), tmp_path / "BUILD")
    np.savez(npz, x=_X)
    found = _json(tmp_path / "BUILD", npz)
    assert found["worst"] < 1e-3
    assert found["float32"]["worst"] < 1e-5
    np.savez(npz, x=_X, dt=_DT)
    result = _call(tmp_path / "BUILD", npz)
    assert result.exit_code == 1
    assert "sample period was fixed at export" in result.output


def test_a_plot_of_the_worst_stretch_is_written(build, npz, tmp_path):
    pytest.importorskip("matplotlib")
    result = _call(build, npz, "--plot", tmp_path / "worst.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "worst.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_has_the_ending_of_a_picture(build, npz):
    result = _call(build, npz, "--plot", npz)
    assert result.exit_code == 2
    assert "in.npz has another ending; name a file *.png" in result.output


def test_a_plot_without_matplotlib_is_refused_before_anything_runs(
    build, npz, tmp_path, monkeypatch
):
    monkeypatch.setattr(compare_command.importlib.util, "find_spec", lambda _: None)
    result = _call(build, npz, "--plot", tmp_path / "worst.png")
    assert result.exit_code == 1
    assert "matplotlib: is not installed; pip install 'elegans[train]'" in result.output
    assert "running" not in result.output


def test_without_onnxruntime_for_this_graph_the_rest_is_told(build, npz, monkeypatch):
    def refuse(*_):
        raise OnnxRuntimeError("Unsupported model IR version")

    monkeypatch.setattr(compare_command, "OnnxStep", refuse)
    result = _call(build, npz)
    assert result.exit_code == 0
    assert "onnxruntime does not run it (Unsupported model IR version)" in result.output
    assert _json(build, npz)["float32"] is None


def test_one_output_has_no_decisions(build):
    model = load_model(build)
    network = read_float_network(read_build_folder(build)).network
    model = replace(model, outputs=model.outputs[:1], y=(replace(model.y[0], hi=1),))
    network = replace(network, y=network.y.pick(np.array([0])))
    still = np.zeros((1, 5, 3), np.int64), np.full((1, 5), 99), np.zeros((1, 6), np.int64)
    data = UserData(("zeros",), False, np.array([5]), *still, None, ())
    found = compare("zeros", model, network, OnnxRuntimeError("not asked"), data)
    assert found.error.decisions is None


@pytest.mark.parametrize(
    ("header", "rows", "fact"),
    [
        (["touch", "salt", "dt"], [[0, 0, 0.1]], "has no column 'heat'; name the columns"),
        (
            [*_NAMES],
            [[0, 1, 0]],
            "has no column 'dt'; add it: the s from the row before",
        ),
        (["touch;heat;salt;dt"], [["0;1;0;0,1"]], "its header has no comma"),
        ([*_NAMES, "dt"], [], "holds no rows"),
        ([*_NAMES, "dt", "dt"], [[0, 1, 0, 0.1, 0.1]], "names two columns alike"),
        ([*_NAMES, "dt"], [[0, 1, 0, 0.1], [0, 1, 0]], "line 3: has 3 cells, and the header 4"),
        (
            [*_NAMES, "dt"],
            [[0, "warm", 0, 0.1]],
            "line 2, column 'heat': warm is not a number; write a number there",
        ),
        (
            [*_NAMES, "dt"],
            [[0, "nan", 0, 0.1]],
            "line 2, column 'heat': nan is not a finite number",
        ),
        ([*_NAMES, "dt"], [[0, 99, 0, 0.1]], "heat at step 0: 99 lies outside"),
        ([*_NAMES, "dt"], [[0, "", 0, 0.1]], "line 2, column 'heat': is empty"),
    ],
)
def test_a_csv_file_that_does_not_fit_is_refused_with_its_fault(
    build, tmp_path, header, rows, fact
):
    result = _call(build, _csv(tmp_path / "in.csv", header, rows))
    assert result.exit_code == 1
    assert fact in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("labels", "given", "fact"),
    [
        (_CLASS[:9], "classes", "has the shape (9,)"),
        (_CLASS + 1, "classes", "holds 2, which is no class; number the classes 0 to 1"),
        (_CLASS + 0.5, "classes", "which is no class"),
        (_CLASS, "clases", "is neither among the data"),
        (_CLASS, "none.npz", "No such file"),
        (_CLASS, "in.npz", "holds x, dt, classes; give a file with one array"),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_their_fault(
    build, npz, monkeypatch, labels, given, fact
):
    monkeypatch.chdir(npz.parent)
    np.savez(npz, x=_X, dt=_DT, classes=labels)
    result = _call(build, npz, "--labels", given)
    assert result.exit_code == (2 if given in ("none.npz", "clases") else 1)
    assert fact in result.output
