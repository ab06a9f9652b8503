"""The folder in which zig keeps what it has compiled: the user's cache folder, or a temporary one.

zig itself asks for HOME, which cron, systemd and `docker run --user` do not give it, or give it
without the right to write there.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from elegans.exporter.errors import ElegansError

VARIABLES = ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
REMEDY = "set HOME, XDG_CACHE_HOME or ZIG_GLOBAL_CACHE_DIR to a folder that can be written"


def environment() -> dict[str, str]:
    """The environment for a compiler: this process's, and where zig keeps its cache.

    A folder that the user has set is left, unless it is one for temporary files that cannot be
    used; Python then takes another one, and so must the compiler. Raises `ElegansError` as
    `cache_folder` does.
    """
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    given = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), None)
    folder = given or str(cache_folder()[0])
    return os.environ | dict.fromkeys(missing, folder) | {"TMPDIR": tempfile.gettempdir()}


def cache_folder() -> tuple[Path, bool]:
    """The folder of zig's cache, made, and whether it is the user's own, not a temporary one.

    Raises `ElegansError` if no folder can be written at all.
    """
    wanted = _user_cache(os.environ.get("HOME"), os.environ.get("XDG_CACHE_HOME"))
    if wanted is not None and _is_writable(wanted):
        return wanted, True
    return _temporary(), False


def _user_cache(home: str | None, xdg: str | None) -> Path | None:
    """Where this system keeps the caches of a user; None if the user has no home."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "elegans" / "zig" if local else None
    if xdg and Path(xdg).is_absolute():
        return Path(xdg) / "elegans" / "zig"
    if not home or not Path(home).is_absolute() or not Path(home).is_dir():
        return None  # a home that is not there is not made
    below = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path(home) / below / "elegans" / "zig"


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _temporary() -> Path:
    """A folder for temporary files that belongs to this user alone.

    Others can guess its name, so one that is not this user's own is not taken.
    """
    user = os.getuid() if hasattr(os, "getuid") else ""
    try:
        folder = Path(tempfile.gettempdir()) / f"elegans-zig-{user}".rstrip("-")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError("the cache of zig", f"has no place ({reason})", REMEDY) from None
    foreign = stat.S_ISLNK(found.st_mode) or (user != "" and found.st_uid != user)
    if foreign or not _is_writable(folder):
        raise ElegansError(folder, "is not a folder of yours", REMEDY)
    return folder
