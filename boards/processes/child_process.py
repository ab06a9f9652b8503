"""Child processes that end when their parent does, and the signals that end a process.

A child's standard input is a pipe from its parent, which ends when the parent ends, however it
ends. As a program, this module runs any command as such a child:
``python -m elegans.boards.processes.child_process COMMAND...`` kills the command once standard
input ends, and exits with the command's status. The command inherits the file descriptors that
this process was given.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1  # of prctl(2)
_STOP_S = 1.0


def python_module(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of elegans in this Python."""
    # -P: do not import a file of the working directory instead of the module.
    return [sys.executable, "-P", "-m", module, *arguments]


def tied(command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` as a child that ends when its standard input does."""
    return python_module("elegans.boards.processes.child_process", *command)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child by closing its standard input; kill it if it takes longer than a second."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def on_stdin_end(act: Callable[[], None]) -> None:
    """Call ``act``, in a thread of its own, once standard input has ended."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        act()

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Within the block, let SIGTERM raise `SystemExit`, so that ``with`` and ``finally`` clean up.

    A lab's time limit sends SIGTERM, whose default would leave emulators and temporary files
    behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def defer_signals() -> Iterator[None]:
    """Hold SIGTERM and SIGINT back until the end of the block, in which processes are started.

    An exception in the middle of `subprocess.Popen` would leave a process to which nobody has a
    reference, so that nobody ends it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return
    deferred: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda n, _: deferred.append(n)) for number in numbers}
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])
        for caught in deferred:
            signal.raise_signal(caught)


def main(command: list[str]) -> int:
    """Run ``command`` until it ends or standard input does; return its exit status."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, close_fds=False, preexec_fn=_die_with_parent
    )
    on_stdin_end(process.kill)
    status = process.wait()
    return status if status >= 0 else 128 - status


def _die_with_parent() -> None:
    # In case this process itself is killed. Only Linux offers it.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
