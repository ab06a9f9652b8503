"""`elegans drive` from the command line to the browser, on an emulated board."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn", reason="the extra live is not installed")

from elegans.tests.viewer.conftest import serious, until


@pytest.fixture(scope="module")
def served(lane):
    """The process that serves the page, and its address."""
    code = "from elegans.cli import main; main()"
    line = [sys.executable, "-c", code, "drive", str(lane), "--board", "mps2-an386"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            address = run.stdout.readline().strip()
            _wait_for(address)
            yield run, address
        finally:
            run.kill()


def _wait_for(address: str) -> None:
    """Until the server, which has told its address, listens there."""
    parts = urlsplit(address)
    for _ in range(100):
        with contextlib.suppress(OSError):
            socket.create_connection((parts.hostname, parts.port), 1.0).close()
            return
        time.sleep(0.1)
    raise TimeoutError(address)


def _emulators(process: int) -> list[int]:
    """The children of a process that emulate a board."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"unicorn_board" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


def _numbers(tab):
    return tab.evaluate(
        "({ compared: elegans.live.compared, different: elegans.live.different,"
        " k: elegans.world.samples, h: Array.from(elegans.world.drivers[0].h) })"
    )


def test_a_board_drives_dies_comes_back_and_no_bit_differs(tab, served):
    run, address = served
    tab.goto(address)
    until(tab, "window.elegans?.world.samples > 25")
    driven = _numbers(tab)
    assert driven["compared"] >= 20 * 25
    assert driven["different"] == 0
    assert any(driven["h"])
    assert tab.inner_text("#link") == "connected"
    assert serious(tab) == []
    for child in _emulators(run.pid):
        os.kill(child, signal.SIGKILL)
    until(tab, "document.querySelector('#why').textContent.includes('came back')")
    until(tab, f"window.elegans.world.samples > {driven['k'] + 25}")
    again = _numbers(tab)
    assert again["compared"] > driven["compared"]
    assert again["different"] == 0
    # A second page watches what the first one drives.
    watcher = tab.context.new_page()
    watcher.goto(address)
    until(watcher, "window.elegans?.live?.compared > 100")
    assert "this one watches" in watcher.inner_text("#role")
    assert watcher.evaluate("elegans.live.different") == 0
    assert watcher.is_disabled("#play")
    tab.bring_to_front()
    assert "this one drives" in tab.inner_text("#role")
    watcher.close()


def test_it_ends_with_ctrl_c_and_leaves_no_emulator(served):
    run, _ = served
    children = _emulators(run.pid)
    assert children
    run.send_signal(signal.SIGINT)
    assert run.wait(20) == 0
    assert not [child for child in children if Path(f"/proc/{child}").exists()]
    assert "Traceback" not in run.stderr.read()
