"""A program ends with all that it has started: at its limit, at an interrupt, at its own end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elegans.boards.firmware import toolchain
from elegans.boards.processes import process_group
from elegans.boards.processes.process_group import run_group
from elegans.exporter.errors import ElegansError


def _alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not _alive(pid)


def test_what_a_compiler_has_started_ends_with_it(tmp_path: Path, monkeypatch) -> None:
    """As gcc's driver starts cc1; it waits for the child, so both are there at the limit."""
    monkeypatch.setattr(toolchain, "_TIMEOUT_S", 1.0)
    tool = toolchain.Compiler("gcc", ("sh", "-c", "sleep 600 & echo $! > pid; wait"), "0")
    with pytest.raises(ElegansError, match="gcc did not end within"):
        toolchain.run(tool, [], tmp_path, "here")
    assert _gone(int((tmp_path / "pid").read_text()))


def test_what_a_finished_program_has_left_behind_is_ended(tmp_path: Path) -> None:
    done = run_group(["sh", "-c", "sleep 600 & echo $!"], 60)
    assert (done.status, done.late) == (0, False)
    assert _gone(int(done.output))


_INTERRUPTED = """
import sys
from pathlib import Path
from elegans.boards.processes.process_group import in_parallel, run_group
def work(name):
    run_group(["sh", "-c", "sleep 600 & echo $! > " + name + ".tmp; mv " + name + ".tmp "
        + name + "; wait"], 500, Path(sys.argv[1]))
in_parallel(work, ["one", "two"])
"""


def test_an_interrupt_ends_every_compiler_and_all_it_has_started(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", _INTERRUPTED, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "one").exists() and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
    assert _gone(int((tmp_path / "one").read_text()))


def test_a_program_cannot_fill_memory_or_disk(tmp_path: Path, monkeypatch) -> None:
    endless = run_group(["sh", "-c", "yes"], 60, most=1 << 20)
    assert endless.status != 0
    assert len(endless.output) == 1 << 20
    monkeypatch.setattr(process_group, "_MEMORY", 200 << 20)
    greedy = run_group([sys.executable, "-c", "bytearray(1 << 30)"], 60)
    assert "MemoryError" in greedy.errors
