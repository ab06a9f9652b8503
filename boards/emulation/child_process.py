"""A process that must not outlive its owner: it ends when its standard input does.

As a program, it runs another program on that leash:
``python -m elegans.boards.emulation.child_process COMMAND...`` exits with the command's own
status. The command inherits the file descriptors that this process was given.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1


def when_released(act: Callable[[], None]) -> None:
    """Call ``act``, in a thread, once standard input has ended."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        act()

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def ended_tidily() -> Iterator[None]:
    """Let SIGTERM, as a lab's time limit sends it, power boards off and remove drafts too."""
    if threading.current_thread() is not threading.main_thread():  # signals are not ours
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def signals_held() -> Iterator[None]:
    """Act on SIGTERM and Ctrl-C at the end of the block, in which processes begin.

    An exception out of the middle of `subprocess.Popen` would leave a process that nobody
    knows, and so nobody ends.
    """
    if threading.current_thread() is not threading.main_thread():  # signals are not ours
        yield
        return
    held: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda n, _: held.append(n)) for number in numbers}
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])
        for caught in held:
            signal.raise_signal(caught)


def main(command: list[str]) -> int:
    """Run ``command`` until it ends or standard input does."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, close_fds=False, preexec_fn=_die_with_parent
    )
    when_released(process.kill)
    status = process.wait()
    return status if status >= 0 else 128 - status


def _die_with_parent() -> None:
    # For the case that the leash itself is killed. Only Linux has it.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
