"""`elegans sweep` as a user calls it: killed, gone on with, picked from, tested on a board."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main

_BOUND_S = 240.0
_OPTIONS = ["--time", "0.1", "--inputs", "a,b", "--target", "y", "--group", "run"]
_SMALL = ["--cells", "ctrnn,mlp", "--neurons", "4:8", "--weights", "int16", "--epochs", "3"]


def _call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "runs.csv"
    random = np.random.default_rng(0)
    rows = ["run,a,b,y"]
    for run in range(6):
        values = random.standard_normal((60, 2)).cumsum(axis=0)
        rows += [f"{run},{a:.4f},{b:.4f},{np.tanh(a - b):.4f}" for a, b in values]
    path.write_text("\n".join(rows))
    return path


@pytest.mark.soak
def test_a_sweep_of_two_jobs_that_is_killed_goes_on_and_its_trials_pass_hil(data, tmp_path):
    folder = tmp_path / "sweep"
    code = "import sys; from elegans.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "sweep", data, *_OPTIONS, *_SMALL]
    command = [*map(str, command), "--trials", "3", "--jobs", "2", "-o", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until = time.monotonic() + _BOUND_S
    while not list(folder.glob("trials/*")) and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    # The workers end with their parent: only then does the pipe that they share end.
    output = process.communicate(timeout=_BOUND_S)[0].decode()
    assert process.returncode == -signal.SIGKILL, output
    done = subprocess.run(command, capture_output=True, text=True, timeout=_BOUND_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "are begun again" in done.stderr
    found = json.loads((folder / "front.json").read_text())
    assert [row["trial"] for row in found["trials"]] == [0, 1, 2]
    picked = _call("sweep", "--pick", "instructions<100000", "-o", folder)
    assert picked.exit_code == 0, picked.output
    assert (folder / "picked/model.onnx").exists()
    tested = _call("hil", folder / "picked/export", "--board", "mps2-an386")
    assert tested.exit_code == 0, tested.output


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["sweep", "-o", "OUT"], 2, "nothing to sweep is given"),
        (["sweep", "lane"], 2, "Missing option '-o'"),
        (["sweep", "chess", "-o", "OUT"], 2, "there is no such task, file or folder"),
        (["sweep", "lane", "-o", "OUT", "--group", "a"], 2, "takes no --group"),
        (["sweep", "lane", "-o", "OUT", "--cells", "rnn"], 2, "'rnn' is none"),
        (["sweep", "lane", "-o", "OUT", "--neurons", "2:9"], 2, "too few for a circuit"),
        (["sweep", "lane", "-o", "OUT", "--objectives", "flash"], 2, "--objectives"),
        (["sweep", "lane", "-o", "OUT", "--objectives", "error,speed"], 2, "'speed' is none"),
        (["sweep", "lane", "-o", "OUT", "--objectives", "error,error"], 2, "each once"),
        (["sweep", "lane", "-o", "OUT", "--disturb", "dt=0.1"], 2, "takes noise and dropout"),
        (["sweep", "lane", "-o", "OUT", "--storage", "here"], 2, "is no storage"),
        (["sweep", "lane", "-o", "OUT", "--epochs", "2"], 2, "Invalid value"),
        (["sweep", "OUT", "--pick", "error<1", "-o", "X"], 2, "is no folder of a sweep"),
        (["sweep", "--pick", "error<1", "-o", "OUT"], 2, "is no folder of a sweep"),
        (["sweep", "OUT.csv", "-o", "OUT"], 2, "there is no such"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(tmp_path, arguments, code, text):
    out = tmp_path / "out"
    result = _call(*(str(out) + a[3:] if a.startswith("OUT") else a for a in arguments))
    assert result.exit_code == code, result.output
    assert text in result.output
    assert not list(out.glob("trials/*"))
    assert not (out / "sweep.json").exists()
