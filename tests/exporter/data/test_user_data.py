"""Many series in one call: from a batch, from a column `run`, and from a folder of files."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.exporter.build_folder import load_model
from elegans.exporter.data import sources
from elegans.exporter.data.user_data import read_user_data
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.tests.places import WORM

_INPUTS = ["touch", "heat", "salt"]
_LENGTHS = [7, 12, 1, 12]
_NAMES = ["p1", "p2", "p3", "p4"]
_RNG = np.random.default_rng(8)
_X = [_RNG.uniform([-1, 0, -0.3], [1, 40, 0.1], (n, 3)) for n in _LENGTHS]
_DT = [_RNG.uniform(0.01, 0.2, n) for n in _LENGTHS]
_CLASSES = [0, 1, 1, 0]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    target = tmp_path_factory.mktemp("series") / "BUILD"
    export(Request(WORM), target)
    return target


def _call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def _run(build, source, output, *arguments):
    result = _call("run", build, "--input", source, "--output", output, *arguments)
    assert result.exit_code == 0, result.output
    return dict(np.load(output)), result.stdout


def _batch(path, fill=0.0, **more):
    """The series as x [N, T, I], with `fill` after the end of each."""
    x, dt = np.full((4, 12, 3), fill), np.full((4, 12), fill)
    for i, n in enumerate(_LENGTHS):
        x[i, :n], dt[i, :n] = _X[i], _DT[i]
    np.savez(path, x=x, dt=dt, lengths=_LENGTHS, **more)
    return path


def _table(path, series, **columns):
    """The series, by their numbers, as rows of a .csv file; `columns` have a text for each one."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_INPUTS, "dt", "when", *columns])
        for i in series:
            for row, dt in zip(_X[i], _DT[i], strict=True):
                extra = [texts[i] for texts in columns.values()]
                writer.writerow([*row, dt, "12:30 h", *extra])
    return path


def _folder(path):
    """Two files of one series and one of two, among other files."""
    path.mkdir()
    _table(path / "p1.csv", [0])
    np.savez(path / "p2.npz", x=_X[1], dt=_DT[1])
    _table(path / "q.csv", [2, 3], run=_NAMES)
    (path / "notes.txt").write_text("not data")
    (path / ".hidden.csv").write_text("not data")
    return path


@pytest.fixture(scope="module")
def alone(build, tmp_path_factory):
    """What each series gives in a call of its own."""
    folder = tmp_path_factory.mktemp("alone")
    found = []
    for x, dt in zip(_X, _DT, strict=True):
        np.savez(folder / "in.npz", x=x, dt=dt)
        found.append(_run(build, folder / "in.npz", folder / "out.npz")[0])
    return found


@pytest.mark.parametrize("on", ["reference", "onnx", "host", "mps2-an386"])
def test_each_series_of_a_batch_gives_what_it_gives_alone(build, tmp_path, alone, on):
    source = _batch(tmp_path / "in.npz", fill=np.nan)
    found, told = _run(build, source, tmp_path / "out.npz", "--on", on)
    assert found["y"].shape == (4, 12, 2)
    assert list(found["lengths"]) == _LENGTHS
    for i, (n, one) in enumerate(zip(_LENGTHS, alone, strict=True)):
        for name in ("y", "h", "y_int", "h_int"):
            np.testing.assert_array_equal(found[name][i, :n], one[name])
            assert not found[name][i, n:].any()
            assert found[name].dtype == one[name].dtype
    assert f"4 runs of 1 to 12 steps on {on}" in told


def test_a_folder_and_a_column_are_read_as_the_same_series(build, tmp_path, alone):
    whole = _run(build, _batch(tmp_path / "in.npz"), tmp_path / "a.npz")[0]
    table = _run(build, _table(tmp_path / "in.csv", range(4), run=_NAMES), tmp_path / "b.npz")[0]
    folder = _run(build, _folder(tmp_path / "data"), tmp_path / "c.npz")[0]
    for name in ("y", "h", "y_int", "h_int", "lengths"):
        np.testing.assert_array_equal(table[name], whole[name])
        np.testing.assert_array_equal(folder[name], whole[name])
    assert list(whole["series"]) == ["0", "1", "2", "3"]
    assert list(table["series"]) == _NAMES
    assert list(folder["series"]) == ["p1", "p2", "q/p3", "q/p4"]


def test_a_parquet_file_is_read_as_the_same_table(build, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {name: np.concatenate(_X)[:, i] for i, name in enumerate(_INPUTS)}
    columns |= {"dt": np.concatenate(_DT), "run": np.repeat(_NAMES, _LENGTHS)}
    columns |= {"label": np.repeat(_CLASSES, _LENGTHS), "when": ["12:30 h"] * sum(_LENGTHS)}
    parquet.write_table(arrow.table(columns), tmp_path / "in.parquet", row_group_size=5)
    given = ("--labels", "label")
    one, told = _run(build, tmp_path / "in.parquet", tmp_path / "a.npz", *given)
    source = _table(tmp_path / "in.csv", range(4), run=_NAMES, label=_CLASSES)
    other, also = _run(build, source, tmp_path / "b.npz", *given)
    for name in other:
        np.testing.assert_array_equal(one[name], other[name])
    assert "accuracy over 32 labels" in told
    assert told.splitlines()[1] == also.splitlines()[1]


def test_without_pyarrow_a_parquet_file_says_how_to_get_it(build, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "in.parquet").write_bytes(b"PAR1")
    result = _call("compare", build, "--input", tmp_path / "in.parquet")
    assert result.exit_code == 1
    assert "not installed; pip install 'elegans[parquet]', or save the data as" in result.output


@pytest.mark.parametrize(
    ("columns", "fact"),
    [
        ({"touch": ["a"]}, "column 'touch': holds string, not numbers"),
        ({"touch": [[1.0]]}, "column 'touch': holds list"),
        ({"touch": [1.0, None]}, "column 'touch', row 1: is empty or not finite"),
        ({"touch": []}, "holds no rows"),
        ({"heat": [1.0]}, "has no column 'touch'"),
        (None, "is not a .parquet file"),
    ],
)
def test_a_parquet_file_that_does_not_fit_is_refused_with_its_fault(build, tmp_path, columns, fact):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    source = tmp_path / "in.parquet"
    source.write_bytes(b"PAR1" + bytes(40) + b"PAR1")
    if columns is not None:
        kind = None if columns.get("touch") else {"touch": arrow.float64()}
        schema = arrow.schema(kind) if kind and "touch" in columns else None
        parquet.write_table(arrow.table(columns, schema=schema), source)
    result = _call("run", build, "--input", source, "--output", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert fact in result.output


@pytest.mark.parametrize("how", ["array", "each step", "in order", "by name", "flat", "array file"])
def test_labels_may_come_in_each_of_these_ways(build, tmp_path, alone, how):
    """The labels of the last steps are right but for one; those of all steps are."""
    right = [one["y"].argmax(-1) for one in alone]
    last = [int(r[-1]) for r in right]
    last[3] = 1 - last[3]
    folder, labels = _folder(tmp_path / "data"), tmp_path / "data" / "labels.csv"
    source, given, share = folder, labels, "75.00%"
    if how == "array":
        source, given = _batch(tmp_path / "in.npz", outcome=last), "outcome"
    elif how == "each step":
        steps = np.zeros((4, 12), int)
        for i, r in enumerate(right):
            steps[i, : len(r)] = r
        source, given, share = _batch(tmp_path / "in.npz", right=steps), "right", "100.00%"
    elif how == "in order":
        labels.write_text("\n".join(["label", *map(str, last)]))
    elif how == "by name":
        rows = zip(["p1", "p2", "q/p3", "q/p4"], last, strict=True)
        lines = [f"{label},{name}" for name, label in rows]
        labels.write_text("\n".join(["label,run", *reversed(lines), "1,nobody"]))
    elif how == "flat":
        labels.write_text("\n".join(["label", *map(str, np.concatenate(right))]))
        share = "100.00%"
    else:
        given = tmp_path / "labels.npz"
        np.savez(given, any_name=np.array(last)[:, None])
    _, told = _run(build, source, tmp_path / "out.npz", "--labels", given)
    count = 32 if share == "100.00%" else 4
    assert f"accuracy over {count} labels: {share}" in told
    result = _call("compare", build, "--input", source, "--labels", given, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert f"{found['accuracy']['fixed']:.2%}" == share
    assert found["labels"] == count


def test_compare_of_many_series_counts_no_step_after_their_end(build, tmp_path):
    """The figures of the batch follow from those of its series in calls of their own."""
    found = []
    for x, dt in zip(_X, _DT, strict=True):
        np.savez(tmp_path / "one.npz", x=x, dt=dt)
        found.append(
            json.loads(_call("compare", build, "--input", tmp_path / "one.npz", "--json").stdout)
        )
    source = _batch(tmp_path / "in.npz")
    whole = json.loads(_call("compare", build, "--input", source, "--json").stdout)
    assert (whole["runs"], whole["steps"]) == (4, 12)
    equal = sum(one["decisions_equal"] * one["steps"] for one in found) / sum(_LENGTHS)
    assert whole["decisions_equal"] == pytest.approx(equal)
    # In the unit of the state: the worst of all is the worst of any.
    worst = [
        max(o["channels"][i]["worst"] * _used(o["channels"][i]) for o in found if o["steps"] == 12)
        for i in range(8)
    ]
    for channel, error in zip(whole["channels"], worst, strict=True):
        assert channel["worst"] * _used(channel) >= error * 0.999
    text = _call("compare", build, "--input", _folder(tmp_path / "data")).stdout
    assert "4 runs of 1 to 12 steps" in text
    assert any(f" {name}:" in text for name in ("p1", "p2", "q/p3", "q/p4"))


def _used(channel):
    lo, hi = channel["used"]
    return max(hi, 0.0) - min(lo, 0.0)


def test_a_first_state_may_be_one_for_all_or_one_for_each(build, tmp_path):
    states = np.linspace(-0.5, 0.5, 24).reshape(4, 6)
    each, _ = _run(build, _batch(tmp_path / "in.npz", h0=states), tmp_path / "a.npz")
    same, _ = _run(build, _batch(tmp_path / "in.npz", h0=states[1]), tmp_path / "b.npz")
    np.testing.assert_array_equal(each["h_int"][1], same["h_int"][1])
    assert (each["h_int"][0] != same["h_int"][0]).any()


def test_clip_says_for_all_series_together_what_it_changed(build, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in "ab":
        lines = [",".join([*_INPUTS, "dt"]), "0,99,0,0.1", ",20,0,0.1", "0.5,20,0,0.1"]
        (folder / f"{name}.csv").write_text("\n".join(lines))
    result = _call("run", build, "--input", folder, "--output", tmp_path / "o.npz", "--clip")
    assert result.exit_code == 0, result.output
    assert "heat: 2 of 6 values clipped to 0 to 40" in result.stderr
    assert "touch: 2 of 6 missing, each taken as the one before it" in result.stderr


@pytest.mark.parametrize(
    ("arrays", "fact"),
    [
        ({"lengths": [1, 2]}, "lengths has the shape (2,)"),
        ({"lengths": [0, 1, 1, 1]}, "array 'lengths': holds 0, and the series have 1 to 12"),
        ({"lengths": [13, 1, 1, 1]}, "holds 13"),
        ({"lengths": [1.5, 1, 1, 1]}, "holds 1.5"),
        ({"lengths": [12] * 4}, "series 0, array 'x': is not all finite"),
        ({"h0": np.zeros((4, 5))}, "h0 has the shape (5,); save h0 [6]"),
        ({"dt": np.zeros((4, 3))}, "dt has the shape"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused_with_its_fault(build, tmp_path, arrays, fact):
    source = _batch(tmp_path / "in.npz", fill=np.nan)
    np.savez(source, **(dict(np.load(source)) | arrays))
    result = _call("run", build, "--input", source, "--output", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert fact in result.output
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(
    ("labels", "fact"),
    [
        ("label\n0\n1", "has the shape (2,), and there are 4 series of 32 steps"),
        ("label,run\n0,p1", "has no label for the series 'p2'"),
        ("label,run\n0,p1\n1,p1\n0,p2\n0,q/p3\n1,q/p4", "has the shape (2,)"),
        ("label,other\n0,1", "holds label, other"),
        ("label\n0\n1\n2\n0", "holds 2, which is no class"),
    ],
)
def test_labels_of_many_series_that_do_not_fit_are_refused(build, tmp_path, labels, fact):
    (tmp_path / "labels.csv").write_text(labels)
    given = ("--labels", tmp_path / "labels.csv", "--output", tmp_path / "out.npz")
    result = _call("run", build, "--input", _folder(tmp_path / "data"), *given)
    assert result.exit_code == 1
    assert fact in result.output


def test_a_folder_without_data_is_asked_for_wrongly(build, tmp_path):
    result = _call("run", build, "--input", tmp_path, "--output", tmp_path / "out.npz")
    assert result.exit_code == 2
    assert "holds no data; give files .npz, .csv, .parquet" in result.output


def test_more_steps_than_memory_should_take_are_refused(build, tmp_path, monkeypatch):
    """Counted with what fills the shorter series up."""
    monkeypatch.setattr(sources, "MOST_VALUES", 47 * 11)
    with pytest.raises(ElegansError, match="4 series, the longest of 12 steps; split the data: 47"):
        read_user_data(_folder(tmp_path / "data"), load_model(build), period_fixed=False)
