"""What a step costs may not grow unseen."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

pytest.importorskip("ncps", reason="ncps is not installed (pip install ncps)")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.firmware.toolchain import cross_compiler, cross_compilers
from elegans.tests.places import CHECKOUT


def _figures():
    """benchmarks/ is no part of the package, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location("figures", CHECKOUT / "benchmarks" / "figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("compiler", cross_compilers())
def test_no_figure_is_more_than_2_percent_worse_than_the_committed_one(compiler, tmp_path):
    """A few steps tell: the count is the same for all, which the flow of the data proves."""
    figures = _figures()
    here = cross_compiler(compiler).version
    measured = json.loads(figures.FILE.read_text())["compilers"].get(compiler)
    if here != measured:
        pytest.skip(f"{compiler} is {here}, the figures are from {measured}")
    boards = [
        name for name in figures._BOARDS if virtual_board.installed_emulators(find_board(name))
    ]
    command = [sys.executable, "-m", "benchmarks.figures", "--nets", str(tmp_path), "--check"]
    command += ["--steps", "8", "--compiler", compiler]
    command += [part for board in boards for part in ("--board", board)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_worse_figure_is_told():
    worse = _figures().worse
    row = {"instructions": 1000, "flash_bytes": 500, "ram_bytes": 56, "stack_bytes": None}
    old = {"ncp19 / microbit / zig": row | {"constant": True}}
    new = {"ncp19 / microbit / zig": row | {"instructions": 1021, "constant": False}}
    complaints = worse(old, new | {"ncp19 / a new core / zig": row})
    assert [c.split(": ")[1].split()[0] for c in complaints] == ["has", "instructions", "the"]
    assert not worse(
        old, {"ncp19 / microbit / zig": row | {"instructions": 1020, "constant": True}}
    )
