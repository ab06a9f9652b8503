"""`elegans train` on the user's own data: the example as it is printed, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.tests.places import CHECKOUT

pytest.importorskip("torch", reason="torch is not installed")


def _call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def _commands():
    """The commands of examples/from_csv.md, in their order, with a short training."""
    text = (CHECKOUT / "examples" / "from_csv.md").read_text()
    blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [line for line in lines if line.startswith(("python ", "elegans "))]
    return [line.replace("--epochs 30", "--epochs 4") for line in found]


def test_the_example_goes_from_a_csv_file_to_a_board(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    for line in _commands():
        program, *arguments = shlex.split(line)
        if program == "python":
            script = CHECKOUT / arguments[0]
            subprocess.run([sys.executable, script, *arguments[1:]], check=True, timeout=60)
            continue
        result = _call(*arguments)
        assert result.exit_code == 0, f"{line}: {result.output}"
        said.append(result.output)
    trained, exported, tested, compared = said
    assert "next: elegans export machine/model.onnx -o machine/export" in trained
    notes = re.findall(r"^note: .*$", (CHECKOUT / "examples" / "from_csv.md").read_text(), re.M)
    assert len(notes) == 3
    assert all(note in trained for note in notes)
    metrics = json.loads((tmp_path / "machine" / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > metrics["baselines"]["majority"]["accuracy"] + 0.2
    assert "worst error against float" in exported
    assert "0 different" in tested
    assert "accuracy over 3,600 labels" in compared


@pytest.fixture
def table(tmp_path):
    """A CSV file with columns t, a and y."""
    path = tmp_path / "d.csv"
    t = np.arange(80)
    rows = [f"{k / 10},{np.sin(k):.3f},{['no', 'yes'][int(np.sin(k) > 0)]}" for k in t]
    path.write_text("t [s],a,y\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["lane", "--inputs", "a"], "lane: takes no --inputs; leave it out"),
        (["lane", "--resume"], "lane: takes no --resume"),
        (["motions", "--task", "regression"], "motions: takes no --task"),
        (["occupancy", "--target", "a"], "task occupancy: takes no --target"),
        (["occupancy"], "not with elegans; download them from https://archive.ics.uci.edu"),
        (["TABLE", "--time", "t"], "--target is not given; name a column of t, a, y"),
        (["TABLE", "--target", "y"], "--time is not given"),
        (["TABLE", "--time", "t", "--target", "z"], "has no column 'z' for --target"),
        (["TABLE", "--time", "t", "--target", "y", "--data", "x"], "takes no --data"),
        (["TABLE", "--time", "t", "--target", "y", "--augment", "fog=1"], "--augment"),
        (["TABLE", "--time", "t", "--target", "y", "--name", "A B"], "cannot be a prefix in C"),
        (["TABLE", "--time", "t", "--target", "y", "--neurons", "4"], "are too few"),
        (["TABLE", "--time", "y", "--target", "y"], "neither a number nor a date"),
        (["none.csv", "--time", "t", "--target", "y"], "no such task, file or folder"),
    ],
)
def test_wrong_requests_end_in_one_line_and_write_nothing(table, arguments, text):
    given = [str(table) if word == "TABLE" else word for word in arguments]
    result = _call("train", *given, "-o", table.parent / "out")
    assert result.exit_code in (1, 2), result.output
    (line,) = [one for one in result.output.splitlines() if text in one]
    assert line.startswith(("elegans: ", "Error: "))
    assert "Traceback" not in result.output
    assert not (table.parent / "out").exists()


def test_a_fifo_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "d.csv")
    result = _call(
        "train", tmp_path / "d.csv", "--time", "t", "--target", "y", "-o", tmp_path / "o"
    )
    assert result.exit_code == 2
    assert "d.csv: is not a regular file" in result.output


def test_ctrl_c_ends_in_one_line_with_the_way_on(table, monkeypatch):
    from elegans.trainer.learn import training_loop

    def stop(*_):
        raise KeyboardInterrupt

    out = table.parent / "out"
    words = ["train", table, "--time", "t", "--target", "y", "-o", out, "--epochs", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(training_loop, "update", stop)
        result = _call(*words)
    assert result.exit_code == 130
    assert "stopped after 0 of 2 epochs" in result.output.splitlines()[-1]
    assert "--resume to go on" in result.output.splitlines()[-1]
    again = _call(*words, "--resume", "--neurons", "9")
    assert "was trained with neurons 32, not 9" in again.output
    with monkeypatch.context() as patch:
        patch.setattr(training_loop, "update", stop)
        anew = _call(*words)
    assert "checkpoints is of an earlier training and is replaced" in anew.output
