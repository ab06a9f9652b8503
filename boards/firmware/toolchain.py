"""The C compilers: which are here, and one way to run them.

Crossing to a board: ``zig`` (from PyPI) and ``gcc`` (arm-none-eabi-gcc). For the host:
``gcc``, ``clang`` and ``zig``. All take the options of gcc.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from elegans.exporter.errors import ElegansError

LEVELS = ("0", "1", "2", "3", "s")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
_TIMEOUT_S = 300

_ZIG = (sys.executable, "-m", "ziglang", "cc")
_GET_ZIG = "pip install 'elegans[sim]'"
_CROSS = {
    "zig": (_ZIG, _GET_ZIG),
    "gcc": (("arm-none-eabi-gcc",), "apt install gcc-arm-none-eabi, or take --compiler zig"),
}
_HOST = {
    "gcc": (("gcc",), "apt install gcc, or take zig"),
    "clang": (("clang",), "apt install clang, or take zig"),
    "zig": (_ZIG, _GET_ZIG),
}


@dataclass(frozen=True)
class Compiler:
    """A compiler that is installed. ``version`` tells two of the same name apart."""

    name: str
    command: tuple[str, ...]
    version: str


def cross_compilers() -> list[str]:
    """The names of the installed compilers for boards, the preferred one first."""
    return [name for name, (command, _) in _CROSS.items() if _present(command)]


def host_compilers() -> list[str]:
    """The names of the installed compilers for this machine, the preferred one first."""
    return [name for name, (command, _) in _HOST.items() if _present(command)]


def cross_compiler(name: str = "auto") -> Compiler:
    """A compiler for boards: ``zig``, ``gcc``, or the first of them that is installed."""
    return _find(name, _CROSS, "a compiler for boards")


def host_compiler(name: str = "auto") -> Compiler:
    """A compiler for this machine: ``gcc``, ``clang``, ``zig``, or the first installed."""
    return _find(name, _HOST, "a compiler for this machine")


def level(optimise: str, aim: str) -> str:
    """One of `LEVELS`; ``auto`` takes what suits the aim, speed or size, that C was generated
    with. Raises `ElegansError` for any other."""
    if optimise == "auto":
        return "s" if aim == "size" else "2"
    if optimise not in LEVELS:
        known = ", ".join(("auto", *LEVELS))
        raise ElegansError(f"-O{optimise}", "is no optimisation level", f"choose one of: {known}")
    return optimise


def run(compiler: Compiler, arguments: list[str], folder: Path, place: str) -> None:
    """Compile or link in ``folder``. The first complaint becomes an `ElegansError`."""
    try:
        done = subprocess.run(
            [*compiler.command, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        fact = f"{compiler.name} did not end within {_TIMEOUT_S} s"
        raise ElegansError(place, fact, "try again, or take another compiler") from None
    if done.returncode != 0:
        fact = f"{compiler.name} says: {_first_complaint(done.stderr + done.stdout)}"
        raise ElegansError(place, fact, "correct the source, or take another compiler")


def _find(name: str, known: dict[str, tuple[tuple[str, ...], str]], what: str) -> Compiler:
    if name == "auto":
        name = next((n for n, (command, _) in known.items() if _present(command)), "zig")
    if name not in known:
        raise ElegansError(name, f"is not {what}", f"choose one of: {', '.join(known)}")
    command, remedy = known[name]
    if not _present(command):
        missing = "ziglang" if command == _ZIG else command[0]
        raise ElegansError(name, f"{missing} is not installed", remedy)
    return Compiler(name, _direct(command), version(command))


def _direct(command: tuple[str, ...]) -> tuple[str, ...]:
    """zig itself: a Python that only starts it takes longer than many a file to compile."""
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
    """What the compiler says of itself, in one line."""
    if command == _ZIG:
        return importlib.metadata.version("ziglang")
    done = subprocess.run(
        [*command, "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def _first_complaint(text: str) -> str:
    # collect2 only says that somebody else has complained.
    lines = [line.strip() for line in text.splitlines() if line.strip() and "collect2" not in line]
    words = ("error", "undefined", "overflowed", "overlaps", "will not fit")
    errors = [line for line in lines if any(word in line.lower() for word in words)]
    return (errors or lines or ["nothing at all"])[0]
