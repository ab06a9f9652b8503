"""The pytest plug-in as users run it: in a pytest process of its own."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from elegans.exporter.export import Request, export
from elegans.tests.hil_tests.fake_device import BOARD, Behaviour, FakeDevice
from elegans.tests.hil_tests.pytest_run import run_pytest, user_test
from elegans.tests.places import CHECKOUT, WORM

SUITE = CHECKOUT / "hil_tests"


def test_the_suite_passes_on_a_good_board(fake_build: Path) -> None:
    with FakeDevice() as device:
        ran = run_pytest(
            SUITE.parent, SUITE, "--build", fake_build, "--board", BOARD, "--port", device.port
        )
    assert ran.returncode == 0, ran.stdout
    assert " passed" in ran.stdout
    assert "no BUILD" not in ran.stdout


def test_the_suite_fails_on_a_board_with_a_wrong_bit(fake_build: Path, tmp_path: Path) -> None:
    """The report has the phase and the board's log; a wrong bit is a failure, not an error."""
    report = tmp_path / "out.xml"
    with FakeDevice(Behaviour(wrong_step=5, log_every=1, counter_hz=0)) as device:
        ran = run_pytest(
            SUITE.parent,
            SUITE / "test_bits.py",
            *("--build", fake_build, "--board", BOARD, "--port", device.port),
            *("-k", "golden", "--junitxml", report),
        )
    assert ran.returncode == 1, ran.stdout
    assert "vector 5 (corner), step 0, state ring[2]" in ran.stdout
    assert "board log" in ran.stdout
    suite = Xml.parse(report).getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["elegans_phase"] == "MISMATCH"


def test_a_port_that_is_not_there_is_an_error_and_no_failure(
    fake_build: Path, tmp_path: Path
) -> None:
    mine = user_test(tmp_path, "def test_mine(link): pass\n")
    ran = run_pytest(tmp_path, mine, "--build", fake_build, "--port", tmp_path / "none")
    assert ran.returncode == 3
    assert "there is no such port" in ran.stdout
    assert "def device(" not in ran.stdout, "a line is enough, not a traceback"
    assert "1 error" in ran.stdout
    assert "no wrong result, but the test setup failed: exit code 3" in ran.stdout
    assert " failed" not in ran.stdout.replace("setup failed", "")


def test_without_a_build_the_suite_skips_and_says_why(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, SUITE, "-rs")
    assert ran.returncode == 0
    assert "give one with --build" in ran.stdout
    assert "passed" not in ran.stdout


def test_a_users_own_regression_takes_ten_lines(fake_build: Path, tmp_path: Path) -> None:
    mine = user_test(
        tmp_path,
        "from elegans.hil_tests.session.stream import run\n"
        "def test_it_answers_the_same_twice(link, model):\n"
        "    v = model.vectors\n"
        "    assert (run(link, v.x, v.dt)[0] == run(link, v.x, v.dt)[0]).all()\n",
    )
    with FakeDevice() as device:
        ran = run_pytest(
            tmp_path, mine, "--build", fake_build, "--board", BOARD, "--port", device.port
        )
    assert ran.returncode == 0, ran.stdout


def test_a_run_that_uses_no_board_imports_no_large_module(tmp_path: Path) -> None:
    mine = user_test(
        tmp_path,
        "import sys\n"
        "def test_mine():\n"
        "    assert 'elegans.hil_tests.plugin' in sys.modules\n"
        "    assert not {'numpy', 'serial', 'elegans.hil_tests.link.link'} & set(sys.modules)\n",
    )
    # The plug-in of hypothesis may import large modules itself.
    ran = run_pytest(tmp_path, mine, "-p", "no:hypothesispytest")
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("option", ["--board", "--port"])
def test_an_option_that_another_plugin_defines_is_left_to_it(tmp_path: Path, option: str) -> None:
    (tmp_path / "theirs.py").write_text(
        f"def pytest_addoption(parser):\n    parser.addoption({option!r}, dest='theirs')\n"
    )
    mine = user_test(
        tmp_path,
        "def test_mine(request):\n    assert request.config.getoption('theirs') == 'value'\n",
    )
    ran = run_pytest(tmp_path, mine, "-p", "theirs", option, "value")
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("period", [None, 0.02], ids=["dt", "fixed_period"])
def test_the_regression_in_the_docs_runs_as_it_is_printed(
    worm: Path, tmp_path: Path, period: float | None
) -> None:
    build = worm
    if period is not None:
        build = tmp_path / "BUILD"
        export(Request(WORM, dt=period), build)
    text = (SUITE.parent / "docs" / "hil.md").read_text()
    mine = user_test(tmp_path, re.findall(r"```python\n(.*?)```", text, re.S)[0])
    ran = run_pytest(tmp_path, mine, "--build", build, "--emulator", "unicorn")
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


def test_a_timeout_within_a_test_is_an_error_and_no_failure(
    fake_build: Path, tmp_path: Path
) -> None:
    mine = user_test(tmp_path, "def test_mine(device): device.compare().require()\n")
    report = tmp_path / "out.xml"
    with FakeDevice(Behaviour(silent_after=3, log_every=1)) as device:
        where = ("--build", fake_build, "--board", BOARD, "--port", device.port)
        ran = run_pytest(tmp_path, mine, *where, "--junitxml", report)
    assert ran.returncode == 3
    suite = Xml.parse(report).getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["elegans_phase"] == "TIMEOUT"
    assert "request 1" in properties["elegans_log"]
