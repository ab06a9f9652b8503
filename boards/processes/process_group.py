"""Programs that end with all processes that they have started, and whose output is bounded.

A compiler starts others: gcc's driver starts cc1, which goes on if only the driver is killed. So
each program gets a session of its own, which is killed whole: at its time limit, and when elegans
is interrupted. The limits of memory, CPU time and file size hold for each process in it, also
after a SIGKILL to elegans itself.
"""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from elegans.boards.processes.child_process import defer_signals

_MEMORY = 4 << 30  # bytes of address space; zig takes less than 1 GiB for the largest BUILD
_LONGEST_FILE = 1 << 30  # bytes of each file that a program writes, its output among them
_LONGEST_TEXT = 1 << 20  # bytes of what a program prints that are read
# The soft limits, as far as the hard ones allow; `exec` makes the shell the program itself.
_LIMITED = (
    'for limit in "-v $1" "-f $2" "-t $3"; do ulimit -S $limit 2>/dev/null; done; '
    'shift 3; exec "$@"'
)

_running: set[int] = set()
_lock = threading.Lock()
_ended = threading.Event()


@dataclass(frozen=True)
class Finished:
    """How a program has ended: its status, what it printed, and whether its time was over."""

    status: int
    output: bytes
    errors: str
    late: bool


def run_group(
    command: Sequence[str],
    seconds: float,
    folder: Path | None = None,
    given: bytes = b"",
    most: int = _LONGEST_TEXT,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program with all that it starts, and kill what is left of it.

    seconds      its time limit
    folder       where it runs
    given        its standard input
    most         the most bytes of its standard output that are returned
    environment  its variables; None for those of elegans
    """
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
        source.write(given)
        source.seek(0)
        with tempfile.TemporaryFile() as errors:
            # Files in place of pipes: nothing waits for a grandchild that keeps a pipe open.
            files = (source, output, errors)
            limited = _limited(command, seconds, max(most, _LONGEST_FILE))
            late, status = _run(limited, folder, environment, seconds, files)
            output.seek(0)
            errors.seek(0)
            text = errors.read(_LONGEST_TEXT).decode(errors="replace")
            return Finished(status, output.read(most), text, late)


def in_parallel(work: Callable[[str], None], items: Sequence[str]) -> None:
    """Call `work`, which may use `run_group`, for each item in a pool of threads.

    Raises what the first of them raises. An interrupt kills every program that runs.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        list(pool.map(work, items))
    except (KeyboardInterrupt, SystemExit):
        _ended.set()
        with _lock:
            for group in _running:
                _kill(group)
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        _ended.clear()


def _limited(command: Sequence[str], seconds: float, longest: int) -> list[str]:
    """The command under its limits; Windows has none of this kind."""
    if os.name != "posix":
        return [*command]
    limits = (_MEMORY >> 10, -(-max(longest, 1 << 20) // 512), math.ceil(2 * seconds))
    return ["/bin/sh", "-c", _LIMITED, "sh", *map(str, limits), *command]


def _run(
    command: list[str],
    folder: Path | None,
    environment: Mapping[str, str] | None,
    seconds: float,
    files: tuple[IO[bytes], IO[bytes], IO[bytes]],
) -> tuple[bool, int]:
    """Whether the time was over, and the status."""
    source, output, errors = files
    process = None
    try:
        with _lock, defer_signals():
            if _ended.is_set():
                return False, -signal.SIGTERM
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=source,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            _running.add(process.pid)
        late = not _ends_within(process, seconds)
    finally:
        if process is not None:
            _kill(process.pid)  # before it is waited for: its number can have no other owner yet
            process.wait()
            with _lock:
                _running.discard(process.pid)
    return late, process.returncode


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether a process ends in time. It is not waited for, so its number is still its own."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, or a very old one
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return True
        return False
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(group, signal.SIGKILL)
        else:
            os.kill(group, signal.SIGTERM)  # which ends it at once there
