"""The folders in which elegans keeps what it has compiled: the user's cache, or a temporary one.

cron, systemd and `docker run --user` do not give a HOME, or give one that cannot be written.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from elegans.exporter.errors import ElegansError


def cache_folder(name: str, remedy: str) -> tuple[Path, bool]:
    """The cache folder of this name, made, and whether it is the user's own, not a temporary one.

    Raises `ElegansError` with `remedy` if no folder can be written at all.
    """
    wanted = _user_cache(name, os.environ.get("HOME"), os.environ.get("XDG_CACHE_HOME"))
    if wanted is not None and _is_writable(wanted):
        return wanted, True
    return _temporary(name, remedy), False


def _user_cache(name: str, home: str | None, xdg: str | None) -> Path | None:
    """Where this system keeps the caches of a user; None if the user has no home."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "elegans" / name if local else None
    if xdg and Path(xdg).is_absolute():
        return Path(xdg) / "elegans" / name
    if not home or not Path(home).is_absolute() or not Path(home).is_dir():
        return None  # a home that is not there is not made
    below = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path(home) / below / "elegans" / name


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _temporary(name: str, remedy: str) -> Path:
    """A folder for temporary files that belongs to this user alone.

    Others can guess its name, so one that is not this user's own is not taken.
    """
    user = os.getuid() if hasattr(os, "getuid") else ""
    try:
        folder = Path(tempfile.gettempdir()) / f"elegans-{name}-{user}".rstrip("-")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(f"the cache of {name}", f"has no place ({reason})", remedy) from None
    foreign = stat.S_ISLNK(found.st_mode) or (user != "" and found.st_uid != user)
    if foreign or not _is_writable(folder):
        raise ElegansError(folder, "is not a folder of yours", remedy)
    return folder
