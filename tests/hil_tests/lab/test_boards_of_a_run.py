"""A pytest run on several boards: every test on each of them, and what becomes of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from elegans.hil_tests.lab.lab_map import claimed, read_map
from elegans.tests.hil_tests.fake_device import Behaviour
from elegans.tests.hil_tests.pytest_run import (
    lab_of,
    outcomes,
    properties,
    run_pytest,
    user_test,
)

MICROBIT, AN386 = Behaviour(board="microbit"), Behaviour(board="mps2-an386")
MINE = """
import os, time
import pytest

@pytest.fixture(autouse=True)
def worker(record_property):
    record_property("worker", os.environ.get("PYTEST_XDIST_WORKER", "none"))

@pytest.mark.parametrize("n", range(4))
def test_device(device, n): device.compare(device.model.vectors[slice(0, 20)]).require()
def test_link(link): assert link.hello()
def test_board(board, model): assert board in ("microbit", "mps2-an386") and model.name == "fake"
def test_model(model): assert model.inputs
"""


@pytest.mark.parametrize("workers", [[], ["-n", "3"]], ids=["one_process", "three_workers"])
def test_every_test_of_a_user_runs_on_every_board(
    fake_build: Path, tmp_path: Path, workers: list[str]
) -> None:
    mine, report = user_test(tmp_path, MINE), tmp_path / "out.xml"
    with lab_of(tmp_path, bench_1=MICROBIT, bench_2=AN386, bench_3=AN386) as lab:
        options = ("--build", fake_build, "--map", lab, "--junitxml", report)
        ran = run_pytest(tmp_path, mine, *options, *workers)
    assert ran.returncode == 0, ran.stdout
    boards = ("bench-1", "bench-2", "bench-3")
    names = [f"test_device[{board}-{n}]" for board in boards for n in range(4)]
    names += [f"test_{what}[{b}]" for what in ("link", "board", "model") for b in boards]
    assert outcomes(report) == dict.fromkeys(names, "passed")
    ran_in = properties(report, "worker")
    for board in boards:
        used = {worker for name, worker in ran_in.items() if f"[{board}" in name}
        assert len(used) == 1, f"tests of {board} ran in {used}"
    assert len(set(ran_in.values())) == (3 if workers else 1)


def test_boards_are_selected_by_tag_and_by_name(fake_build: Path, tmp_path: Path) -> None:
    mine, report = user_test(tmp_path, "def test_mine(link): pass\n"), tmp_path / "out.xml"
    with lab_of(tmp_path, left=MICROBIT, right=AN386, far=AN386) as lab:
        options = ("--build", fake_build, "--map", lab, "--junitxml", report)
        for words, boards in (
            (["--tag", "mps2-an386"], ["right", "far"]),
            (["--board", "microbit"], ["left"]),
            (["--name", "far", "--name", "left"], ["left", "far"]),
        ):
            ran = run_pytest(tmp_path, mine, *options, *words)
            assert ran.returncode == 0, ran.stdout
            assert list(outcomes(report)) == [f"test_mine[{board}]" for board in boards]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--map", "LAB", "--name", "middle"], "middle: is not on the map; choose from: left"),
        (["--map", "LAB", "--tag", "slow"], "tag slow: is not on the map"),
        (["--map", "none.toml"], "none.toml: cannot be read"),
        (["--map", "LAB", "--port", "/dev/ttyX"], "leave out --port"),
        (["--name", "left"], "--name: selects boards of a map; add its --map"),
        (["--board", "pdp-11"], "pdp-11: there is no board of this name"),
        (["--board", "microbit", "--board", "microbit"], "microbit is given twice"),
        (["--board", "microbit", "--board", "x", "--port", "p"], "2 of them and one port"),
        (["--build", "nothing"], "nothing/model.json: is not there"),
        (["--emulator", "bochs"], "invalid choice"),
    ],
)
def test_what_is_asked_wrongly_ends_before_a_test_as_pytest_ends_it(
    fake_build: Path, tmp_path: Path, words: list[str], complaint: str
) -> None:
    mine = user_test(tmp_path, "def test_mine(link): pass\n")
    with lab_of(tmp_path, left=MICROBIT) as lab:
        given = [str(lab) if word == "LAB" else word for word in words]
        ran = run_pytest(tmp_path, mine, "--build", fake_build, *given)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert complaint in ran.stderr
    assert "INTERNALERROR" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one_process", "two_workers"])
def test_an_absent_and_a_busy_board_are_errors_of_their_own_tests(
    fake_build: Path, tmp_path: Path, workers: list[str]
) -> None:
    mine, report = user_test(tmp_path, "def test_mine(link): pass\n"), tmp_path / "out.xml"
    with lab_of(tmp_path, absent=None, busy=MICROBIT, good=AN386) as lab:
        options = ("--build", fake_build, "--map", lab, "--junitxml", report, "--wait", 0.2)
        with claimed([entry for entry in read_map(lab) if entry.name == "busy"]):
            ran = run_pytest(tmp_path, mine, *options, *workers)
    assert ran.returncode == 3, ran.stdout
    assert outcomes(report) == {
        "test_mine[absent]": "error",
        "test_mine[busy]": "error",
        "test_mine[good]": "passed",
    }
    assert properties(report, "elegans_phase") == {
        "test_mine[absent]": "SYNC",
        "test_mine[busy]": "SYNC",
    }
    assert "every board is in use: busy by process" in ran.stdout


def test_a_wrong_bit_on_one_board_outweighs_another_that_is_absent(
    fake_build: Path, tmp_path: Path
) -> None:
    mine = user_test(tmp_path, "def test_mine(device): device.compare().require()\n")
    report = tmp_path / "out.xml"
    with lab_of(tmp_path, absent=None, wrong=Behaviour("microbit", wrong_always=True)) as lab:
        options = ("--build", fake_build, "--map", lab, "--junitxml", report)
        ran = run_pytest(tmp_path, mine, *options)
    assert ran.returncode == 1, ran.stdout
    assert outcomes(report) == {"test_mine[absent]": "error", "test_mine[wrong]": "failure"}


def test_a_board_that_no_argument_names_is_taken_if_there_is_only_one(
    fake_build: Path, tmp_path: Path
) -> None:
    mine = user_test(tmp_path, "def test_mine(request): request.getfixturevalue('link')\n")
    with lab_of(tmp_path, left=MICROBIT, right=AN386) as lab:
        options = ("--build", fake_build, "--map", lab)
        alone = run_pytest(tmp_path, mine, *options, "--name", "left")
        both = run_pytest(tmp_path, mine, *options)
    assert alone.returncode == 0, alone.stdout
    assert both.returncode == pytest.ExitCode.USAGE_ERROR
    assert "name device, link, model or board among the arguments of the test" in both.stdout


def test_boards_of_similar_names_share_a_worker_rather_than_a_board() -> None:
    pytest.importorskip("xdist")
    from elegans.hil_tests.lab.board_scheduling import board_of

    boards = ["bench-1", "bench-1-2", "rig"]
    assert board_of("test_x.py::test_a[bench-1-2]", boards) == "bench-1"
    assert board_of("test_x.py::test_a[bench-1-2-7]", boards) == "bench-1"
    assert board_of("test_x.py::test_a[rig]", boards) == "rig"
    assert board_of("test_x.py::test_a[rigid]", boards) is None
    assert board_of("test_x.py::test_a", boards) is None
