"""Where zig keeps its cache: with a home, without one, and with one that cannot be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from elegans.boards.firmware import compiler_cache, toolchain
from elegans.boards.firmware.build import build_firmware
from elegans.exporter.errors import ElegansError
from elegans.tests.boards.conftest import copy_of_tiny


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    """A folder for temporary files, and no settings of the user's."""
    for name in (*compiler_cache.VARIABLES, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_cache_lies_below_the_users_cache_folder(place, monkeypatch):
    monkeypatch.setenv("HOME", str(place))
    assert compiler_cache.cache_folder() == (place / ".cache" / "elegans" / "zig", True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "xdg"))
    assert compiler_cache.cache_folder() == (place / "xdg" / "elegans" / "zig", True)


@pytest.mark.parametrize("home", [None, "", "/nonexistent", "relative", "/dev/null"])
def test_without_a_home_that_can_be_written_the_cache_is_temporary_and_private(
    place, monkeypatch, home
):
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    folder, own = compiler_cache.cache_folder()
    assert (folder.parent, own) == (place, False)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not Path("/nonexistent").exists()


def test_a_temporary_folder_that_somebody_else_has_prepared_is_refused(place, monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    (place / "theirs").mkdir()
    (place / f"elegans-zig-{os.getuid()}").symlink_to(place / "theirs")
    with pytest.raises(ElegansError, match=r"is not a folder of yours; set HOME"):
        compiler_cache.cache_folder()


def test_a_folder_that_the_user_names_is_left(place, monkeypatch):
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", "/mine")
    environment = compiler_cache.environment()
    assert [environment[name] for name in compiler_cache.VARIABLES] == ["/mine", "/mine"]


def test_without_a_place_for_temporary_files_there_is_a_remedy(monkeypatch):
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with (
        pytest.raises(ElegansError, match=r"temporary files: .*; set TMPDIR"),
        toolchain.scratch_folder({}),
    ):
        pass


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_anew")
def test_a_firmware_is_built_without_a_home(place, m4, monkeypatch):
    """Compiled into an empty cache, which takes ten seconds: what stands for no home is above."""
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    assert build_firmware(copy_of_tiny(place / "BUILD"), m4, "zig").elf.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_anew")
def test_another_install_of_zig_gives_the_same_bytes(place, m4, monkeypatch):
    """The other one has a name of its own, and a cache of its own."""
    here = Path(toolchain.cross_compiler("zig").command[0])
    first = build_firmware(copy_of_tiny(place / "one"), m4, "zig").elf.read_bytes()
    other = place / "a folder of another length" / "zig"
    other.parent.mkdir()
    _copy(here, other)
    (other.parent / "lib").symlink_to(here.parent / "lib")
    monkeypatch.setattr(toolchain, "_without_python", lambda command: (str(other), *command[3:]))
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(place / "cache"))
    second = build_firmware(copy_of_tiny(place / "two"), m4, "zig").elf.read_bytes()
    assert first == second
    for name in (here, other):
        assert str(name.parent).encode() not in first


def _copy(source: Path, target: Path) -> None:
    """A second name of a large file; a copy of it on another file system."""
    try:
        target.hardlink_to(source)
    except OSError:
        target.write_bytes(source.read_bytes())
        target.chmod(0o755)
