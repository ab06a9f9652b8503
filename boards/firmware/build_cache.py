"""The build cache: folders of build results, rebuilt when what they were made from changes.

They lie in a BUILD, which may come from a stranger: nothing is read or written through a link in
it (`exporter.storage.read_files`, `exporter.files`).
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from elegans.boards.firmware.toolchain import Compiler
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_folder
from elegans.exporter.storage import file_lock
from elegans.exporter.storage.folders import open_flags, open_in
from elegans.exporter.storage.read_files import (
    ELF_IMAGE,
    MANIFEST,
    folder_in,
    parse_json,
    read_input,
)

SOURCES = "source.zip"
"""What was compiled. In an archive, because a BUILD may lie in the tree of a project that compiles
every C file that it finds, and would find the model twice."""
_MANIFEST = "made.json"  # the digests of what a folder was made from, and of its result
_LOCK = open_flags("O_RDWR", "O_CREAT", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")


@dataclass(frozen=True)
class CachedResult:
    """A file that is built, in a folder of a BUILD.

    folder      its path below the BUILD
    digest      identifies what it is made from
    name        of the file: if it is missing or damaged, the whole folder is made again
    is_program  whether it is executed
    """

    build: Path
    folder: str
    digest: str
    name: str
    is_program: bool = False

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.build / self.folder / self.name


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


def build_cached(result: CachedResult, make: Callable[[], Mapping[str, bytes]]) -> None:
    """Make the folder of a result hold the files that ``make`` returns, unless it holds them.

    Safe against other processes that build the same folder. Raises `ElegansError` if the folder
    cannot be written, or has a link on its way.
    """
    with _locked(result):
        if _is_current(result):
            return
        files = dict(make())
        sha256 = hashlib.sha256(files[result.name]).hexdigest()
        manifest = {"digest": result.digest, "sha256": sha256}
        files[_MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
        programs = [result.name] if result.is_program else []
        target = result.build / result.folder
        write_folder(target, files, inside=result.build, programs=programs, durable=False)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files by path, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _is_current(result: CachedResult) -> bool:
    folder, remedy = result.build / result.folder, "remove it"
    try:
        manifest = parse_json(read_input(folder / _MANIFEST, MANIFEST, remedy, inside=result.build))
        content = read_input(result.path, ELF_IMAGE, remedy, inside=result.build)
    except (ElegansError, ValueError):
        return False
    sha256 = hashlib.sha256(content).hexdigest()
    same = bool(manifest == {"digest": result.digest, "sha256": sha256})
    return same and (not result.is_program or os.access(result.path, os.X_OK))


@contextmanager
def _locked(result: CachedResult) -> Iterator[None]:
    """Hold a lock on the folder against other processes."""
    *above, name = Path(result.folder).parts
    try:
        with folder_in(result.build, above, make=True) as folder:
            lock = open_in(folder, f".{name}.lock", _LOCK, 0o666)
    except OSError as error:
        reason = "its lock is a link" if error.errno == errno.ELOOP else error.strerror or error
        fact, remedy = f"cannot be written ({reason})", "copy the BUILD to a folder of your own"
        raise ElegansError(result.build / result.folder, fact, remedy) from None
    with os.fdopen(lock, "r+b", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            place = result.build.joinpath(*above, f".{name}.lock")
            raise ElegansError(place, "is no regular file", "remove it")
        file_lock.lock(file)
        yield
