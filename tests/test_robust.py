"""`elegans robust`: files, resuming after a kill, and errors in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="torch is not installed")

from elegans.cli import main
from elegans.tests.trainer.data.recordings import write_machine

_COLUMNS = ("--time", "t [ms]", "--target", "state", "--group", "session")
_TINY = ("--cells", "ctrnn,gru", "--budget", 150, "--epochs", 1, "--quick", "--jobs", 1)
_KILLED = "import sys; from elegans.cli import main; main(sys.argv[1:])"


def _call(*arguments):
    return CliRunner().invoke(main, ["robust", *map(str, arguments)])


def _arguments(folder, *more):
    return folder / "machine.csv", *_COLUMNS, *_TINY, "--seeds", 1, "-o", folder / "out", *more


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder with the recordings and the results of one seed."""
    folder = tmp_path_factory.mktemp("robust")
    write_machine(folder / "machine.csv")
    result = _call(*_arguments(folder))
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def no_pictures(monkeypatch):
    """They take longer than a small study."""
    from elegans.trainer.robustness import pictures

    monkeypatch.setattr(pictures, "draw", lambda summary, folder: [])


def _results(folder):
    return json.loads((folder / "out" / "results.json").read_text())


def test_all_files_are_there_and_agree(done):
    names = {path.name for path in (done / "out").iterdir()}
    pictures = {"equal_parameters_float.png", "equal_parameters_int16.png"}
    assert names == {"finished", "results.json", "table.txt", "table.md", *pictures}
    found = _results(done)
    assert [one["cell"] for one in found["networks"]] == ["ctrnn", "gru"]
    for network in found["networks"]:
        assert abs(network["parameters"] - 150) < 40
        assert network["instructions"] > 100
        assert network["flash"] > 100
        for errors in network["errors"].values():
            assert len(errors) == 10  # undisturbed, and nine disturbances
            assert all(0 <= error <= 1 for *_, error in errors)
    row = next(one for one in found["rows"] if "verdict" in one)
    assert row["cell"] == "gru"
    assert row["verdict"] == "alike"
    assert found["result"] in (done / "out" / "table.md").read_text()
    assert found["result"].endswith("With one seed nothing can be told apart.")
    assert found["settings"]["rates"] == [0.01]


@pytest.mark.usefixtures("no_pictures")
def test_the_same_command_again_trains_nothing_and_gives_the_same_bytes(done, monkeypatch):
    from elegans.trainer.robustness import campaign

    before = (done / "out" / "results.json").read_bytes()
    monkeypatch.setattr(campaign, "measured", None)
    assert _call(*_arguments(done)).exit_code == 0
    assert (done / "out" / "results.json").read_bytes() == before


@contextmanager
def _killed(command, finished):
    """A study in a process of its own, whose first file is done; killed at the end of the block."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 300
        while not list(finished.glob("*.json")) and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        yield process
        os.kill(process.pid, signal.SIGKILL)


@pytest.mark.usefixtures("no_pictures")
def test_after_a_kill_only_what_was_not_finished_is_trained_and_the_results_are_the_same(
    done, tmp_path, monkeypatch
):
    from elegans.trainer.robustness import campaign

    (tmp_path / "machine.csv").write_bytes((done / "machine.csv").read_bytes())
    command = [sys.executable, "-c", _KILLED, "robust", *map(str, _arguments(tmp_path))]
    finished = tmp_path / "out" / "finished"
    with _killed(command, finished):
        pass
    kept = {path.name: path.read_bytes() for path in finished.glob("*.json")}
    assert len(kept) == 1
    assert not (tmp_path / "out" / "results.json").exists()
    trained = []
    whole = campaign.measured
    monkeypatch.setattr(
        campaign, "measured", lambda *a: (trained.append(a[1].lesson.cell), whole(*a))[1]
    )
    assert _call(*_arguments(tmp_path)).exit_code == 0
    assert trained == ["gru"]
    assert {n: (finished / n).read_bytes() for n in kept} == kept
    assert (tmp_path / "out" / "results.json").read_bytes() == (
        done / "out" / "results.json"
    ).read_bytes()


@pytest.mark.soak
def test_several_processes_give_the_same_results_and_end_with_the_one_that_was_killed(
    done, tmp_path
):
    (tmp_path / "machine.csv").write_bytes((done / "machine.csv").read_bytes())
    arguments = [*_arguments(tmp_path), "--jobs", 2]
    command = [sys.executable, "-c", _KILLED, "robust", *map(str, arguments)]
    finished = tmp_path / "out" / "finished"
    with _killed(command, finished) as process:
        tasks = f"/proc/{process.pid}/task/{process.pid}/children"
        with open(tasks, encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    assert len(children) >= 2
    until = time.monotonic() + 60
    while any(os.path.exists(f"/proc/{child}") for child in children):
        assert time.monotonic() < until
        time.sleep(0.2)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert (tmp_path / "out" / "results.json").read_bytes() == (
        done / "out" / "results.json"
    ).read_bytes()


@pytest.mark.parametrize("content", [b"", b"{", b'{"other": 1}', b"[1]"])
def test_a_damaged_file_is_measured_again(tmp_path, content):
    from elegans.trainer.robustness.campaign import _read

    path = tmp_path / "one.json"
    path.write_bytes(content)
    assert _read(path) is None


@pytest.mark.usefixtures("no_pictures")
def test_a_training_that_fails_is_told_and_the_others_are_compared(done, tmp_path, monkeypatch):
    from elegans.exporter.errors import ElegansError
    from elegans.trainer.robustness.recorded_world import RecordedWorld

    def failing(self, lesson, progress=None):
        assert lesson.cell == "gru"  # the other one is kept
        raise ElegansError("training", "the loss became nan", "try another seed")

    monkeypatch.setattr(RecordedWorld, "train", failing)
    (tmp_path / "machine.csv").write_bytes((done / "machine.csv").read_bytes())
    (kept,) = (done / "out" / "finished").glob("*-ctrnn-*")
    (tmp_path / "out" / "finished").mkdir(parents=True)
    (tmp_path / "out" / "finished" / kept.name).write_bytes(kept.read_bytes())
    result = _call(*_arguments(tmp_path))
    assert result.exit_code == 0
    assert "failed" in result.stdout
    assert _results(tmp_path)["networks"][1]["failure"].startswith("training: the loss became nan")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, "training"])
def test_ctrl_c_ends_with_130_and_says_how_to_go_on(done, tmp_path, monkeypatch, stop):
    from elegans.trainer.learn.training_loop import StoppedError
    from elegans.trainer.robustness.recorded_world import RecordedWorld

    def stopped(self, lesson, progress=None):
        raise StoppedError("training", "stopped", "") if stop == "training" else stop

    monkeypatch.setattr(RecordedWorld, "train", stopped)
    (tmp_path / "machine.csv").write_bytes((done / "machine.csv").read_bytes())
    result = _call(*_arguments(tmp_path))
    assert result.exit_code == 130
    assert "give the same command again" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nothing"], "no such task, file or folder"),
        (["lane", "--target", "x"], "takes no --target"),
        (["daphnet", "--group", "x"], "takes no --group"),
        (["lane", "--cells", "cfc,worm"], "worm"),
        (["lane", "--cells", "cfc,cfc"], "name each cell once"),
        (["lane", "--rates", "fast"], "is no number"),
        (["lane", "--rates", "0"], "give rates above 0"),
        (["lane", "--sizes", "200:2000"], "is for --study size"),
        (["lane", "--study", "size", "--sizes", "2000:200"], "give LO:HI"),
        (["lane", "--study", "size", "--sizes", "many"], "'many' is not LO:HI"),
    ],
)
def test_wrong_use_ends_in_one_line_with_exit_code_2(tmp_path, arguments, text):
    result = _call(*arguments, "-o", tmp_path / "out")
    assert result.exit_code == 2, result.output
    assert text in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_data_without_a_time_column_are_refused(done, tmp_path):
    result = _call(done / "machine.csv", "--target", "state", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "--time is not given" in result.output
