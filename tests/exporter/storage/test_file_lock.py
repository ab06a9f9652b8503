"""A lock is held by one process, on systems with `flock` and on Windows."""

from __future__ import annotations

import sys

import pytest

from elegans.exporter.storage import file_lock


@pytest.mark.parametrize("flock", [True, False])
def test_a_lock_is_held_by_one_and_refused_to_another(tmp_path, flock, monkeypatch):
    held: set[str] = set()
    if not flock:  # as msvcrt does: a byte of a file is locked once
        monkeypatch.setitem(sys.modules, "fcntl", None)
        monkeypatch.setitem(sys.modules, "msvcrt", _Msvcrt(held))
    with (tmp_path / "a").open("a+") as one, (tmp_path / "a").open("a+") as other:
        file_lock.lock(one)
        assert not file_lock.try_lock(other)
        held.clear()
        one.close()
        assert file_lock.try_lock(other)
        other.write("a note")
    assert (tmp_path / "a").read_text() == "a note"


class _Msvcrt:
    """What `file_lock` uses of Windows' module of this name."""

    LK_NBLCK = 2

    def __init__(self, held: set[str]) -> None:
        self.held = held

    def locking(self, descriptor: int, mode: int, size: int) -> None:
        """Lock a byte; refuse it to a second one."""
        if self.held:
            raise PermissionError(13, "Permission denied")
        self.held.add(f"{descriptor} {mode} {size}")
