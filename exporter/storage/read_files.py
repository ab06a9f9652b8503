"""Input files: the one way in which a file of the user, or of a stranger, is read.

Only a regular file is read, whole, and only up to the bound of its kind: a FIFO, a device or a
file without an end is refused before a byte of it is read. Below a BUILD, which may come from a
stranger, no link is followed.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.storage.folders import (
    Folder,
    is_link,
    make_in,
    open_flags,
    open_in,
    opened,
    opened_below,
    status_in,
)


@dataclass(frozen=True)
class FileKind:
    """A kind of input file: the longest that is read, in bytes (docs/reliability.md)."""

    name: str
    most: int


ONNX_FILE = FileKind("an ONNX file", 1 << 28)
MODEL_JSON = FileKind("a model.json", 1 << 27)
ARRAYS_FILE = FileKind("an .npz file", 1 << 28)
TABLE_FILE = FileKind("a .csv file", 1 << 28)
TOML_FILE = FileKind("a TOML file", 1 << 18)
SOURCE_FILE = FileKind("a C file", 1 << 26)
ELF_IMAGE = FileKind("an ELF image", 1 << 26)
MANIFEST = FileKind("a manifest", 1 << 12)

_MOST_ENTRIES = 4096  # files and folders below a folder of a BUILD; export writes about a hundred
_LONGEST_LINE = 1024  # characters of a line of TOML
# Of a JSON document: Python takes up to 72 bytes for an empty list, 240 for a small object, and 40
# for a number. 2^22 weights, which fill the largest microcontrollers, are 2^23 numbers.
_MOST_CONTAINERS, _MOST_VALUES = 1 << 20, 1 << 24


_REGULAR = open_flags("O_RDONLY", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")


def read_input(
    path: Path,
    kind: FileKind,
    remedy: str,
    inside: Path | None = None,
    absent: str | None = None,
) -> bytes:
    """The content of a file.

    remedy  for a file that cannot be read
    inside  the BUILD that it belongs to: below it no link is followed
    absent  the remedy for a file that is not there, if it is another one

    Raises `WrongUseError` for a file that is not there, may not be read or is no regular file, and
    `ElegansError` for one of more than `kind.most` bytes, or for a link in a BUILD.
    """
    try:
        with _opened(path, inside) as descriptor:
            size = os.fstat(descriptor).st_size
            if size > kind.most:
                raise _too_long(path, kind, size)
            content = _read(descriptor, kind.most)
    except (FileNotFoundError, NotADirectoryError) as error:
        fact = f"cannot be read ({error.strerror})" if absent is None else "is not there"
        raise WrongUseError(path, fact, absent or remedy) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise WrongUseError(path, f"cannot be read ({reason})", remedy) from None
    if len(content) > kind.most:  # it grew while it was read
        raise _too_long(path, kind, len(content))
    return content


def files_below(build: Path, folder: str) -> list[str]:
    """The paths, relative to `build`, of all files in a folder of it and in the folders below.

    Raises `ElegansError` for a link, or for more entries than an export writes; OSError for a
    folder that is not there.
    """
    found: list[str] = []
    pending, count = [folder], 0
    while pending:
        here = pending.pop()
        with folder_in(build, Path(here).parts) as below, os.scandir(below) as entries:
            for entry in entries:
                count += 1
                path = f"{here}/{entry.name}"
                if count > _MOST_ENTRIES:
                    fact = f"has more than {_MOST_ENTRIES} entries"
                    raise ElegansError(build / folder, fact, "export the model again")
                if entry.is_symlink():
                    raise _link(build / path)
                (pending if entry.is_dir(follow_symlinks=False) else found).append(path)
    return sorted(found)


@contextmanager
def folder_in(build: Path, parts: Sequence[str], make: bool = False) -> Iterator[Folder]:
    """A folder below `build`, reached without following a link.

    make  create the folders that are not there

    Raises `ElegansError` for a link, OSError for what is not there or no folder.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(opened(build))
        for number, part in enumerate(parts):
            if part in ("", ".", ".."):
                raise ValueError(f"{part!r} is no name")
            if make:
                with suppress(FileExistsError):
                    make_in(folder, part)
            try:
                folder = stack.enter_context(opened_below(folder, part))
            except OSError as error:
                if _is_link(part, folder, error):
                    raise _link(build.joinpath(*parts[: number + 1])) from None
                raise
        yield folder


def parse_json(content: bytes | str) -> Any:
    """The value of a JSON document. Raises ValueError for what is none, is nested too deeply, or
    would take far more memory than its length."""
    data = content if isinstance(content, bytes) else content.encode()
    containers = data.count(b"[") + data.count(b"{")
    if containers > _MOST_CONTAINERS or data.count(b",") > _MOST_VALUES:
        raise ValueError(f"more than {_MOST_CONTAINERS} lists or {_MOST_VALUES} values")
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_toml(path: Path, remedy: str) -> dict[str, Any]:
    """The tables of a TOML file. `remedy` is for one that cannot be read. Raises `ElegansError`."""
    content = read_input(path, TOML_FILE, remedy)
    try:
        # A key of n parts takes n * n steps, and stands on one line.
        if max(map(len, content.splitlines()), default=0) > _LONGEST_LINE:
            raise ValueError(f"a line has more than {_LONGEST_LINE} characters")
        return tomllib.loads(content.decode())
    except RecursionError:
        raise ElegansError(path, "is not TOML: nested too deeply", "correct the file") from None
    except ValueError as error:
        raise ElegansError(path, f"is not TOML: {error!s:.120}", "correct the file") from None


@contextmanager
def _opened(path: Path, inside: Path | None) -> Iterator[int]:
    """A descriptor of a regular file."""
    if inside is None:
        # Opening a device can have effects of its own, so it is not even tried.
        _require_regular(path, os.stat(path))
        descriptor = os.open(path, _REGULAR)
    else:
        parts = path.relative_to(inside).parts
        with folder_in(inside, parts[:-1]) as folder:
            status = status_in(folder, parts[-1])
            if is_link(status):
                raise _link(path)
            _require_regular(path, status)
            descriptor = open_in(folder, parts[-1], _REGULAR)
    try:
        _require_regular(path, os.fstat(descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int, most: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(most + 1)


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise WrongUseError(path, "is a folder", "give a file")
    if not stat.S_ISREG(status.st_mode):
        fact = "is not a regular file, but a device, a socket or a pipe"
        raise WrongUseError(path, fact, "save what it gives in a file, and give that")


def _is_link(name: str, folder: Folder, error: OSError) -> bool:
    if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
        return False
    with suppress(OSError):
        return is_link(status_in(folder, name))
    return False


def _link(path: Path) -> ElegansError:
    return ElegansError(
        path, "is a link, and no link is followed in a BUILD", "remove it, or export again"
    )


def _too_long(path: Path, kind: FileKind, size: int) -> ElegansError:
    most = f"{kind.most >> 20} MB" if kind.most >> 20 else f"{kind.most >> 10} KB"
    has = f"{size >> 20} MB" if size >> 20 else f"{size} bytes"
    return ElegansError(path, f"has {has}", f"{kind.name} has at most {most}: give a smaller one")
