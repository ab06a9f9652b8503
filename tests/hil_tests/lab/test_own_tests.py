"""`elegans hil` with a user's own tests, on the boards that are selected, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner, Result

from elegans.cli import main
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.hil_tests.lab.results import PRODUCT, SETUP, WRONG_USE
from elegans.tests.hil_tests.fake_device import Behaviour
from elegans.tests.hil_tests.pytest_run import lab_of, run_pytest, user_test
from elegans.tests.places import CHECKOUT

MICROBIT, AN386 = Behaviour(board="microbit"), Behaviour(board="mps2-an386")
MINE = """
import beside
from elegans.hil_tests.session.stream import run

def test_a_b(link, model, number):
    assert number == beside.NUMBER
    v = model.vectors
    assert (run(link, v.x, v.dt)[0] == run(link, v.x, v.dt)[0]).all()
"""


def call_hil(*words: object) -> Result:
    return CliRunner().invoke(main, ["hil", *(str(word) for word in words)])


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A test of the user that needs a conftest.py and a module beside it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "beside.py").write_text("NUMBER = 7\n")
    fixture = "import pytest\n@pytest.fixture\ndef number(): return 7\n"
    (folder / "conftest.py").write_text(fixture)
    return user_test(folder, MINE)


def test_own_tests_replace_the_suite_on_the_boards_that_are_named(
    fake_build: Path, tmp_path: Path, mine: Path
) -> None:
    report = tmp_path / "out.xml"
    with lab_of(tmp_path, left=MICROBIT, right=AN386, far=AN386) as lab:
        words = ("--map", lab, "--name", "far", "--name", "left", "--tests", mine)
        done = call_hil(fake_build, *words, "--junit", report)
        alone = call_hil(fake_build, "--map", lab, "--name", "left", "--tests", mine, "--json")
    assert done.exit_code == 0, done.output
    assert re.findall(r"^ok +(\S+) +1 test: 1 passed$", done.stdout, re.M) == ["left", "far"]
    names = [case.get("name") for case in Xml.parse(report).iter("testcase")]
    assert names == ["test_mine::test_a_b[left]", "test_mine::test_a_b[far]"]
    assert list(json.loads(alone.stdout)) == ["left"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def test_a(:\n", "SyntaxError"),
        ("import no_such_module\n", "no_such_module"),
        ("def check_a(link): pass\n", "there is no test; name functions test_..."),
    ],
)
def test_a_file_that_holds_no_test_was_given_wrongly(
    fake_build: Path, tmp_path: Path, text: str, complaint: str
) -> None:
    with lab_of(tmp_path, left=MICROBIT) as lab:
        path = user_test(tmp_path, text)
        done = call_hil(fake_build, "--map", lab, "--tests", path)
    assert done.exit_code == 2, done.output
    assert complaint in done.output


def test_the_command_and_pytest_run_the_same_tests(fake_build: Path, tmp_path: Path) -> None:
    with lab_of(tmp_path, left=MICROBIT, right=AN386) as lab:
        done = call_hil(fake_build, "--map", lab, "--json")
        words = ("--pyargs", "elegans.hil_tests", "--build", fake_build, "--map", lab)
        ran = run_pytest(tmp_path, *words, "-n", "2")
    assert (done.exit_code, ran.returncode) == (0, 0), done.output + ran.stdout
    counts = [verdict["tests"] for verdict in json.loads(done.stdout).values()]
    assert counts[0] == counts[1]
    summary = {word: int(n) for n, word in re.findall(r"(\d+) (passed|skipped)", ran.stdout)}
    assert summary == {word: sum(count[word] for count in counts) for word in summary}
    assert sum(summary.values()) == sum(sum(count.values()) for count in counts)


@pytest.mark.parametrize(
    ("boards", "code"),
    [
        ({"good": MICROBIT}, 0),
        ({"good": MICROBIT, "wrong": Behaviour("microbit", wrong_always=True)}, 1),
        ({"good": MICROBIT, "absent": None}, 3),
        ({"good": MICROBIT, "silent": Behaviour("microbit", silent_after=3)}, 3),
        ({"wrong": Behaviour("microbit", wrong_always=True), "absent": None}, 1),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_the_exit_code_says_whether_product_or_setup_failed(
    fake_build: Path, tmp_path: Path, boards: dict[str, Behaviour | None], code: int
) -> None:
    path = user_test(tmp_path, "def test_a(device): device.compare().require()\n")
    report = tmp_path / "out.xml"
    with lab_of(tmp_path, **boards) as lab:
        done = call_hil(fake_build, "--map", lab, "--tests", path, "--junit", report)
    assert done.exit_code == code, done.output
    words = {"good": "ok", "wrong": "FAILED", "absent": "ERROR", "silent": "ERROR"}
    for name in boards:
        assert re.search(rf"^{words[name]} +{name} ", done.stdout, re.M)
    kinds = {"wrong": ("1", "0"), "good": ("0", "0"), "absent": ("0", "1"), "silent": ("0", "1")}
    for suite in Xml.parse(report).getroot():
        found = (suite.get("failures"), suite.get("errors"))
        assert found == kinds[str(suite.get("name"))]


def test_retries_are_told_in_text_in_json_and_in_junit(fake_build: Path, tmp_path: Path) -> None:
    path = user_test(
        tmp_path,
        "from elegans.hil_tests.wire.errors import HilError, Phase\n"
        "calls = []\n"
        "def test_a(link):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 1:\n"
        "        raise HilError(Phase.TIMEOUT, 'the line', 'no answer', 'mend it')\n",
    )
    report, why = tmp_path / "out.xml", "1 of 1: TIMEOUT: the line: no answer; mend it"
    with lab_of(tmp_path, left=MICROBIT) as lab:
        words = ("--map", lab, "--tests", path, "--retries", 1, "--junit", report)
        text, as_json = call_hil(fake_build, *words), call_hil(fake_build, *words, "--json")
    assert (text.exit_code, as_json.exit_code) == (0, 0), text.output
    assert f"  retry {why} (test_mine::test_a[left])" in text.stdout
    told = [{"test": "test_mine::test_a[left]", "retry": why}]
    assert json.loads(as_json.stdout)["left"]["retries"] == told
    properties = {p.get("name"): p.get("value") for p in Xml.parse(report).iter("property")}
    assert properties == {"retry": why}


def test_several_boards_need_no_map(worm: Path, tmp_path: Path) -> None:
    path = user_test(tmp_path, "def test_a(board): print(board)\n")
    boards = ("--board", "microbit", "--board", "mps2-an386")
    done = call_hil(worm, *boards, "--tests", path, "--emulator", "unicorn")
    assert done.exit_code == 0, done.output
    assert re.findall(r"^ok +(\S+)", done.stdout, re.M) == ["microbit", "mps2-an386"]


def test_the_docs_state_the_exit_codes_that_the_command_has() -> None:
    text = (CHECKOUT / "docs" / "hil.md").read_text()
    stated = {int(code) for code in re.findall(r"^\| (\d) \|", text, re.M)}
    assert stated == {0, PRODUCT, WRONG_USE, SETUP}
    assert {WrongUseError.exit_code, ElegansError.exit_code} == {WRONG_USE, PRODUCT}
