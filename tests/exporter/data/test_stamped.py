"""Data with time stamps and class names, read by `run` and `compare` as `train` reads them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.commands.options.train import COLUMNS
from elegans.commands.training.train import own_data
from elegans.exporter.build_folder import load_model
from elegans.exporter.data.recordings.time_series import Stamps
from elegans.exporter.data.sources import Wanted
from elegans.exporter.data.stamped import read_stamped
from elegans.exporter.data.user_data import read_user_data
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.export import Request, export
from elegans.tests.places import WORM

_STAMPS = Stamps("t", "session")


@pytest.fixture(scope="module")
def worm(tmp_path_factory):
    """The worm's BUILD."""
    build = tmp_path_factory.mktemp("stamped")
    export(Request(WORM), build)
    return build


def _table(path, rows=20, steps=(20, 25, 40), header="t [ms],session,touch,heat [degC],salt,turn"):
    """Two sessions of the worm's inputs, and which way it should turn."""
    rng, lines = np.random.default_rng(3), [header]
    for session in ("mon", "tue"):
        t = 1000
        for row in range(rows):
            t += steps[row % len(steps)]
            touch, salt = rng.uniform(-1, 1), rng.uniform(-0.3, 0.1)
            turn = "left" if touch < 0 else "right"
            lines.append(f"{t},{session},{touch:.3f},{rng.uniform(0, 40):.2f},{salt:.3f},{turn}")
    path.write_text("\n".join(lines) + "\n")
    return path


def _read(path, build, stamps=_STAMPS, labels="turn", clip=False):
    return read_user_data(path, load_model(build), False, clip, labels, stamps)


def test_stamps_become_the_elapsed_times_of_each_recording(worm, tmp_path):
    data = _read(_table(tmp_path / "data.csv"), worm)
    assert data.names == ("mon", "tue")
    assert data.lengths.tolist() == [20, 20]
    seconds = data.dt / 2.0 ** load_model(worm).dt.frac
    assert seconds[1, :4] == pytest.approx([0.025, 0.025, 0.04, 0.02], abs=1e-4)


def test_classes_are_told_by_the_names_of_outputs_or_by_their_numbers(worm, tmp_path):
    path = _table(tmp_path / "data.csv")
    by_name = _read(path, worm).labels
    text = path.read_text()
    path.write_text(text.replace(",left\n", ",0\n").replace(",right\n", ",1\n"))
    assert by_name.tolist() == _read(path, worm).labels.tolist()
    path.write_text(text.replace(",left\n", ",back\n"))
    with pytest.raises(ElegansError, match=r"holds back, which is no class; .* as left, right"):
        _read(path, worm)


def test_what_trains_in_a_wrong_order_or_with_a_gap_runs_so_and_is_told(worm, tmp_path):
    path = _table(tmp_path / "data.csv", steps=(20, 20, 25, 20))
    head, *lines = path.read_text().splitlines()
    lines[3], lines[4] = lines[4], lines[3]
    moved = [f"{int(line.split(',')[0]) + 60000},{line.partition(',')[2]}" for line in lines[10:20]]
    path.write_text("\n".join([head, *lines[:10], *moved, *lines[20:]]) + "\n")
    data = _read(path, worm)
    assert data.names == ("mon/0", "mon/1", "tue")
    assert [change.split(";")[0] for change in data.changes] == [
        "time t: 1 rows come later than they should and are sorted in",
        "time t: 1 gaps of more than 0.4 s, the longest 60.02 s",
    ]


def test_an_empty_cell_is_refused_and_held_with_clip(worm, tmp_path):
    path = _table(tmp_path / "data.csv")
    lines = path.read_text().splitlines()
    cells = lines[5].split(",")
    lines[5] = ",".join([*cells[:3], "", *cells[4:]])
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ElegansError, match=r"column 'heat', row 4: is empty .* give --clip"):
        _read(path, worm)
    [change] = _read(path, worm, clip=True).changes
    assert "heat: 1 of 40 missing" in change


def test_an_input_with_a_mask_may_be_missing_and_says_so(worm, tmp_path):
    model = load_model(worm)
    names = ("heat", "heat_seen", "heat_age")
    inputs = tuple(replace(c, name=n) for c, n in zip(model.inputs, names, strict=True))
    path = tmp_path / "data.csv"
    path.write_text("t,heat\n1.0,\n1.5,0.5\n1.75,\n2.0,\n2.5,0.25\n")
    [one], _ = read_stamped(path, Wanted(replace(model, inputs=inputs)), Stamps("t"), [])
    expected = [[0, 0, 0], [0.5, 1, 0], [0.5, 0, 0.25], [0.5, 0, 0.5], [0.25, 1, 0]]
    assert one.arrays["x"] == pytest.approx(np.array(expected), abs=1e-4)
    assert one.arrays["dt"].tolist() == [0.375, 0.5, 0.25, 0.25, 0.5]


def test_run_and_compare_take_the_options_of_train(tmp_path, worm):
    path = _table(tmp_path / "data.csv")
    how = ("--input", path, "--time", "t", "--group", "session", "--labels", "turn")
    compared = _call("compare", worm, *how, "--json")
    assert compared.exit_code == 0, compared.output
    assert json.loads(compared.stdout)["labels"] == 40
    run = _call("run", worm, *how, "--output", tmp_path / "out.npz")
    assert "2 runs of 20 steps" in run.stdout
    assert np.load(tmp_path / "out.npz")["series"].tolist() == ["mon", "tue"]


def test_a_column_that_is_not_there_has_the_error_of_train(tmp_path, worm):
    path = _table(tmp_path / "data.csv")
    ran = _call("compare", worm, "--input", path, "--time", "now")
    with pytest.raises(WrongUseError) as told:
        own_data(path, dict.fromkeys(COLUMNS) | {"time": "now", "target": "turn"})
    assert (ran.exit_code, f"elegans: {told.value}" in ran.output) == (2, True)
    assert "has no column 'now' for --time; it has t, session, touch" in ran.output
    alone = _call("compare", worm, "--input", path, "--group", "session")
    assert (alone.exit_code, "give --time" in alone.output) == (2, True)


def _call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])
