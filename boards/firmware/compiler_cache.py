"""The folder in which zig keeps what it has compiled: the user's cache folder, or a temporary one.

zig itself asks for HOME, which cron, systemd and `docker run --user` do not give it, or give it
without the right to write there.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from elegans.exporter.storage import user_cache

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
    return user_cache.cache_folder("zig", REMEDY)
