"""The build cache: folders of build results, rebuilt when what they were made from changes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from elegans.boards.firmware import file_lock
from elegans.boards.firmware.toolchain import Compiler
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_folder

SOURCES = "source.zip"
"""What was compiled. In an archive, because a BUILD may lie in the tree of a project that compiles
every C file that it finds, and would find the model twice."""
_MANIFEST = "made.json"  # the digests of what a folder was made from, and of its result


def compilation_digest(compiler: Compiler, flags: Sequence[str], files: Mapping[str, bytes]) -> str:
    """SHA-256, in hex, of everything that a compilation depends on.

    Each part is preceded by its length, so that different lists of parts cannot collide.
    """
    parts: list[str | bytes] = [compiler.name, compiler.version, *flags, "--"]
    for path, content in sorted(files.items()):
        parts += [path, content]
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.hexdigest()


def build_cached(
    folder: Path, digest: str, result: str, make: Callable[[], Mapping[str, bytes]]
) -> None:
    """Make ``folder`` hold the files that ``make`` returns, unless it holds them already.

    ``digest`` identifies what they are made from. ``result`` is the name of the file that is
    checked: if it is missing or damaged, all files are made again. Safe against other processes
    that build the same folder. Raises `ElegansError` if the folder cannot be written.
    """
    with _locked(folder):
        if _is_current(folder, digest, result):
            return
        files = dict(make())
        manifest = {"digest": digest, "sha256": hashlib.sha256(files[result]).hexdigest()}
        files[_MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
        write_folder(folder, files)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files by path, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _is_current(folder: Path, digest: str, result: str) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        sha256 = hashlib.sha256((folder / result).read_bytes()).hexdigest()
    except (OSError, ValueError):
        return False
    return bool(manifest == {"digest": digest, "sha256": sha256})


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock on ``folder`` against other processes."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / f".{folder.name}.lock").open("w")
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "copy the BUILD to a folder that can be written"
        raise ElegansError(folder, f"cannot be written ({reason})", remedy) from None
    with lock:
        file_lock.lock(lock)
        yield
