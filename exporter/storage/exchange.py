"""Two names change places in one step, which no other process can see half done."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from elegans.exporter.storage.folders import Folder

_RENAME_EXCHANGE = 2  # of renameat2(2)
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def exchange(folder: Folder, name: str, other_folder: Folder, other_name: str) -> bool:
    """Exchange what has a name in one folder with what has another name in another folder.

    False if the system or its file system cannot do it: only Linux can, and between folders that
    are given by their descriptors. Raises OSError for any other reason.
    """
    if isinstance(folder, Path) or isinstance(other_folder, Path):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    arguments = (folder, os.fsencode(name), other_folder, os.fsencode(other_name))
    if rename(*arguments, ctypes.c_uint(_RENAME_EXCHANGE)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), other_name)
