"""Object files that many firmwares have in common, kept in the user's cache folder.

The link, the drivers of a board and the runtime are the same under every model, and are most of
what a firmware compiles. An object depends on the compiler, its options, the unit, and the headers
that the unit can include; all of these are in the name of the file that keeps it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from elegans.boards.firmware.build_cache import compilation_digest
from elegans.boards.firmware.toolchain import Compiler
from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.user_cache import cache_folder

_REMEDY = "set HOME or XDG_CACHE_HOME to a folder that can be written"
_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]+(\S+)", re.M)
_RUNTIME = "model/runtime/"
_FOLDERS = (".", "libc", "model/runtime/include")  # in which the compiler looks for headers
_SHA256 = hashlib.sha256().digest_size


def kept_object(
    unit: str,
    files: Mapping[str, bytes],
    compiler: Compiler,
    options: Sequence[str],
    compiled: Callable[[], bytes],
) -> bytes:
    """The object file of ``unit``: the kept one, or what ``compiled`` returns, then kept.

    A unit that can include a file of the model is compiled in any case. ``options`` are those that
    change the object.
    """
    sources = reachable(unit, files)
    if any(path.startswith("model/") and not path.startswith(_RUNTIME) for path in sources):
        return compiled()
    digest = compilation_digest(compiler, [*options, unit], {p: files[p] for p in sources})
    try:
        folder, _ = cache_folder("objects", _REMEDY)
    except ElegansError:
        return compiled()
    path = folder / f"{digest}.o"
    found = _read(path)
    if found is None:
        found = compiled()
        _keep(path, found)
    return found


def reachable(unit: str, files: Mapping[str, bytes]) -> set[str]:
    """The paths of the unit and of all files that it can include, whatever is defined.

    An include whose name is a macro can be any file of the runtime.
    """
    found: set[str] = set()
    waiting = [unit]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in _INCLUDE.findall(files[path]):
            if name[:1] in b'"<':
                waiting += _named(path, name[1:-1].decode(errors="replace"), files)
            else:
                waiting += [p for p in files if p.startswith(f"{_RUNTIME}include/")]
    return found


def _named(path: str, name: str, files: Mapping[str, bytes]) -> list[str]:
    places = (str(PurePosixPath(path).parent), *_FOLDERS)
    candidates = (os.path.normpath(f"{place}/{name}") for place in places)
    return [candidate for candidate in candidates if candidate in files]


def _read(path: Path) -> bytes | None:
    """The object that is kept at ``path``; None if there is none, or if it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, content = data[:_SHA256], data[_SHA256:]
    return content if hashlib.sha256(content).digest() == digest else None


def _keep(path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError):  # a full disk costs only the next build's time
        handle, scratch = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            os.replace(scratch, path)
        except BaseException:
            os.unlink(scratch)
            raise
