"""What a pytest run makes of wrong bits, of a setup that fails, and of tests that it repeats."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as Xml

from elegans.tests.hil_tests.fake_device import BOARD, Behaviour, FakeDevice
from elegans.tests.hil_tests.pytest_run import outcomes, properties, run_pytest, user_test
from elegans.tests.places import CHECKOUT, forget_checksums, model_file

SUITE = CHECKOUT / "hil_tests"
FLAKY = """
from elegans.hil_tests.wire.errors import HilError, Phase
calls = []

def test_mine(link, record_property):
    calls.append(link.hello())
    record_property("calls", str(len(calls)))
    if len(calls) < {good}:
        raise HilError(Phase.{phase}, "the line", "no answer", "mend it")

def test_other(link): pass
"""


def on_one_board(
    folder: Path, build: Path, behaviour: Behaviour, *words: object
) -> tuple[int, str, Path]:
    """Exit code, output and JUnit file of a run on one board."""
    report = folder / "out.xml"
    with FakeDevice(behaviour) as device:
        where = ("--build", build, "--board", BOARD, "--port", device.port)
        ran = run_pytest(folder, *where, "--junitxml", report, "-rs", *words)
    return ran.returncode, ran.stdout, report


def test_a_wrong_weight_fails_one_test_that_names_the_first_difference(
    fake_build: Path, tmp_path: Path
) -> None:
    code, output, report = on_one_board(tmp_path, fake_build, Behaviour(wrong_always=True), SUITE)
    assert code == 1, output
    found = outcomes(report)
    failed = [name for name, outcome in found.items() if outcome == "failure"]
    assert failed == [f"test_every_golden_vector_is_repeated_bit_for_bit[{BOARD}]"]
    assert Counter(found.values())["error"] == 0
    assert found[f"test_a_free_running_recording_gives_the_reference[{BOARD}]"] == "skipped"
    # What does not depend on the bits is still tested.
    assert found[f"test_garbage_before_a_frame_does_not_lose_it[{BOARD}-5000]"] == "passed"
    assert "first: vector 0 (corner), step 0, state ring[2]: expected" in output
    assert "needs right bits: 336 of 2352 integers differ; first: vector 0" in output


def test_one_changed_weight_of_a_build_fails_one_test_on_a_virtual_board(
    worm: Path, tmp_path: Path
) -> None:
    build, report = tmp_path / "BUILD", tmp_path / "out.xml"
    shutil.copytree(worm, build)
    source = model_file(build).read_text()
    weight = re.search(r"el_times\((\d+), x0\[\d\]\)", source)
    assert weight is not None
    wrong = source.replace(f"({weight[1]},", f"({int(weight[1]) + 1},", 1)
    model_file(build).write_text(wrong)
    forget_checksums(build)
    words = ("--build", build, "--board", "mps2-an386", "--emulator", "unicorn")
    ran = run_pytest(tmp_path, SUITE, *words, "--junitxml", report)
    assert ran.returncode == 1, ran.stdout
    found = Counter(outcomes(report).values())
    assert (found["failure"], found["error"]) == (1, 0), ran.stdout
    assert "first: vector" in ran.stdout


def test_a_free_run_alone_names_its_first_difference_too(fake_build: Path, tmp_path: Path) -> None:
    words = (SUITE / "test_bits.py", "-k", "free_running")
    code, output, report = on_one_board(tmp_path, fake_build, Behaviour(wrong_always=True), *words)
    assert code == 1, output
    assert list(outcomes(report).values()) == ["failure"]
    assert "it runs free; first: vector 136 (recorded), step 0, state ring[2]" in output


def test_a_counter_that_does_not_count_is_no_failure_of_the_product(
    fake_build: Path, tmp_path: Path
) -> None:
    code, output, report = on_one_board(tmp_path, fake_build, Behaviour(counts=False), SUITE)
    assert code == 3, output
    assert Counter(outcomes(report).values())["failure"] == 0
    name = f"test_a_timed_step_takes_time[{BOARD}]"
    assert properties(report, "elegans_phase") == {name: "COUNTER"}
    assert "its counter of 1000000 Hz did not count in 8 of 8 timed steps" in output


def test_a_setup_that_fails_is_tried_again_and_told(fake_build: Path, tmp_path: Path) -> None:
    mine = user_test(tmp_path, FLAKY.format(good=3, phase="TIMEOUT"))
    words = (mine, "--retries", 2)
    code, output, report = on_one_board(tmp_path, fake_build, Behaviour(), *words)
    assert code == 0, output
    assert "tried again" in output
    assert "retry 1 of 2: TIMEOUT: the line: no answer; mend it" in output
    assert "retry 2 of 2: TIMEOUT" in output
    name = f"test_mine[{BOARD}]"
    told = properties(report, "elegans_retry")
    assert told == {name: "2 of 2: TIMEOUT: the line: no answer; mend it"}
    # The tries before the last leave nothing else in the report.
    assert properties(report, "calls") == {name: "3"}
    assert properties(report, "elegans_phase") == {}
    assert len(list(Xml.parse(report).iter("testcase"))) == 2


def test_a_setup_that_goes_on_failing_is_an_error_after_the_retries(
    fake_build: Path, tmp_path: Path
) -> None:
    mine = user_test(tmp_path, FLAKY.format(good=9, phase="TIMEOUT"))
    words = (mine, "--retries", 1)
    code, output, report = on_one_board(tmp_path, fake_build, Behaviour(), *words)
    assert code == 3, output
    assert properties(report, "calls") == {f"test_mine[{BOARD}]": "2"}
    assert list(outcomes(report).values()) == ["error", "passed"]


def test_a_wrong_bit_is_never_tried_again(fake_build: Path, tmp_path: Path) -> None:
    mine = user_test(tmp_path, FLAKY.format(good=2, phase="MISMATCH"))
    words = (mine, "--retries", 5)
    code, output, report = on_one_board(tmp_path, fake_build, Behaviour(), *words)
    assert code == 1, output
    assert properties(report, "calls") == {f"test_mine[{BOARD}]": "1"}
    assert "retry" not in output


def test_without_retries_nothing_is_tried_again(fake_build: Path, tmp_path: Path) -> None:
    mine = user_test(tmp_path, FLAKY.format(good=2, phase="TIMEOUT"))
    code, output, report = on_one_board(tmp_path, fake_build, Behaviour(), mine)
    assert code == 3, output
    assert properties(report, "calls") == {f"test_mine[{BOARD}]": "1"}


def test_a_board_that_is_not_there_is_retried_for_one_test_only(
    fake_build: Path, tmp_path: Path
) -> None:
    mine = user_test(tmp_path, "def test_a(link): pass\ndef test_b(link): pass\n")
    words = ("--build", fake_build, "--port", tmp_path / "none", "--retries", 2)
    ran = run_pytest(tmp_path, mine, *words)
    assert ran.returncode == 3, ran.stdout
    assert ran.stdout.count("retry ") == 2
    assert "2 errors" in ran.stdout


def test_a_failure_of_a_test_that_uses_no_board_is_pytests_own(tmp_path: Path) -> None:
    mine = user_test(tmp_path, "import pytest\n@pytest.fixture\ndef f(): 1/0\ndef test_a(f): pass")
    ran = run_pytest(tmp_path, mine)
    assert ran.returncode == 1, ran.stdout
    assert "elegans" not in ran.stdout
