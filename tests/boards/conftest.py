"""What the tests of boards share: two small BUILDs, and the installed compilers and emulators."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from elegans.boards.descriptors.board import Board
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.virtual_board import is_installed
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.exporter.export import Request, export
from elegans.tests.places import TINY_BUILD, WORM

NEEDS_GCC = pytest.mark.skipif(
    not shutil.which("arm-none-eabi-gcc"), reason="arm-none-eabi-gcc is not installed"
)
_NEEDS_QEMU = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="qemu-system-arm is not installed"
)
# For parametrize: those that are not installed are skipped.
CROSS_COMPILERS = ["zig", pytest.param("gcc", marks=NEEDS_GCC)]
EMULATORS = ["unicorn", pytest.param("qemu", marks=_NEEDS_QEMU)]
RV32, RV32E = "qemu-rv32-virt", "qemu-rv32e-virt"
M0_M3_M4 = ["microbit", "mps2-an385", "mps2-an386"]
M55 = pytest.param("mps3-an547", marks=_NEEDS_QEMU)
# An M55 with a compiler of its own; gcc where it is installed.
M55_BUILT = pytest.param("mps3-an547", cross_compilers()[-1], marks=_NEEDS_QEMU)


def skip_without(board: Board, *tools: str) -> None:
    """Skip the test unless these compilers and emulators are installed for the board's core."""
    architecture = board.core.architecture
    for tool in tools:
        if tool in ("zig", "gcc"):
            there = tool in cross_compilers(architecture)
        else:
            there = is_installed(tool, board)
        if not there:
            pytest.skip(f"{tool} for {architecture} is not installed")


def copy_of_tiny(folder: Path) -> Path:
    """A copy of the tiny BUILD, to which a test may write."""
    shutil.copytree(TINY_BUILD, folder, ignore=shutil.ignore_patterns("__pycache__", "firmware"))
    return folder


def insert_faults(build: Path, faults: dict[int, str]) -> None:
    """Let the step of a tiny BUILD execute a C statement if its first input is x, for each
    ``{x: statement}``."""
    source = build / "tiny.c"
    text, before = source.read_text(), "    int16_t next["
    assert before in text
    code = "".join(f"    if (x[0] == {x})\n        {what}\n" for x, what in faults.items())
    source.write_text(text.replace(before, code + before))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny BUILD: 2 inputs, 3 neurons, 1 output. Its build cache lasts for the session."""
    return copy_of_tiny(tmp_path_factory.mktemp("tiny") / "BUILD")


@pytest.fixture(scope="session")
def vectors() -> dict[str, np.ndarray]:
    """The golden vectors of the tiny BUILD."""
    with np.load(TINY_BUILD / "vectors.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def m4() -> Board:
    """A virtual board with a Cortex-M4."""
    return find_board("mps2-an386")


@pytest.fixture(scope="session")
def worm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The BUILD of a small trained network."""
    folder = tmp_path_factory.mktemp("worm") / "BUILD"
    export(Request(WORM), folder)
    return folder
