"""Locks on files, between processes: a lock ends with the process that holds it, however it ends.

`flock` on Linux and macOS, `msvcrt.locking` on Windows, which has no `flock`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import time
from typing import IO, Any

_POLL_S = 0.05
# msvcrt locks bytes, and locked ones cannot be read by others. This one lies behind all content.
_BYTE = 1 << 30


def lock(file: IO[Any]) -> None:
    """Lock an open file, and wait for as long as another process holds it."""
    if _flock_is_here():
        fcntl = importlib.import_module("fcntl")
        fcntl.flock(file, fcntl.LOCK_EX)
        return
    while not try_lock(file):
        time.sleep(_POLL_S)


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file; False, at once, if another process holds it."""
    try:
        if _flock_is_here():
            fcntl = importlib.import_module("fcntl")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            _lock_a_byte(file)
    except OSError:
        return False
    return True


def _flock_is_here() -> bool:
    return importlib.util.find_spec("fcntl") is not None


def _lock_a_byte(file: IO[Any]) -> None:
    """Lock as Windows does. Raises `OSError` if another process holds the lock."""
    msvcrt = importlib.import_module("msvcrt")
    descriptor = file.fileno()
    here = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, _BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    finally:
        os.lseek(descriptor, here, os.SEEK_SET)
