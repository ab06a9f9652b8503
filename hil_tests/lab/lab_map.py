"""A lab's map of its boards: a TOML file that says which board hangs where.

    [[board]]
    name = "bench-1"            # what people call it
    board = "nucleo-l432kc"     # a board of elegans, or a descriptor's path from here
    probe = "066CFF5055"        # its debug probe, to flash it
    port = "/dev/serial/by-id/usb-STMicro..."
    tags = ["arm", "fast"]

An entry without port and probe is a virtual board, and says its ``emulator`` if it matters.
One that hangs on another machine is reached through labgrid:

    [[board]]
    name = "rig-7"              # labgrid's name of the place
    board = "nucleo-l432kc"
    farm = "lab.example:20408"  # labgrid's coordinator
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, Any

from elegans.boards.descriptors.descriptor import find_board
from elegans.exporter.errors import ElegansError
from elegans.hil_tests.lab.labgrid import COORDINATOR, TakenError, acquire, release
from elegans.hil_tests.wire.errors import HilError, Phase

WAIT_S = 600.0
"""How long a run waits for a board that somebody else is using."""

_POLL_S = 0.1


@dataclass(frozen=True)
class BoardEntry:
    """One entry of a map."""

    name: str
    board: str
    port: str | None = None
    probe: str | None = None
    emulator: str = "auto"
    tags: tuple[str, ...] = ()
    farm: str | None = None

    @property
    def identity(self) -> str:
        """What no two users may have at once: the device, whatever a map calls it."""
        return self.probe or self.port or f"{self.farm or ''}/{self.name}"


def read_map(path: Path) -> list[BoardEntry]:
    """The places of a map. Raises `ElegansError` naming the entry and the key."""
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(path, f"cannot be read ({reason})", _MAKE) from None
    except ValueError as error:
        raise ElegansError(path, f"is not TOML: {error}", "correct the file") from None
    entries = table.get("board")
    if table.keys() - {"board"} or not isinstance(entries, list) or not entries:
        raise ElegansError(path, "is not a list of [[board]]", _MAKE)
    places = [_place(path, entry, f"[[board]] {i + 1}") for i, entry in enumerate(entries)]
    for key in ("name", "identity"):
        seen: dict[str, str] = {}
        for place in places:
            value = getattr(place, key)
            if value in seen:
                fact = f"{value!r} is there twice, at {seen[value]} and {place.name}"
                raise ElegansError(path, fact, "give each board one entry")
            seen[value] = place.name
    return places


def select(
    places: Iterable[BoardEntry],
    board: str | None = None,
    name: str | None = None,
    tag: str | None = None,
) -> list[BoardEntry]:
    """The places that a wish comes to. Raises `ElegansError` when none does."""
    known = list(places)
    chosen = [
        place
        for place in known
        if (board in (None, place.board) and name in (None, place.name))
        and (tag is None or tag in place.tags)
    ]
    if not chosen:
        wish = ", ".join(w for w in (board, name, tag and f"tag {tag}") if w)
        there = "; ".join(f"{p.name} ({p.board}, {' '.join(p.tags) or 'no tags'})" for p in known)
        raise ElegansError(wish, "is not on the map", f"choose of: {there}")
    return chosen


def write_map(places: Sequence[BoardEntry]) -> str:
    """The text of a map."""
    blocks = []
    for place in places:
        lines = ["[[board]]"]
        for field in fields(BoardEntry):
            value = getattr(place, field.name)
            if value != field.default:
                # A TOML string is a JSON string, and so is a list of them.
                lines.append(f"{field.name} = {json.dumps(_listed(value), ensure_ascii=False)}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


@contextmanager
def claimed(places: Sequence[BoardEntry], within: float = WAIT_S) -> Iterator[BoardEntry]:
    """The first of ``places`` that nobody is using, for us alone until the ``with`` ends.

    Locks are files, so that they hold between processes and end with them; a place of a farm
    is acquired at its coordinator too, and comes with the port and probe that it has there.
    Raises `HilError` (SYNC) naming the holders when none becomes free in time.
    """
    end = time.monotonic() + within
    while True:
        holders = []
        for place in places:
            with ExitStack() as stack:
                got = _tried(place, stack)
                if isinstance(got, BoardEntry):
                    yield got
                    return
                holders.append(got)
        if time.monotonic() > end:
            fact = f"every board is in use: {'; '.join(holders)}"
            raise HilError(Phase.SYNC, "the map", fact, "wait, or add boards to the map")
        time.sleep(_POLL_S)


def _tried(place: BoardEntry, stack: ExitStack) -> BoardEntry | str:
    """The place as it is reached, ours for as long as ``stack`` lasts, or who holds it."""
    lock = stack.enter_context(_lock_file(place).open("a+"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        return f"{place.name} by {lock.read(100).strip() or 'somebody'}"
    try:
        return stack.enter_context(_reached(place, lock))
    except TakenError as taken:
        return taken.fact


@contextmanager
def _reached(place: BoardEntry, lock: IO[str]) -> Iterator[BoardEntry]:
    """A place whose lock is ours, with the port and probe that it has on its farm."""
    lock.seek(0)
    left_by_the_dead = _ACQUIRED in lock.read(100)
    _note(lock, f"process {os.getpid()}")
    if place.farm is None:
        yield place
        return
    rig, took = acquire(place.farm, place.name)
    ours = took or left_by_the_dead
    if ours:
        _note(lock, f"process {os.getpid()}{_ACQUIRED}")
    try:
        yield replace(place, port=rig.port, probe=rig.probe)
    finally:
        if ours:
            release(place.farm, place.name)
        _note(lock, "")


_ACQUIRED = ", which acquired it"


def _note(lock: IO[str], text: str) -> None:
    lock.truncate(0)
    lock.write(text)
    lock.flush()


_MAKE = "write one with: elegans boards scan -o lab.toml"


def _lock_file(place: BoardEntry) -> Path:
    # Shared by all users of this machine, as the boards are.
    folder = Path(tempfile.gettempdir()) / "elegans-boards"
    before = os.umask(0)
    try:
        folder.mkdir(mode=0o1777, exist_ok=True)
        path = folder / hashlib.sha256(place.identity.encode()).hexdigest()[:32]
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(folder, f"cannot hold locks ({reason})", "set TMPDIR") from None
    finally:
        os.umask(before)
    os.close(descriptor)
    return path


def _place(path: Path, entry: object, where: str) -> BoardEntry:
    if not isinstance(entry, dict):
        raise ElegansError(path, f"{where} is not a table", "correct it")
    known = {field.name: field for field in fields(BoardEntry)}
    for key in entry.keys() - known.keys():
        raise ElegansError(path, f"{where} has the key {key}", f"the keys are: {', '.join(known)}")
    values: dict[str, Any] = {}
    for key, value in entry.items():
        if key == "tags":
            right = isinstance(value, list) and all(isinstance(tag, str) for tag in value)
        else:
            right = isinstance(value, str) and value != ""
        if not right:
            wanted = "a list of strings" if key == "tags" else "a string"
            raise ElegansError(path, f"{where}, {key} is not {wanted}", "correct it")
        values[key] = tuple(value) if key == "tags" else value
    for key in ("name", "board"):
        if key not in values:
            raise ElegansError(path, f"{where} has no {key}", "add it")
    if not re.fullmatch(r"[\w.-]{1,40}", values["name"]):
        fact = f"{where}, name = {values['name']!r} is no name"
        raise ElegansError(path, fact, "use up to 40 letters, digits, '.', '_' and '-'")
    if "farm" in values:
        if not COORDINATOR.fullmatch(values["farm"]):
            fact = f"{where}, farm = {values['farm']!r} is no coordinator"
            raise ElegansError(path, fact, "write it as HOST or HOST:PORT")
        if own := values.keys() & {"port", "probe", "emulator"}:
            fact = f"{where} has farm and {min(own)}"
            raise ElegansError(path, fact, "leave one out: the farm knows its ports and probes")
    if values["board"].endswith(".toml"):
        values["board"] = str(path.parent / values["board"])
    try:
        find_board(values["board"])
    except ElegansError as error:
        fact = f"{where}, board {error.place}: {error.fact}"
        raise ElegansError(path, fact, error.remedy) from None
    return BoardEntry(**values)


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
