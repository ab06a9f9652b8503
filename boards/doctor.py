"""What elegans finds on this machine: installed programs and packages, and connected boards."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys

from elegans.boards.descriptors.board import Board
from elegans.boards.descriptors.descriptor import boards
from elegans.boards.emulation import qemu, virtual_board
from elegans.boards.finding import Finding
from elegans.boards.firmware import toolchain
from elegans.boards.flashing.discover import connected_boards
from elegans.boards.permissions import permissions

# The packages of each extra of elegans, and what each is for.
_EXTRAS = {
    "elegans[sim]": {
        "ziglang": "a compiler for boards",
        "unicorn": "emulates boards",
        "pyelftools": "reads firmware",
    },
    "elegans[train]": {
        "torch": "trains",
        "onnxscript": "writes ONNX from torch",
        "safetensors": "stores weights",
        "matplotlib": "draws plots",
    },
    "elegans[flash]": {
        "pyocd": "flashes boards through debug probes",
        "stm32loader": "flashes an STM32 over its serial port",
    },
    "elegans[data]": {"aeon": "provides recorded motions"},
    "elegans[parquet]": {"pyarrow": "reads Parquet files to train on"},
    "elegans[tensorboard]": {"tensorboard": "shows losses while training"},
    "elegans[farm]": {"labgrid": "reaches boards on other machines"},
}
_QEMU = sorted(qemu.PROGRAMS.values())


def examine() -> list[Finding]:
    """A finding for Python, for each package and program that elegans can use, and for what this
    user may do."""
    python = ".".join(map(str, sys.version_info[:3]))
    found = [Finding("python", "runs elegans", True, python, "")]
    compilers, emulators = toolchain.cross_compilers(), _any_emulator()
    for extra, packages in _EXTRAS.items():
        for package, purpose in packages.items():
            # A compiler or emulator of the system replaces the one from PyPI.
            needed = extra == "elegans[sim]" and not {
                "ziglang": compilers,
                "unicorn": emulators,
            }.get(package)
            remedy = f"pip install '{extra}'"
            found.append(Finding(package, purpose, needed, _version(package), remedy))
    for program, purpose, remedy in (
        ("arm-none-eabi-gcc", "another compiler for boards", "apt install gcc-arm-none-eabi"),
        ("riscv64-unknown-elf-gcc", "the same for RISC-V", "apt install gcc-riscv64-unknown-elf"),
        *((program, "another emulator", f"apt install {package}") for program, package in _QEMU),
        ("gcc", "compiles models for this machine", "apt install gcc, or use zig"),
        ("clang", "compiles models for this machine", "apt install clang, or use zig"),
    ):
        detail = toolchain.version((program,)) if shutil.which(program) else None
        found.append(Finding(program, purpose, False, detail, remedy))
    return [*found, *permissions()]


def catalogue() -> list[dict[str, str]]:
    """The boards that elegans knows: ``name``, ``title``, ``core`` and what each one ``runs_on``:
    the installed emulators, the real board itself, or what must be installed."""
    return [
        {
            "name": board.name,
            "title": board.title,
            "core": board.core.name,
            "runs_on": ", ".join(virtual_board.installed_emulators(board)) or _needed(board),
        }
        for board in boards().values()
    ]


def _needed(board: Board) -> str:
    if not board.emulators:
        return "itself (a real board)"
    return f"nothing here; install {' or '.join(board.emulators)}"


def plugged_in() -> list[dict[str, str]]:
    """The connected debug probes, their serial ports, and the boards that they may belong to."""
    return [
        {
            "probe": row.probe.id,
            "ports": " ".join(row.ports),
            "boards": " or ".join(row.boards) or f"{row.probe.title}, of no known board",
        }
        for row in connected_boards()
    ]


def _any_emulator() -> bool:
    return any(virtual_board.installed_emulators(board) for board in boards().values())


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
