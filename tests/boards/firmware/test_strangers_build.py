"""A BUILD of a stranger: nothing outside of it is read or written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.build_cache import CachedResult, build_cached
from elegans.boards.firmware.host import HostModel
from elegans.exporter.errors import ElegansError
from elegans.tests.boards.conftest import copy_of_tiny
from elegans.tests.places import model_file

_CONTENT = b"years of work"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return copy_of_tiny(tmp_path / "BUILD")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a file that no call may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "thesis.tex").write_bytes(_CONTENT)
    return folder


def _lock_is_a_link(build: Path, outside: Path) -> None:
    (build / "host").mkdir()
    (build / "host" / ".gcc-O2.lock").symlink_to(outside / "thesis.tex")


def _lock_is_a_fifo(build: Path, outside: Path) -> None:
    (build / "host").mkdir()
    os.mkfifo(build / "host" / ".gcc-O2.lock")


def _folder_is_a_link(build: Path, outside: Path) -> None:
    (build / "host").symlink_to(outside)


def _source_is_a_link(build: Path, outside: Path) -> None:
    model_file(build).unlink()
    model_file(build).symlink_to(outside / "thesis.tex")


def _sources_are_a_link(build: Path, outside: Path) -> None:
    (build / "runtime" / "src").rename(outside / "src")
    (build / "runtime" / "src").symlink_to(outside / "src")


@pytest.mark.parametrize(
    ("prepare", "fact"),
    [
        (_lock_is_a_link, "its lock is a link"),
        (_lock_is_a_fifo, "is no regular file"),
        (_folder_is_a_link, "is a link, and no link is followed"),
        (_source_is_a_link, "is a link, and no link is followed"),
        (_sources_are_a_link, "is a link, and no link is followed"),
    ],
)
def test_nothing_outside_of_a_build_is_written(
    build: Path, outside: Path, prepare: Callable[[Path, Path], None], fact: str
) -> None:
    prepare(build, outside)
    with pytest.raises(ElegansError, match=fact):
        HostModel.compile(build, "gcc")
    assert (outside / "thesis.tex").read_bytes() == _CONTENT
    assert {path.name for path in outside.iterdir()} <= {"thesis.tex", "src"}


def test_a_cached_folder_that_is_a_link_is_replaced_and_its_target_is_not(
    build: Path, outside: Path
) -> None:
    (build / "host").mkdir()
    (build / "host" / "x").symlink_to(outside)
    build_cached(CachedResult(build, "host/x", "1", "made"), lambda: {"made": b"new"})
    assert not (build / "host" / "x").is_symlink()
    assert (build / "host" / "x" / "made").read_bytes() == b"new"
    assert [path.name for path in outside.iterdir()] == ["thesis.tex"]


def test_a_result_that_is_a_link_is_built_again(build: Path, outside: Path) -> None:
    result = CachedResult(build, "host/x", "1", "made", is_program=True)
    build_cached(result, lambda: {"made": _CONTENT})
    result.path.unlink()
    result.path.symlink_to(outside / "thesis.tex")
    (outside / "thesis.tex").chmod(0o600)
    build_cached(result, lambda: {"made": _CONTENT})
    assert not result.path.is_symlink()
    assert os.access(result.path, os.X_OK)
    assert (outside / "thesis.tex").stat().st_mode & 0o777 == 0o600


def test_a_folder_of_endless_entries_is_refused(build: Path, monkeypatch) -> None:
    monkeypatch.setattr("elegans.exporter.storage.read_files._MOST_ENTRIES", 100)
    for number in range(101):
        (build / "runtime" / "src" / f"el_{number}.c").touch()
    with pytest.raises(ElegansError, match="has more than 100 entries"):
        HostModel.compile(build, "gcc")


def test_source_code_that_is_an_error_bomb_ends_in_one_line(build: Path, m4) -> None:
    model_file(build).write_text("#include __FILE__\n" * 3)
    with pytest.raises(ElegansError, match="says: ") as caught:
        build_firmware(build, m4)
    assert len(str(caught.value)) < 1000
