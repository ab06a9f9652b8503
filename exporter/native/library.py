"""Libraries of C, compiled for this processor when they are first needed.

A library is kept in the user's cache folder, under a name that has a digest of the sources, the
flags and the processor in it. Where there is no compiler, no folder, or another fault, there is no
library, and the story says why.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.exporter.storage import file_lock
from elegans.exporter.storage.user_cache import cache_folder

_REMEDY = "set HOME or XDG_CACHE_HOME to a folder that can be written"
_TIMEOUT_S = 120
_ARM = platform.machine().lower() in ("arm64", "aarch64")
# gnu11: gcc then contracts a product and a sum to one instruction, as clang does in any case.
_FLAGS = ("-std=gnu11", "-mcpu=native" if _ARM else "-march=native", "-fPIC", "-shared")


@dataclass(frozen=True)
class Library:
    """The loaded library, or None, and where it is, or why there is none."""

    library: ctypes.CDLL | None
    story: str


def library(name: str, files: Mapping[str, bytes], *own: str) -> Library:
    """The library of these C files, by their names: loaded, or compiled first. Raises nothing.

    own  flags of the compiler, besides those that all libraries have
    """
    flags = (*own, *_FLAGS)
    try:
        folder, _ = cache_folder("kernels", _REMEDY)
        path = folder / f"{name}-{_digest(files, flags)}.so"
        with _locked(folder / f"{path.stem}.lock"):
            return _loaded(path) or _compiled(path, files, flags)
    except (ElegansError, OSError, subprocess.SubprocessError) as error:
        return Library(None, str(error))


def _loaded(path: Path) -> Library | None:
    """The library at `path`; None if it is not there, or damaged."""
    if not path.is_file():
        return None
    try:
        return Library(ctypes.CDLL(str(path)), str(path))
    except OSError:
        return None


def _compiled(path: Path, files: Mapping[str, bytes], flags: tuple[str, ...]) -> Library:
    faults = []
    for name, command in _compilers():
        try:
            write_file(path, _compile([*command, *flags], files))
        except (ElegansError, OSError, subprocess.SubprocessError) as error:
            faults.append(f"{name}: {error}")
            continue
        if found := _loaded(path):
            return found
        faults.append(f"{name}: its library cannot be loaded")
    return Library(None, "; ".join(faults) or "no C compiler (zig, cc) is installed")


def _compilers() -> Iterator[tuple[str, list[str]]]:
    """zig, which `elegans[sim]` brings, and the system's compiler, as far as they are there."""
    spec = importlib.util.find_spec("ziglang")
    if spec is not None and spec.origin is not None:
        binary = shutil.which("zig", path=str(Path(spec.origin).parent))
        if binary:
            yield "zig", [binary, "cc"]
    system = shutil.which("cc")
    if system:
        yield "cc", [system]


def _compile(command: list[str], files: Mapping[str, bytes]) -> bytes:
    """The bytes of the library. Raises `ElegansError` with the compiler's first error."""
    with tempfile.TemporaryDirectory(prefix="elegans-kernels-") as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        variables = ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
        zig = dict.fromkeys(variables, str(cache_folder("zig", _REMEDY)[0]))
        done = subprocess.run(
            [*command, *(n for n in files if n.endswith(".c")), "-o", "library.so"],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            env=zig | os.environ,
            check=False,
        )
        target = Path(folder, "library.so")
        if done.returncode != 0 or not target.is_file():
            lines = [line for line in done.stderr.splitlines() if "error" in line]
            fact = (lines or [f"it ended with {done.returncode}"])[0].strip()[:200]
            raise ElegansError("compiled C", fact, "all else works without")
        return target.read_bytes()


def _digest(files: Mapping[str, bytes], flags: tuple[str, ...]) -> str:
    """Of all that the library depends on, but not of the compiler: any one's will do."""
    sha = hashlib.sha256("\0".join((*flags, _processor())).encode())
    for data in files.values():
        sha.update(len(data).to_bytes(8, "little") + data)
    return sha.hexdigest()[:20]


def _processor() -> str:
    """What tells apart processors with other instructions: a home may be shared by machines."""
    found = [platform.system(), platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        keys = ("model name", "flags", "Features", "CPU part", "isa")
        found += [next((line for line in lines if line.startswith(key)), "") for key in keys]
    return "\n".join(found)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock against other processes that compile the same."""
    with path.open("a") as file:
        file_lock.lock(file)
        yield
