"""The C compilers: which ones are installed, and how they are run.

Cross compilers for boards are ``zig`` (from PyPI) and ``gcc`` (arm-none-eabi-gcc, and
riscv64-unknown-elf-gcc for RISC-V); compilers for the host are ``gcc``, ``clang`` and ``zig``.
All of them take the options of gcc.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from elegans.boards.descriptors.cores import ARM, RISCV
from elegans.boards.firmware import compiler_cache
from elegans.boards.processes.process_group import run_group
from elegans.exporter.delivery.layouts import LAYOUTS
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.files import remove_left_behind

INSTALL_SIM = "pip install 'elegans[sim]'"  # installs zig, unicorn, pyelftools and capstone
LEVELS = ("0", "1", "2", "3", "s")
"""The optimisation levels of a compiler: -O0 to -O3, -Os."""
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
_TIMEOUT_S = 300
_SCRATCH, _LEFT_BEHIND_S = "elegans-build-", 86400.0

_ZIG = (sys.executable, "-m", "ziglang", "cc")
# Compilers by name: the command, and how to install it. The preferred one comes first.
_CROSS = {
    architecture: {
        "zig": (_ZIG, INSTALL_SIM),
        "gcc": ((program,), f"apt install {package}, or use --compiler zig"),
    }
    for architecture, program, package in (
        (ARM, "arm-none-eabi-gcc", "gcc-arm-none-eabi"),
        (RISCV, "riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
    )
}
_HOST = {
    "gcc": (("gcc",), "apt install gcc, or use zig"),
    "clang": (("clang",), "apt install clang, or use zig"),
    "zig": (_ZIG, INSTALL_SIM),
}


@dataclass(frozen=True)
class Compiler:
    """An installed compiler: its name, the command that starts it, and its version."""

    name: str
    command: tuple[str, ...]
    version: str


def cross_compilers(architecture: str = ARM) -> list[str]:
    """The names of the installed compilers for boards, the preferred one first."""
    return [name for name, (command, _) in _CROSS[architecture].items() if _present(command)]


def cross_compiler(name: str = "auto", architecture: str = ARM) -> Compiler:
    """A compiler for boards: ``zig``, ``gcc``, or with ``auto`` the preferred installed one.

    Raises `ElegansError` for an unknown name, or if the compiler is not installed.
    """
    return _find(name, _CROSS[architecture], "a compiler for boards")


def host_compiler(name: str = "auto") -> Compiler:
    """A compiler for this machine: ``gcc``, ``clang``, ``zig``, or with ``auto`` the preferred
    installed one. Raises `ElegansError` as `cross_compiler` does."""
    return _find(name, _HOST, "a compiler for this machine")


def resolve_level(level: str, layout: str) -> str:
    """The one of `LEVELS` that ``level`` stands for.

    ``auto`` stands for that of the ``layout`` of the C. Raises `ElegansError` for an unknown level.
    """
    if level == "auto":
        return LAYOUTS[layout].level
    if level not in LEVELS:
        known = ", ".join(("auto", *LEVELS))
        raise WrongUseError(f"-O{level}", "is not an optimisation level", f"choose one of: {known}")
    return level


def run(compiler: Compiler, arguments: list[str], folder: Path, place: str) -> None:
    """Compile or link in ``folder``, with a time limit of 300 s.

    Raises `ElegansError` at ``place`` with the first error that the compiler reports.
    """
    environment = compiler_cache.environment()
    done = run_group([*compiler.command, *arguments], _TIMEOUT_S, folder, environment=environment)
    if done.late:
        fact = f"{compiler.name} did not end within {_TIMEOUT_S} s"
        raise ElegansError(place, fact, "try again, or use another compiler")
    if done.status != 0:
        printed = done.errors + done.output.decode(errors="replace")
        fact = f"{compiler.name} says: {_first_error(printed)}"
        raise ElegansError(place, fact, "correct the source, or use another compiler")


@contextmanager
def scratch_folder(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A temporary folder with ``files``, by their relative paths, until the ``with`` ends.

    Raises `ElegansError` if there is no place for temporary files."""
    old = re.compile(re.escape(_SCRATCH) + "[a-z0-9_]{8}")
    try:
        remove_left_behind(Path(tempfile.gettempdir()), old, _LEFT_BEHIND_S)  # of killed builds
        scratch = tempfile.TemporaryDirectory(prefix=_SCRATCH)
    except OSError as error:
        fact = f"have no place ({error.strerror or error})"
        remedy = "set TMPDIR to a folder that can be written"
        raise ElegansError("temporary files", fact, remedy) from None
    with scratch:
        folder = Path(scratch.name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        yield folder


def _find(name: str, known: dict[str, tuple[tuple[str, ...], str]], what: str) -> Compiler:
    if name == "auto":
        name = next((n for n, (command, _) in known.items() if _present(command)), "zig")
    if name not in known:
        raise WrongUseError(name, f"is not {what}", f"choose one of: {', '.join(known)}")
    command, remedy = known[name]
    if not _present(command):
        missing = "ziglang" if command == _ZIG else command[0]
        raise ElegansError(name, f"{missing} is not installed", remedy)
    return Compiler(name, _without_python(command), version(command))


def _without_python(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command that starts zig itself instead of a Python that starts zig: for small files
    starting Python takes longer than the compilation."""
    found = importlib.util.find_spec("ziglang") if command == _ZIG else None
    if found is None or found.origin is None:
        return command
    binary = shutil.which("zig", path=str(Path(found.origin).parent))
    return (binary, *command[3:]) if binary else command


def _present(command: tuple[str, ...]) -> bool:
    if command == _ZIG:
        return importlib.util.find_spec("ziglang") is not None
    return shutil.which(command[0]) is not None


@cache
def version(command: tuple[str, ...]) -> str:
    """The version that a compiler reports, in one line."""
    if command == _ZIG:
        return importlib.metadata.version("ziglang")
    done = subprocess.run(
        [*command, "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def _first_error(text: str) -> str:
    # collect2 only reports that the linker has failed, which has printed the reason before.
    lines = [line.strip() for line in text.splitlines() if line.strip() and "collect2" not in line]
    words = ("error", "undefined", "overflowed", "overlaps", "will not fit")
    errors = [line for line in lines if any(word in line.lower() for word in words)]
    return (errors or lines or ["it printed nothing"])[0][:400]
