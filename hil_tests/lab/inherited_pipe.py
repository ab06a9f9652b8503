"""The writing end of a pipe, handed to a child process: its descriptor, on Windows its handle."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any


def hand_over(writing: int) -> tuple[int, dict[str, Any]]:
    """The number by which a child opens the pipe, and the arguments of Popen that let it."""
    if sys.platform == "win32":
        import msvcrt

        handle = msvcrt.get_osfhandle(writing)
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        return handle, {"startupinfo": startup}
    return writing, {"pass_fds": (writing,)}


def taken_over(number: int) -> int:
    """The descriptor of the pipe in the child."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(number, os.O_WRONLY)
    return number
