"""Folders change places in one step, and what killed processes leave behind is removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elegans.exporter import files
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import (
    restore_folder,
    scratch_beside,
    write_file,
    write_folder,
)

_ENDLESS = """
import sys
from pathlib import Path
from elegans.exporter.files import write_folder
for number in range(10**9):
    text = str(number).encode()
    write_folder(Path(sys.argv[1]), {"a": text, "b/c": text}, durable=False)
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_at_any_time_leaves_a_whole_folder(tmp_path: Path) -> None:
    target = tmp_path / "BUILD"
    for run in range(8):
        command = [sys.executable, "-P", "-c", _ENDLESS, str(target)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.013 * run)
            process.kill()
        assert (target / "a").read_bytes() == (target / "b" / "c").read_bytes()


def test_readers_never_see_a_folder_that_is_missing(tmp_path: Path) -> None:
    target = tmp_path / "BUILD"
    write_folder(target, {"a": b"0"})
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _ENDLESS, str(target)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        missing = sum(not target.exists() for _ in range(20_000))
        process.kill()
    assert missing == 0


def test_without_an_exchange_the_old_folder_is_given_its_name_back(
    tmp_path: Path, monkeypatch
) -> None:
    target = tmp_path / "BUILD"
    write_folder(target, {"a": b"old"})
    monkeypatch.setattr(files, "exchange", lambda *_: False)
    write_folder(target, {"a": b"new"})
    assert (target / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["BUILD"]
    target.rename(tmp_path / ".elegans-old.BUILD")  # as a kill between the two renames leaves it
    restore_folder(target)
    assert (target / "a").read_bytes() == b"new"


def test_a_failed_rename_leaves_the_old_folder(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "BUILD"
    write_folder(target, {"a": b"old"})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "exchange", full)
    with pytest.raises(ElegansError, match="No space left on device"):
        write_folder(target, {"a": b"new"})
    assert (target / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["BUILD"]


def test_a_link_in_place_of_the_target_is_replaced_and_what_it_names_is_kept(
    tmp_path: Path,
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "thesis.tex").write_bytes(b"years of work")
    (tmp_path / "BUILD").symlink_to(tmp_path / "real")
    write_folder(tmp_path / "BUILD", {"a": b"new"})
    assert not (tmp_path / "BUILD").is_symlink()
    assert (tmp_path / "real" / "thesis.tex").exists()


def _left_behind(folder: Path, name: str, hours: float) -> Path:
    path = folder / name
    path.mkdir()
    (path / "file").write_bytes(b"x")
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))
    return path


def test_scratch_folders_of_killed_processes_are_removed_by_name_and_age(tmp_path: Path) -> None:
    scratch = ".elegans-scratch."
    old = _left_behind(tmp_path, f"{scratch}0123456789abcdef", 2)
    fresh = _left_behind(tmp_path, f"{scratch}fedcba9876543210", 0)
    others = _left_behind(tmp_path, f"{scratch}mine", 2)
    outside = _left_behind(tmp_path, "outside", 2)
    (tmp_path / f"{scratch}00000000000000ff").symlink_to(outside)
    write_file(tmp_path / "a.txt", b"a")
    assert not old.exists()
    assert fresh.exists()
    assert others.exists()
    assert (outside / "file").exists()


def test_a_scratch_folder_is_gone_after_its_block(tmp_path: Path) -> None:
    with scratch_beside(tmp_path / "out") as folder:
        assert folder.parent == tmp_path
        (folder / "draft").write_bytes(b"x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a\0b", "n" * 300])
def test_a_name_that_cannot_be_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ElegansError, match="cannot be written"):
        write_file(tmp_path / name, b"")
    with pytest.raises(ElegansError, match="cannot be written"):
        write_folder(tmp_path / name, {"a": b""})
