"""Boards of a labgrid farm: the suite is the same, and a place is held while it runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.gdb_remote import GdbClient
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.cli import main
from elegans.hil_tests.lab.lab_map import BoardEntry, claimed
from elegans.hil_tests.link.baud_rate import raise_rate
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import load_build
from elegans.hil_tests.session.compare import compare
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.tests.boards.flashing.test_debug_probe import empty_microbit
from elegans.tests.farm.conftest import Farm, free_port, on_tcp, serial_port, until_open
from elegans.tests.hil_tests.fake_device import BOARD, FakeDevice, write_build
from elegans.tests.hil_tests.remote_port import RemotePort


def lab_of(farm: Farm, folder: Path, **boards: str) -> Path:
    """Write a map of the farm's places, given by name and board."""
    path = folder / "lab.toml"
    lines = [
        f'[[board]]\nname = "{name}"\nboard = "{board}"\nfarm = "{farm.coordinator}"\n'
        for name, board in boards.items()
    ]
    path.write_text("\n".join(lines))
    return path


def test_the_suite_runs_unchanged_on_boards_of_a_farm(farm, worm, tmp_path):
    with on_tcp(worm, "mps2-an386") as left, on_tcp(worm, "mps2-an500") as right:
        farm.add("left", uart=left)
        farm.add("right", uart=right)
        lab = lab_of(farm, tmp_path, left="mps2-an386", right="mps2-an500")
        done = CliRunner().invoke(main, ["hil", str(worm), "--map", str(lab)])
    assert done.exit_code == 0, done.output
    assert re.search(r"^ok +left +mps2-an386 .* 0 different", done.stdout, re.M)
    assert re.search(r"^ok +right +mps2-an500 .* 0 different", done.stdout, re.M)
    assert (farm.holder("left"), farm.holder("right")) == (None, None)


def test_workers_run_every_test_on_every_place_of_a_farm(farm, worm, tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', range(6))\n"
        "def test_mine(device, n):\n"
        "    device.compare(device.model.vectors[slice(0, 50)]).require()\n"
    )
    with on_tcp(worm, "mps2-an386") as left, on_tcp(worm, "mps2-an500") as right:
        farm.add("left", uart=left)
        farm.add("right", uart=right)
        lab = lab_of(farm, tmp_path, left="mps2-an386", right="mps2-an500")
        words = ["-m", "pytest", "-q", "-n", "2", "--map", str(lab), "--build", str(worm)]
        ran = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    assert ran.returncode == 0, ran.stdout
    assert "12 passed" in ran.stdout


def test_an_empty_board_is_flashed_through_a_probe_of_the_farm(farm, worm, tmp_path):
    """pyOCD's server runs its nRF51 flash algorithm on QEMU's model of the flash controller."""
    pytest.importorskip("pyocd")
    with empty_microbit() as (probe, tty, _), RemotePort(tty, "socket") as remote:
        port = free_port()
        server = [sys.executable, "-m", "pyocd", "server", "-u", probe, "-p", str(port), "-W"]
        with subprocess.Popen(server, cwd=tmp_path) as process:
            try:
                until_open(port)
                service = {"cls": "NetworkService", "address": "127.0.0.1", "username": ""}
                uart = serial_port(int(remote.url.rpartition(":")[2]))
                farm.add("desk", uart=uart, pyocd=service | {"port": port})
                lab = lab_of(farm, tmp_path, desk="microbit")
                done = CliRunner().invoke(main, ["hil", str(worm), "--map", str(lab), "--json"])
            finally:
                process.kill()
        gdb = GdbClient("127.0.0.1", int(probe.rpartition(":")[2]))
        (at, wanted), *_ = read_image(
            build_firmware(worm, find_board("microbit"), "zig").elf
        ).segments
        found = gdb.read(at, len(wanted))
        gdb.close()
    assert done.exit_code == 0, done.output
    verdict = json.loads(done.stdout)["desk"]
    assert (verdict["mismatches"], verdict["complaints"]) == (0, [])
    assert verdict["flash_bytes"] > 0
    assert found == wanted


def test_a_remote_port_is_reached_by_rfc_2217_too(farm, tmp_path):
    model = write_build(tmp_path / "BUILD")
    with FakeDevice() as device, RemotePort(device.port) as remote:
        farm.add("desk", uart=serial_port(int(remote.url.rpartition(":")[2]), "rfc2217"))
        entry = BoardEntry("desk", BOARD, farm=farm.coordinator)
        with claimed([entry]) as reached:
            assert reached.port == remote.url
        options = ["--board", BOARD, "--port", remote.url]
        done = CliRunner().invoke(main, ["hil", str(model), *options])
    assert done.exit_code == 0, done.output


@pytest.mark.skipif(not shutil.which("ser2net"), reason="ser2net is not installed")
def test_a_port_that_labgrid_serves_by_ser2net_is_raised_to_a_faster_rate(farm, tmp_path):
    model = load_build(write_build(tmp_path / "BUILD"))
    with FakeDevice() as device:
        farm.add("desk", uart={"cls": "RawSerialPort", "port": device.port})
        entry = BoardEntry("desk", BOARD, farm=farm.coordinator)
        with claimed([entry]) as reached, Link.open(str(reached.port)) as link:
            assert compare(link, model).passed
            assert raise_rate(link) == device.baud == 921_600
            assert compare(link, model).passed


def test_a_place_that_another_user_holds_is_waited_for(farm):
    farm.add("desk", uart=serial_port(1))
    entry = BoardEntry("desk", "microbit", farm=farm.coordinator)
    farm.client("desk", "acquire", user="ada").check_returncode()
    with pytest.raises(HilError, match=r"acquired by \S+/ada") as failure, claimed([entry], 1.0):
        pass
    assert failure.value.phase is Phase.SYNC
    farm.client("desk", "release", user="ada").check_returncode()
    with claimed([entry], within=5.0) as reached:
        assert reached.port == "socket://127.0.0.1:1"
        assert farm.holder("desk") is not None
    assert farm.holder("desk") is None


def test_a_place_that_its_user_holds_by_hand_stays_held(farm):
    farm.add("desk", uart=serial_port(1))
    farm.client("desk", "acquire").check_returncode()
    with claimed([BoardEntry("desk", "microbit", farm=farm.coordinator)], within=1.0) as reached:
        assert reached.port == "socket://127.0.0.1:1"
    assert farm.holder("desk") is not None


def test_the_place_of_a_killed_run_is_released_by_the_next(farm):
    farm.add("desk", uart=serial_port(1))
    program = (
        "import sys, time\nfrom elegans.hil_tests.lab.lab_map import BoardEntry, claimed\n"
        "with claimed([BoardEntry('desk', 'microbit', farm=sys.argv[1])]):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, farm.coordinator]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        os.kill(process.pid, signal.SIGKILL)
    assert farm.holder("desk") is not None
    with claimed([BoardEntry("desk", "microbit", farm=farm.coordinator)], within=5.0):
        pass
    assert farm.holder("desk") is None


def test_a_missing_place_and_a_farm_that_is_down_are_errors(farm):
    with (
        pytest.raises(HilError, match="nowhere: place pattern nowhere matches nothing"),
        claimed([BoardEntry("nowhere", "microbit", farm=farm.coordinator)]),
    ):
        pass
    began = time.monotonic()
    down = f"127.0.0.1:{free_port()}"
    with (
        pytest.raises(HilError, match="Could not connect to coordinator"),
        claimed([BoardEntry("desk", "microbit", farm=down)]),
    ):
        pass
    assert time.monotonic() - began < 60


def test_a_place_without_a_serial_port_is_released(farm):
    service = {"cls": "NetworkService", "address": "127.0.0.1", "username": "", "port": 5555}
    farm.add("desk", pyocd=service)
    entry = BoardEntry("desk", "microbit", farm=farm.coordinator)
    with pytest.raises(Exception, match="desk: has 0 serial ports"), claimed([entry]):
        pass
    assert farm.holder("desk") is None
