"""What is installed here, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from dataclasses import dataclass

from elegans.boards.descriptors.descriptor import Board, boards
from elegans.boards.emulation import qemu, virtual_board
from elegans.boards.firmware import toolchain
from elegans.boards.flashing.discover import connected_boards

_EXTRAS = {
    "elegans[sim]": {
        "ziglang": "a compiler for boards",
        "unicorn": "emulates boards",
        "pyelftools": "reads firmware",
    },
    "elegans[train]": {
        "torch": "trains",
        "onnxscript": "writes ONNX from torch",
        "safetensors": "keeps weights",
        "matplotlib": "draws",
    },
    "elegans[flash]": {
        "pyocd": "flashes boards through debug probes",
        "stm32loader": "flashes an STM32 over its serial port",
    },
    "elegans[data]": {"aeon": "brings recorded motions"},
    "elegans[farm]": {"labgrid": "reaches boards on other machines"},
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for. Without what is ``needed`` no board can be emulated."""

    name: str
    purpose: str
    needed: bool
    detail: str | None
    remedy: str

    @property
    def present(self) -> bool:
        """Whether it is here."""
        return self.detail is not None

    def __str__(self) -> str:
        if self.present:
            return f"ok       {self.name:<20}{self.detail}"
        word = "missing" if self.needed else "absent"
        return f"{word:<9}{self.name:<20}{self.purpose}; {self.remedy}"


def examine() -> list[Finding]:
    """Everything that elegans can use, present or not, what is needed first."""
    python = ".".join(map(str, sys.version_info[:3]))
    found = [Finding("python", "runs elegans", True, python, "")]
    compilers, emulators = toolchain.cross_compilers(), _any_emulator()
    for extra, packages in _EXTRAS.items():
        for package, purpose in packages.items():
            # A system compiler or emulator does as well as the one from PyPI.
            needed = extra == "elegans[sim]" and not {
                "ziglang": compilers,
                "unicorn": emulators,
            }.get(package)
            remedy = f"pip install '{extra}'"
            found.append(Finding(package, purpose, needed, _version(package), remedy))
    for program, purpose, get in (
        ("arm-none-eabi-gcc", "another compiler for boards", "apt install gcc-arm-none-eabi"),
        (qemu.PROGRAM, "another emulator", "apt install qemu-system-arm"),
        ("gcc", "compiles models for this machine", "apt install gcc, or use zig"),
        ("clang", "compiles models for this machine", "apt install clang, or use zig"),
    ):
        detail = toolchain.version((program,)) if shutil.which(program) else None
        found.append(Finding(program, purpose, False, detail, get))
    return found


def catalogue() -> list[dict[str, str]]:
    """The boards that elegans knows: ``name``, ``title``, ``core`` and what each ``runs_on``
    here, or what it would take."""
    return [
        {
            "name": board.name,
            "title": board.title,
            "core": board.core.name,
            "runs_on": ", ".join(virtual_board.installed_emulators(board)) or _absent(board),
        }
        for board in boards().values()
    ]


def _absent(board: Board) -> str:
    if not board.emulators:
        return "itself, plugged in"
    return f"nothing here; install {' or '.join(board.emulators)}"


def plugged_in() -> list[dict[str, str]]:
    """The debug probes on this machine, their serial ports, and what boards they may be."""
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
