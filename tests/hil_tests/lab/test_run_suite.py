"""The suite run on several boards in parallel, its progress, its results, its JUnit report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner

from elegans.boards.processes.child_process import exit_on_sigterm
from elegans.cli import main
from elegans.exporter.errors import ElegansError
from elegans.hil_tests.lab.junit import write_junit
from elegans.hil_tests.lab.run_suite import BoardRun, Outcome, Suite, run_suite
from elegans.hil_tests.wire.errors import Phase
from elegans.tests.hil_tests.fake_device import BOARD, Behaviour, FakeDevice


def on_port(device: FakeDevice) -> dict[str, object]:
    return {"board": BOARD, "port": device.port}


def test_every_test_of_the_suite_is_reported_with_the_verdict(fake_build: Path) -> None:
    states: list[tuple[int, tuple[int, int] | None]] = []

    def note(runs: Sequence[BoardRun]) -> None:
        states.append((len(runs[0].tests), runs[0].vectors))

    with FakeDevice() as device:
        (run,) = run_suite(Suite(fake_build), {"mine": on_port(device)}, progress=note)
    assert run.passed, run.complaints
    assert (run.name, len(run.tests)) == ("mine", run.expected)
    assert run.figures is not None
    assert (run.figures["board"], run.figures["mismatches"]) == (BOARD, 0)
    assert f"{len(run.tests)} tests: " in run.counted()
    assert states == sorted(states, key=lambda now: now[0])
    assert any(vectors and vectors[0] < vectors[1] for _, vectors in states)


def test_a_wrong_bit_fails_one_test_and_the_others_run(fake_build: Path) -> None:
    with FakeDevice(Behaviour(wrong_step=250, counter_hz=0)) as device:
        (run,) = run_suite(Suite(fake_build), {"mine": on_port(device)})
    (test,) = run.complaints
    assert (test.result, test.phase) == ("failed", "MISMATCH")
    assert "vector 250 (recorded), step 114, state ring[2]" in test.line
    assert run.figures is not None
    assert run.figures["mismatches"] == 1


def test_a_board_that_is_not_there_is_tried_once_and_fails_alone(
    fake_build: Path, tmp_path: Path
) -> None:
    gone = {"board": BOARD, "port": tmp_path / "none"}
    with FakeDevice() as device:
        good, bad = run_suite(Suite(fake_build), {"here": on_port(device), "gone": gone})
    assert good.passed
    assert {(test.result, test.phase) for test in bad.complaints} == {("error", "SYNC")}
    assert len(bad.tests) == bad.expected == good.expected


def test_a_users_own_pytest_settings_do_not_reach_the_suite(
    fake_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--another-one")
    with FakeDevice() as device:
        (run,) = run_suite(Suite(fake_build), {"mine": on_port(device)})
    assert run.passed, run.complaints


def test_a_pytest_that_fails_to_start_is_reported_with_its_output(fake_build: Path) -> None:
    (run,) = run_suite(Suite(fake_build), {"mine": {"no-such-option": 1}})
    (test,) = run.tests
    assert (test.result, run.passed) == ("error", False)
    assert "no-such-option" in test.text


def test_a_terminated_run_ends_its_child_processes(fake_build: Path) -> None:
    program = "from elegans.cli import main; main()"
    with FakeDevice(Behaviour(silent=True)) as device:
        words = ["hil", str(fake_build), "--board", BOARD, "--port", device.port]
        with subprocess.Popen([sys.executable, "-c", program, *words], text=True) as process:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            if not children.exists():
                process.kill()
                pytest.skip("this system does not list a process's children")
            deadline = time.monotonic() + 30
            while not (found := children.read_text().split()) and time.monotonic() < deadline:
                time.sleep(0.05)
            process.terminate()
            assert process.wait(30) == 128 + signal.SIGTERM
        for child in found:
            with pytest.raises(ProcessLookupError):
                os.kill(int(child), 0)


def test_a_run_terminated_while_a_child_starts_ends_it(
    fake_build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def terminated_at_once(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        begun.append(popen(*words, **options))
        signal.raise_signal(signal.SIGTERM)
        return begun[-1]

    monkeypatch.setattr("elegans.hil_tests.lab.run_suite.subprocess.Popen", terminated_at_once)
    with FakeDevice(Behaviour(silent=True)) as device, exit_on_sigterm(), pytest.raises(SystemExit):
        run_suite(Suite(fake_build), {"mine": on_port(device)})
    (child,) = begun
    assert child.poll() is not None


def test_the_command_prints_each_reason_once(fake_build: Path) -> None:
    with FakeDevice(Behaviour(wrong_step=250, counter_hz=0)) as device:
        words = ["hil", str(fake_build), "--board", BOARD, "--port", device.port]
        done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert done.stdout.count("MISMATCH: ") == 1
    assert "1 failed" in done.stdout


def test_a_missing_board_is_reported_with_its_phase_and_in_json(
    fake_build: Path, tmp_path: Path
) -> None:
    words = ["hil", str(fake_build), "--board", BOARD, "--port", str(tmp_path / "none"), "--json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 3
    assert f"elegans: SYNC: {tmp_path}/none: there is no such port" in done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["tests"]["errors"] == len(verdict["complaints"]) > 0
    assert {complaint["phase"] for complaint in verdict["complaints"]} == {"SYNC"}


def test_the_verdict_is_printed_though_the_report_cannot_be_written(
    fake_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "later" / "out.xml"

    def fails(path: Path, runs: list[BoardRun]) -> None:  # as a disk that is full by then
        raise ElegansError(path, "cannot be written (No space left on device)", "make room")

    monkeypatch.setattr("elegans.commands.chip.hil.write_junit", fails)
    with FakeDevice() as device:
        words = ["hil", str(fake_build), "--board", BOARD, "--port", device.port]
        done = CliRunner().invoke(main, [*words, "--junit", str(report)])
    assert done.exit_code == 3
    assert "0 different" in done.stdout
    assert f"{report}: cannot be written" in done.stderr


def test_a_report_below_a_file_is_refused_before_the_run(fake_build: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = tmp_path / "file" / "out.xml"
    words = ["hil", str(fake_build), "--board", BOARD, "--port", "/dev/none"]
    done = CliRunner().invoke(main, [*words, "--junit", str(report)])
    assert done.exit_code == 2
    assert f"{report}: lies in {tmp_path / 'file'}, which is a file" in done.stderr


def run_of(*tests: Outcome) -> BoardRun:
    return BoardRun("bench-1", len(tests), tests=list(tests))


def test_junit_calls_wrong_bits_a_failure(tmp_path: Path) -> None:
    wrong = Outcome("bits", "failed", "MISMATCH", "1 differs at ring[2]", "boot\nbell \x07")
    write_junit(tmp_path / "out.xml", [run_of(wrong)])
    suite = Xml.parse(tmp_path / "out.xml").getroot()[0]
    failure = suite.find("testcase/failure")
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    assert failure is not None
    assert failure.get("type") == "MISMATCH"
    assert "ring[2]" in (failure.text or "")
    assert suite.findtext("testcase/system-out") == "boot\nbell \ufffd"


@pytest.mark.parametrize("phase", [p for p in Phase if p is not Phase.MISMATCH])
def test_junit_calls_everything_else_an_error_of_its_phase(tmp_path: Path, phase: Phase) -> None:
    write_junit(tmp_path / "out.xml", [run_of(Outcome("t", "error", phase, "here: fact; remedy"))])
    suite = Xml.parse(tmp_path / "out.xml").getroot()[0]
    error = suite.find("testcase/error")
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert error is not None
    assert (error.get("type"), error.text) == (str(phase), "here: fact; remedy")


def test_junit_keeps_the_figures_of_a_run_that_passed(tmp_path: Path) -> None:
    run = run_of(Outcome("t", "passed", seconds=1.5))
    run.figures = {"instructions_per_step": {"min": 640, "max": 642}, "port": None}
    write_junit(tmp_path / "out.xml", [run])
    suite = Xml.parse(tmp_path / "out.xml").getroot()[0]
    figures = {p.get("name"): p.get("value") for p in suite.iterfind("properties/*")}
    assert figures == {"instructions_per_step.min": "640", "instructions_per_step.max": "642"}
    assert suite.get("time") == "1.500"


def test_junit_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    with pytest.raises(ElegansError, match="taken"):
        write_junit(target, [run_of()])
    assert list(tmp_path.iterdir()) == [target]
