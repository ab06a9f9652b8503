"""`elegans monitor`: a board's values in a terminal and in a table."""

from __future__ import annotations

import csv
import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from elegans.exporter.build_folder import load_model
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.oracles import reference
from elegans.tests.places import WORM
from elegans.viewer.analysis.account import activity
from elegans.viewer.analysis.subject import read_subject
from elegans.viewer.live.live_board import LOST, UP, Health
from elegans.viewer.live.sources import LaneSource
from elegans.viewer.live.terminal import view
from elegans.viewer.live.watch import CsvLog, Moment

_MONITOR = [sys.executable, "-c", "from elegans.cli import main; main()", "monitor"]


def _run(*arguments):
    line = [*_MONITOR, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def _frame(model, health, different=0):
    zeros = [np.zeros(len(part)) for part in (model.inputs, model.outputs, model.states)]
    x, y, h = zeros
    h[0] = 0.5
    return Moment(7, 0.3, x, y, h, h, 2 * h, 0.0025, 31.4, 140, different, health)


def test_recorded_data_become_a_table_of_the_reference_s_values(tmp_path):
    export(Request(WORM), tmp_path / "BUILD")
    model, random = load_model(tmp_path / "BUILD"), np.random.default_rng(1)
    ends = np.array([c.range for c in model.inputs])
    x, dt = random.uniform(ends[:, 0], ends[:, 1], (40, 3)), random.uniform(0.02, 0.03, 40)
    np.savez(tmp_path / "data.npz", x=x, dt=dt)
    found = _run(
        tmp_path / "BUILD", "--input", tmp_path / "data.npz", "--csv", tmp_path / "log.csv"
    )
    assert found.returncode == 0, found.stderr
    assert "40 steps, 320 integers compared, 0 different; lost 0 times" in found.stdout
    with (tmp_path / "log.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:5] == ["time [s]", "touch [N]", "heat [K]", "salt", "left"]
    assert head[6:12] == [c.name for c in model.states]
    assert head[12:18] == [f"tau {c.name} [s]" for c in model.states]
    assert head[18:] == ["latency [ms]", "different"]
    values = np.array(rows, dtype=np.float64)
    elapsed = to_integers(dt[:, None], [model.dt])
    expected = reference.run(model, to_integers(x, model.inputs), elapsed[:, 0])
    y, h = to_real(expected.y, model.outputs), to_real(expected.h_next, model.states)
    np.testing.assert_allclose(values[:, 4:6], y, rtol=1e-8)
    np.testing.assert_allclose(values[:, 6:12], h, rtol=1e-8)
    seen = activity(read_subject(tmp_path / "BUILD", tmp_path / "data.npz"))
    np.testing.assert_allclose(values[:, 12:18], seen["tau"], rtol=1e-8)
    np.testing.assert_allclose(values[:, 0], np.cumsum(to_real(elapsed, [model.dt])), rtol=1e-8)


def test_ctrl_c_ends_the_simulated_car_with_whole_lines(lane, tmp_path):
    table = tmp_path / "log.csv"
    line = [*_MONITOR, str(lane), "--fast", "--csv", str(table)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and (not table.exists() or table.stat().st_size < 20_000):
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        said, errors = run.communicate(timeout=30)
    assert run.returncode == 0, errors
    assert "0 different" in said
    assert "Traceback" not in errors
    text = table.read_text()
    assert text.endswith("\n")
    lines = text.splitlines()
    assert {line.count(",") for line in lines} == {30 + 19}
    lateral = np.array([float(line.split(",")[1]) for line in lines[1:]])
    assert np.abs(lateral).max() < 1.0, "the board does not steer the car"


def test_a_network_of_another_task_needs_data(tmp_path):
    export(Request(WORM), tmp_path / "BUILD")
    found = _run(tmp_path / "BUILD")
    assert found.returncode == 2
    assert "--input" in found.stderr


def test_the_simulated_car_is_steered_by_the_answers(lane):
    model = load_model(lane)
    source, h = LaneSource(model, 3), np.zeros(len(model.states), np.int64)
    lateral = []
    for k, sample in enumerate(source):
        assert sample.first == (k == 0)
        y, h = reference.step(model, sample.x, np.array([sample.dt]), h)
        source.answer(y)
        lateral.append(sample.x[0])
        if k == 400:
            break
    settled = to_real(np.array(lateral[100:])[:, None], model.inputs[:1])
    assert np.sqrt(np.mean(settled**2)) < 0.3


@pytest.mark.parametrize("width", [60, 120])
def test_the_terminal_shows_link_bits_and_as_many_rows_as_fit(lane, width):
    model = load_model(lane)

    def drawn(lines, health, different=0):
        console = Console(file=io.StringIO(), width=width, height=lines)
        console.print(view(_frame(model, health, different), model, lines, width))
        return console.file.getvalue()

    text = drawn(60, Health(UP, "a board", 9, 3, 1, 2))
    assert "connected a board, 3 sent again" in text
    assert "0 different" in text
    for channel in (*model.inputs, *model.outputs, *model.states):
        assert channel.name in text
    short = drawn(20, Health(LOST, "the cable is out"), different=4)
    assert "lost the cable is out" in short
    assert "4 different" in short
    assert len(short.splitlines()) <= 20
    assert "more do not fit" in short


def test_a_table_that_cannot_be_written_is_an_error(lane, tmp_path):
    model = load_model(lane)
    for path in (tmp_path / "no" / "log.csv", *filter(Path.exists, [Path("/dev/full")])):
        with pytest.raises(ElegansError, match="cannot be written"):
            CsvLog(path, model)


def test_a_table_on_a_full_disk_ends_with_a_whole_line(lane, tmp_path, monkeypatch):
    model = load_model(lane)
    moment = _frame(model, Health(UP, ""))
    with CsvLog(tmp_path / "log.csv", model) as log:
        log.add(moment)
        whole = (tmp_path / "log.csv").read_bytes()
        write = log._write.__globals__["os"].write
        calls = []

        def full(file, data):
            calls.append(data)
            if len(calls) > 1:
                raise OSError(28, "No space left on device")
            return write(file, data[:10])

        monkeypatch.setattr("elegans.viewer.live.watch.os.write", full)
        with pytest.raises(ElegansError, match="No space left"):
            log.add(moment)
        monkeypatch.undo()
    assert (tmp_path / "log.csv").read_bytes() == whole
