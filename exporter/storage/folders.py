"""Folders by their descriptors, so that nobody can put a link in the way between two calls; or by
their paths, on systems that open nothing below a descriptor (Windows).

By paths, links are looked for as well, but between the look and the use somebody else could put
one there; and what is written may not be on the disk before a power failure.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

Folder = int | Path
"""An open folder: its descriptor, or its path."""

_JUNCTION = 0xA0000003  # Windows' other link: the tag of a mount point


def open_flags(*names: str) -> int:
    """Flags of `os.open`, without those that this system does not have."""
    return sum(getattr(os, name, 0) for name in names)


_FOLDER = open_flags("O_RDONLY", "O_DIRECTORY", "O_CLOEXEC")
_NO_LINK = open_flags("O_NOFOLLOW")


def _by_descriptor() -> bool:
    return os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


@contextmanager
def opened(folder: Path) -> Iterator[Folder]:
    """A folder of the user, whose path may have links. Raises OSError for what is none."""
    if not _by_descriptor():
        _require_folder(os.stat(folder), folder)
        yield folder
        return
    descriptor = os.open(folder, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_below(folder: Folder, name: str) -> Iterator[Folder]:
    """A folder in a folder; OSError for a link or what is no folder."""
    if isinstance(folder, Path):
        status = status_in(folder, name)
        if is_link(status):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        _require_folder(status, folder / name)
        yield folder / name
        return
    descriptor = os.open(name, _FOLDER | _NO_LINK, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_in(folder: Folder, name: str, flags: int, mode: int = 0o777) -> int:
    """A descriptor of a file; if its last part is a link, it is not followed."""
    if isinstance(folder, Path):
        with suppress(FileNotFoundError):
            if is_link(os.lstat(folder / name)):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    path, more = _at(folder, name)
    return os.open(path, flags | _NO_LINK, mode, **more)


def make_in(folder: Folder, name: str, mode: int = 0o777) -> None:
    """A new folder in a folder."""
    path, more = _at(folder, name)
    os.mkdir(path, mode, **more)


def status_in(folder: Folder, name: str) -> os.stat_result:
    """What a name stands for, a link itself."""
    path, more = _at(folder, name)
    return os.stat(path, follow_symlinks=False, **more)


def rename_in(folder: Folder, name: str, other: Folder, new: str) -> None:
    """Give what has a name in a folder a new one in another."""
    if isinstance(folder, Path) or isinstance(other, Path):
        os.replace(_path(folder, name), _path(other, new))
    else:
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=other)


def remove_in(folder: Folder, name: str) -> None:
    """Remove a folder with all that is in it, as far as that is possible; no link is followed."""
    path, more = _at(folder, name)
    shutil.rmtree(path, ignore_errors=True, **more)


def sync(folder: Folder, name: str = ".") -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if isinstance(folder, int):
        descriptor = os.open(name, _FOLDER, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_link(status: os.stat_result) -> bool:
    """Whether it is a link, or what Windows calls a junction."""
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION


def is_own(status: os.stat_result) -> bool:
    """Whether it is this user's, where files have users."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def _at(folder: Folder, name: str) -> tuple[Any, dict[str, Any]]:
    return (folder / name, {}) if isinstance(folder, Path) else (name, {"dir_fd": folder})


def _path(folder: Folder, name: str) -> Path:
    if isinstance(folder, Path):
        return folder / name
    raise ValueError("a folder by its path and one by its descriptor")


def _require_folder(status: os.stat_result, folder: Path) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
