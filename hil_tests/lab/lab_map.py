"""The map of a lab: a TOML file that lists its boards and how each is reached.

    [[board]]
    name = "bench-1"            # what people call it
    board = "nucleo-l432kc"     # a name, or a descriptor's path relative to this file
    probe = "066CFF5055"        # id of its debug probe, to flash it
    port = "/dev/serial/by-id/usb-STMicro..."
    tags = ["arm", "fast"]

An entry without port and probe is a virtual board; it may have the key ``emulator``. A board that
is connected to another machine is reached through labgrid:

    [[board]]
    name = "rig-7"              # the name of the place in labgrid
    board = "nucleo-l432kc"
    farm = "lab.example:20408"  # the address of labgrid's coordinator
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, Any

from elegans.boards.descriptors.descriptor import find_board
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.storage.file_lock import try_lock
from elegans.exporter.storage.folders import open_flags
from elegans.exporter.storage.read_files import read_toml
from elegans.hil_tests.lab import WAIT_S
from elegans.hil_tests.lab.labgrid import COORDINATOR, TakenError, acquire, release
from elegans.hil_tests.wire.errors import HilError, Phase

_POLL_S = 0.1
_PLAIN = open_flags("O_APPEND", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC")
_REMEDY = "write one with: elegans boards scan -o lab.toml"
_ACQUIRED = ", which acquired it"  # in a lock file: the process must release a labgrid place


@dataclass(frozen=True)
class BoardEntry:
    """One board of a map. ``farm`` is the coordinator of the labgrid place ``name``."""

    name: str
    board: str
    port: str | None = None
    probe: str | None = None
    emulator: str = "auto"
    tags: tuple[str, ...] = ()
    farm: str | None = None

    @property
    def identity(self) -> str:
        """Identifies the device, whatever a map calls it: only one user may have it at a time."""
        return self.probe or self.port or f"{self.farm or ''}/{self.name}"


def read_map(path: Path) -> list[BoardEntry]:
    """The entries of a map. Raises `ElegansError`, which names the entry and the key at fault."""
    document = read_toml(path, _REMEDY)
    tables = document.get("board")
    if document.keys() - {"board"} or not isinstance(tables, list) or not tables:
        raise WrongUseError(path, "is not a list of [[board]]", _REMEDY)
    entries = [_entry(path, item, f"[[board]] {i + 1}") for i, item in enumerate(tables)]
    for key in ("name", "identity"):
        seen: dict[str, str] = {}
        for entry in entries:
            value = getattr(entry, key)
            if value in seen:
                fact = f"{value!r} is there twice, at {seen[value]} and {entry.name}"
                raise WrongUseError(path, fact, "give each board one entry")
            seen[value] = entry.name
    return entries


def select(
    entries: Iterable[BoardEntry],
    boards: Sequence[str] = (),
    names: Sequence[str] = (),
    tag: str | None = None,
) -> list[BoardEntry]:
    """The entries with one of these boards, one of these names and this tag; nothing allows any.

    Raises `WrongUseError` for a name that no entry has, and if no entry matches.
    """
    known = list(entries)
    tagged = [entry for entry in known if tag is None or tag in entry.tags]
    chosen = [
        entry
        for entry in tagged
        if entry.board in (boards or [entry.board]) and entry.name in (names or [entry.name])
    ]
    there = {text for entry in tagged for text in (entry.board, entry.name)}
    wanted = [name for name in (*boards, *names) if name not in there]
    if not chosen:
        wanted = [*boards, *names, *([f"tag {tag}"] if tag else [])]
    if wanted:
        on_map = "; ".join(f"{e.name} ({e.board}, {' '.join(e.tags) or 'no tags'})" for e in known)
        raise WrongUseError(", ".join(wanted), "is not on the map", f"choose from: {on_map}")
    return chosen


def write_map(entries: Sequence[BoardEntry]) -> str:
    """The TOML text of a map, without keys that have their default value."""
    blocks = []
    for entry in entries:
        lines = ["[[board]]"]
        for field in fields(BoardEntry):
            value = getattr(entry, field.name)
            if value != field.default:
                # A JSON string, or a list of them, is also valid TOML.
                lines.append(f"{field.name} = {json.dumps(_toml_value(value), ensure_ascii=False)}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


@contextmanager
def claimed(entries: Sequence[BoardEntry], within: float = WAIT_S) -> Iterator[BoardEntry]:
    """The first of ``entries`` that is free, locked until the end of the ``with`` block.

    The locks are those of `file_lock`: they hold between processes and end with the process.
    A place of a labgrid farm is acquired from its coordinator as well; its entry is returned
    with the port and the probe that it has there. Raises `HilError` (SYNC), which names the
    users, if no board becomes free within ``within`` seconds.
    """
    end = time.monotonic() + within
    while True:
        holders = []
        for entry in entries:
            with ExitStack() as stack:
                locked = _try_lock(entry, stack)
                if isinstance(locked, BoardEntry):
                    yield locked
                    return
                holders.append(locked)
        if time.monotonic() > end:
            fact = f"every board is in use: {'; '.join(holders)}"
            raise HilError(Phase.SYNC, "the map", fact, "wait, or add boards to the map")
        time.sleep(_POLL_S)


def _try_lock(entry: BoardEntry, stack: ExitStack) -> BoardEntry | str:
    """The entry, locked until ``stack`` is closed, or a text that names its user."""
    lock = stack.enter_context(_lock_file(entry))
    if not try_lock(lock):
        lock.seek(0)
        return f"{entry.name} by {lock.read(100).strip() or 'somebody'}"
    try:
        return stack.enter_context(_acquired(entry, lock))
    except TakenError as taken:
        return taken.fact


@contextmanager
def _acquired(entry: BoardEntry, lock: IO[str]) -> Iterator[BoardEntry]:
    """A locked entry; one of a farm is acquired there and has the port and probe of its place."""
    lock.seek(0)
    # A process that was killed has left its note here, and the place acquired.
    left_acquired = _ACQUIRED in lock.read(100)
    _write_note(lock, f"process {os.getpid()}")
    if entry.farm is None:
        yield entry
        return
    resources, newly_acquired = acquire(entry.farm, entry.name)
    must_release = newly_acquired or left_acquired
    if must_release:
        _write_note(lock, f"process {os.getpid()}{_ACQUIRED}")
    try:
        yield replace(entry, port=resources.port, probe=resources.probe)
    finally:
        if must_release:
            release(entry.farm, entry.name)
        _write_note(lock, "")


def _write_note(lock: IO[str], text: str) -> None:
    lock.truncate(0)
    lock.write(text)
    lock.flush()


def _lock_file(entry: BoardEntry) -> IO[str]:
    """The open lock file of a board; what another user has put in its place is refused."""
    # All users of this machine share the folder, as they share the boards.
    folder = Path(tempfile.gettempdir()) / "elegans-boards"
    before = os.umask(0)
    try:
        folder.mkdir(mode=0o1777, exist_ok=True)
        path = folder / hashlib.sha256(entry.identity.encode()).hexdigest()[:32]
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _PLAIN, 0o666)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            os.close(descriptor)
            raise OSError(errno.EINVAL, f"{path.name} is no plain file")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(folder, f"cannot hold locks ({reason})", "set TMPDIR") from None
    finally:
        os.umask(before)
    return os.fdopen(descriptor, "a+")


def _entry(path: Path, item: object, where: str) -> BoardEntry:
    if not isinstance(item, dict):
        raise WrongUseError(path, f"{where} is not a table", "correct it")
    known = {field.name: field for field in fields(BoardEntry)}
    for key in item.keys() - known.keys():
        raise WrongUseError(path, f"{where} has the key {key}", f"the keys are: {', '.join(known)}")
    values: dict[str, Any] = {}
    for key, value in item.items():
        if key == "tags":
            valid = isinstance(value, list) and all(isinstance(tag, str) for tag in value)
        else:
            valid = isinstance(value, str) and value != ""
        if not valid:
            wanted = "a list of strings" if key == "tags" else "a string"
            raise WrongUseError(path, f"{where}, {key} is not {wanted}", "correct it")
        values[key] = tuple(value) if key == "tags" else value
    for key in ("name", "board"):
        if key not in values:
            raise WrongUseError(path, f"{where} has no {key}", "add it")
    if not re.fullmatch(r"[\w.-]{1,40}", values["name"]):
        fact = f"{where}, name = {values['name']!r} is no name"
        raise WrongUseError(path, fact, "use up to 40 letters, digits, '.', '_' and '-'")
    if "farm" in values:
        if not COORDINATOR.fullmatch(values["farm"]):
            fact = f"{where}, farm = {values['farm']!r} is no coordinator"
            raise WrongUseError(path, fact, "write it as HOST or HOST:PORT")
        if own := values.keys() & {"port", "probe", "emulator"}:
            fact = f"{where} has farm and {min(own)}"
            raise WrongUseError(path, fact, "leave one out: the farm knows its ports and probes")
    if values["board"].endswith(".toml"):
        values["board"] = str(path.parent / values["board"])
    try:
        find_board(values["board"])
    except ElegansError as error:
        fact = f"{where}, board {error.place}: {error.fact}"
        raise WrongUseError(path, fact, error.remedy) from None
    return BoardEntry(**values)


def _toml_value(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
