"""A lab's map: reading, errors, writing, locking of boards, and runs on several in parallel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner

from elegans.boards.flashing.discover import ConnectedBoard, Probe, SerialPort, match_ports
from elegans.cli import main
from elegans.commands import lab as lab_verbs
from elegans.exporter.errors import ElegansError
from elegans.hil_tests.lab.lab_map import BoardEntry, claimed, read_map, select, write_map
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.tests.hil_tests.pytest_run import PYTEST

_MAP = """
[[board]]
name = "left"
board = "mps2-an386"
tags = ["fast", "arm"]

[[board]]
name = "right"
board = "microbit"
emulator = "unicorn"
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = tmp_path / "lab.toml"
    path.write_text(_MAP)
    return path


def test_a_map_is_read_as_it_is_written(lab):
    entries = read_map(lab)
    assert entries[0] == BoardEntry("left", "mps2-an386", tags=("fast", "arm"))
    assert entries[1].emulator == "unicorn"
    lab.write_text(write_map(entries))
    assert read_map(lab) == entries


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "left"', "", "[[board]] 1 has no name"),
        ('name = "left"', 'name = "a b"', "name = 'a b' is no name"),
        ('name = "left"', 'name = "right"', "'right' is there twice"),
        ('"mps2-an386"', '"arduino"', "[[board]] 1, board arduino: there is no board of this name"),
        ('"mps2-an386"', '"desk/mine.toml"', "mine.toml: cannot be read"),
        ('"mps2-an386"', "386", "[[board]] 1, board is not a string"),
        ('["fast", "arm"]', '"fast"', "[[board]] 1, tags is not a list of strings"),
        ('emulator = "unicorn"', 'baud = "9600"', "[[board]] 2 has the key baud"),
        ("[[board]]", "[[boards]]", "is not a list of [[board]]"),
        ("[[board]]", "[[board", "is not TOML"),
    ],
)
def test_a_wrong_map_is_refused_by_entry_and_key(lab, old, new, complaint):
    lab.write_text(_MAP.replace(old, new))
    with pytest.raises(ElegansError, match=re.escape(complaint)):
        read_map(lab)


def test_a_probe_may_appear_only_once_on_a_map(lab):
    lab.write_text(_MAP.replace('name = "', 'probe = "066C"\nname = "'))
    with pytest.raises(ElegansError, match="'066C' is there twice, at left and right"):
        read_map(lab)


def test_boards_are_chosen_by_name_board_and_tag(lab):
    entries = read_map(lab)
    assert [p.name for p in select(entries, tag="arm")] == ["left"]
    assert [p.name for p in select(entries, ["microbit"])] == ["right"]
    assert len(select(entries)) == 2
    with pytest.raises(
        ElegansError, match=r"tag slow: is not on the map; choose from: left \(mps2"
    ):
        select(entries, tag="slow")


def test_two_claims_get_two_boards_and_the_third_times_out(lab):
    entries = read_map(lab)
    with claimed(entries) as one, claimed(entries) as two:
        assert {one.name, two.name} == {"left", "right"}
        users = r"left by process \d+; right by process"
        with pytest.raises(HilError, match=users) as failure, claimed(entries, within=0.2):
            pass
    assert failure.value.phase is Phase.SYNC
    with claimed(entries[:1]) as again:
        assert again.name == "left"


def test_a_waiting_claim_gets_the_board_that_becomes_free(lab):
    (left, *_) = read_map(lab)
    done = threading.Event()

    def second() -> None:
        with claimed([left], within=10):
            done.set()

    with claimed([left]):
        thread = threading.Thread(target=second)
        thread.start()
        assert not done.wait(0.3)
    thread.join(10)
    assert done.is_set()


def test_the_lock_of_a_process_that_dies_is_released(lab):
    program = (
        "import sys, os\nfrom pathlib import Path\n"
        "from elegans.hil_tests.lab.lab_map import claimed, read_map\n"
        "with claimed(read_map(Path(sys.argv[1]))[:1]):\n    os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(lab)], check=False)
    assert done.returncode == 9
    with claimed(read_map(lab)[:1], within=0.5):
        pass


def test_workers_run_every_test_on_every_board_of_a_map(lab, worm, tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import pytest, time\n"
        "@pytest.mark.parametrize('n', range(12))\n"
        "def test_mine(device, n, record_property):\n"
        "    record_property('board', device.board)\n"
        "    device.compare(device.model.vectors[slice(0, 20)]).require()\n"
        "    time.sleep(0.2)\n"
    )
    report = tmp_path / "out.xml"
    options = ["-n", "2", "--map", lab, "--build", worm, "--junitxml", report]
    command = [*PYTEST, *options]
    ran = subprocess.run(
        [str(part) for part in command], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stdout
    used = {p.get("value") for p in Xml.parse(report).iter("property") if p.get("name") == "board"}
    assert used == {"mps2-an386", "microbit"}
    assert "24 passed" in ran.stdout


def test_hil_on_a_map_runs_the_suite_on_every_board(lab, worm, tmp_path):
    report = tmp_path / "out.xml"
    done = CliRunner().invoke(main, ["hil", str(worm), "--map", str(lab), "--junit", str(report)])
    assert done.exit_code == 0, done.output
    assert re.search(r"^ok +left +mps2-an386 .* 0 different", done.output, re.M)
    assert re.search(r"^ok +right +microbit .* 0 different", done.output, re.M)
    suites = Xml.parse(report).getroot()
    assert [suite.get("name") for suite in suites] == ["left", "right"]
    assert {(suite.get("failures"), suite.get("errors")) for suite in suites} == {("0", "0")}


def test_a_board_that_is_not_there_fails_alone(lab, worm):
    lab.write_text(_MAP + '\n[[board]]\nname = "gone"\nboard = "microbit"\nport = "/dev/ttyNone"\n')
    done = CliRunner().invoke(main, ["hil", str(worm), "--map", str(lab), "--json"])
    assert done.exit_code == 3
    verdicts = json.loads(done.stdout)
    assert {complaint["phase"] for complaint in verdicts["gone"]["complaints"]} == {"SYNC"}
    assert verdicts["left"]["mismatches"] == verdicts["right"]["mismatches"] == 0


def test_with_a_map_only_the_kind_of_board_and_the_tag_can_be_chosen(lab, worm):
    words = ["hil", str(worm), "--map", str(lab)]
    done = CliRunner().invoke(main, [*words, "--board", "microbit", "--json"])
    assert (done.exit_code, list(json.loads(done.stdout))) == (0, ["right"])
    done = CliRunner().invoke(main, [*words, "--board", "lm3s6965evb"])
    assert (done.exit_code, "is not on the map" in done.output) == (2, True)
    for option, value in (("--port", "x"), ("--probe", "x"), ("--emulator", "qemu")):
        done = CliRunner().invoke(main, [*words, option, value])
        assert (done.exit_code, f"leave out {option}" in done.output) == (2, True)
    done = CliRunner().invoke(main, ["hil", str(worm), "--tag", "fast"])
    assert (done.exit_code, "add its --map" in done.output) == (2, True)


def test_a_probe_and_its_ports_are_matched_by_serial_number():
    found = [
        Probe("066CFF5055", "ST-LINK", "stm32l432kc"),
        Probe("683012345", "J-Link", "nrf52840"),
        Probe("E6614", "Debug Probe"),
    ]
    ports = [
        SerialPort("/dev/ttyACM2", "000683012345", "1-2:1.2"),
        SerialPort("/dev/ttyACM1", "000683012345", "1-2:1.0"),
        SerialPort("/dev/ttyACM0", "066cff5055"),
        SerialPort("/dev/ttyUSB0", "A50285BI"),
    ]
    assert match_ports(found, ports) == [
        ConnectedBoard(found[0], ("/dev/ttyACM0",), ("nucleo-l432kc",)),
        ConnectedBoard(found[1], ("/dev/ttyACM1", "/dev/ttyACM2"), ("nrf52840-dk",)),
        ConnectedBoard(found[2], (), ()),
    ]


def test_a_scan_writes_a_map_that_can_be_read(tmp_path, monkeypatch):
    row = ConnectedBoard(Probe("066C", "ST-LINK", "x"), ("/dev/ttyACM0",), ("nucleo-l432kc",))
    monkeypatch.setattr(lab_verbs, "connected_boards", lambda: [row])
    done = CliRunner().invoke(main, ["boards", "scan", "-o", str(tmp_path / "lab.toml")])
    assert done.exit_code == 0, done.output
    (entry,) = read_map(tmp_path / "lab.toml")
    assert (entry.board, entry.port, entry.probe) == ("nucleo-l432kc", "/dev/ttyACM0", "066C")
    assert tomllib.loads((tmp_path / "lab.toml").read_text())["board"][0]["name"] == "bench-1"


def test_a_scan_of_nothing_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(lab_verbs, "connected_boards", list)
    done = CliRunner().invoke(main, ["boards", "scan", "-o", str(tmp_path / "lab.toml")])
    assert done.exit_code == 1
    assert "none that elegans knows is plugged in" in done.output
    assert not Path(tmp_path / "lab.toml").exists()
