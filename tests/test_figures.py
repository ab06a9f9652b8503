"""What a step costs may not grow unseen."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from click.testing import CliRunner

pytest.importorskip("ncps", reason="ncps is not installed (pip install ncps)")

from elegans.benchmarks import figures, speed_cells
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.firmware.toolchain import cross_compiler, cross_compilers
from elegans.tests.shared import locked


@pytest.fixture
def trained(shared):
    """The networks of the figures, trained once a run."""
    folder, threads = shared / "nets", torch.get_num_threads()
    with locked(folder):
        speed_cells.make(folder, list(speed_cells.TITLES))
        torch.set_num_threads(threads)
    return folder


_SOAKS = {"zig": [pytest.mark.soak]}  # within 1 % of gcc, and as long again
# M7 and M33 execute the code of M4, except for an instruction or two.
_CORES = {"gcc": ("M0", "M3", "M4", "M55")}


@pytest.mark.parametrize(
    "compiler", [pytest.param(c, marks=_SOAKS.get(c, [])) for c in cross_compilers()]
)
def test_no_figure_is_more_than_2_percent_worse_than_the_committed_one(compiler, trained, tmp_path):
    """A few steps tell: the count is the same for all, which the flow of the data proves."""
    here = cross_compiler(compiler).version
    measured = json.loads(figures.FILE.read_text())["compilers"].get(compiler)
    if here != measured:
        pytest.skip(f"{compiler} is {here}, the figures are from {measured}")
    names = [figures.CORES[core] for core in _CORES.get(compiler, figures.CORES)]
    boards = [name for name in names if virtual_board.installed_emulators(find_board(name))]
    for net in trained.glob("*.onnx"):
        shutil.copy(net, tmp_path)
    options = ["--nets", str(tmp_path), "--check", "--steps", "2", "--compiler", compiler]
    options += [part for board in boards for part in ("--board", board)]
    done = CliRunner().invoke(figures.main, options)
    assert done.exit_code == 0, done.output


def test_a_worse_figure_is_reported():
    worse = figures.worse
    row = {"instructions": 1000, "flash_bytes": 500, "ram_bytes": 56, "stack_bytes": None}
    old = {"ncp19 / microbit / zig": row | {"constant": True}}
    new = {"ncp19 / microbit / zig": row | {"instructions": 1021, "constant": False}}
    complaints = worse(old, new | {"ncp19 / a new core / zig": row})
    assert [c.split(": ")[1].split()[0] for c in complaints] == ["has", "instructions", "the"]
    assert not worse(
        old, {"ncp19 / microbit / zig": row | {"instructions": 1020, "constant": True}}
    )
