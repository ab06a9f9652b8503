"""Folders of build results, kept until what they were made from changes."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_folder

NOTE = "made.json"


def digest_of(*parts: str | bytes) -> str:
    """SHA-256 over parts, each with its length before it, so that no two lists collide."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.hexdigest()


def kept(folder: Path, digest: str, result: str, make: Callable[[], Mapping[str, bytes]]) -> None:
    """Let ``folder`` hold what ``make`` returns for ``digest``, unless it already does.

    ``result`` is the file that counts: one that was damaged or lost is made again.
    Safe against other processes that want the same folder.
    """
    with _locked(folder):
        if _whole(folder, digest, result):
            return
        files = dict(make())
        note = {"digest": digest, "sha256": hashlib.sha256(files[result]).hexdigest()}
        files[NOTE] = (json.dumps(note, indent=1) + "\n").encode()
        write_folder(folder, files)


def _whole(folder: Path, digest: str, result: str) -> bool:
    try:
        note = json.loads((folder / NOTE).read_bytes())
        sha256 = hashlib.sha256((folder / result).read_bytes()).hexdigest()
    except (OSError, ValueError):
        return False
    return bool(note == {"digest": digest, "sha256": sha256})


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / f".{folder.name}.lock").open("w")
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "copy the BUILD to a folder that can be written"
        raise ElegansError(folder, f"cannot be written ({reason})", remedy) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
