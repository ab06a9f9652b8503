"""Without the modules that Windows does not have: all but virtual boards imports and works."""

from __future__ import annotations

import subprocess
import sys

import pytest

from elegans.tests.places import CHECKOUT, WORM

_HIDDEN = ("fcntl", "pty", "termios", "tty", "resource", "pwd", "grp", "readline")
_VIRTUAL_BOARDS = {
    "boards.emulation.pseudo_terminal",
    "boards.emulation.gdb_probe",  # pyOCD chooses by os.name, too
    "hil_tests.wire.faulty_cable",
}
_PACKAGES = ("boards", "commands", "demo", "exporter", "hil_tests", "trainer")

# pyserial, subprocess and shutil have parts of their own for each system, so they come first.
_HIDE = f"""
import importlib, os, shutil, stat, subprocess, sys, tempfile, types, serial
for name in {_HIDDEN}:
    sys.modules[name] = None
locked = []
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *a: locked.append(a))
"""

# Windows opens nothing below a descriptor, has no users' numbers, and no O_NOFOLLOW.
_NO_DESCRIPTORS = """
def by_path(function):
    def called(*given, dir_fd=None, src_dir_fd=None, dst_dir_fd=None, **more):
        if (dir_fd, src_dir_fd, dst_dir_fd) != (None, None, None) or type(given[0]) is int:
            raise NotImplementedError("dir_fd unavailable on this platform")
        return function(*given, **more)
    return called

shutil._use_fd_functions = False
for name in ("open", "mkdir", "stat", "rename", "scandir", "rmdir", "unlink"):
    setattr(os, name, by_path(getattr(os, name)))
os.supports_dir_fd = set()
for name in ("geteuid", "getuid", "O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC"):
    delattr(os, name)
"""


def _run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _HIDE + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def _modules() -> list[str]:
    paths = [p for name in _PACKAGES for p in (CHECKOUT / name).rglob("*.py")]
    names = {".".join(p.relative_to(CHECKOUT).with_suffix("").parts) for p in paths}
    names -= _VIRTUAL_BOARDS
    return ["cli", *sorted(name for name in names if not name.startswith("hil_tests.test_"))]


def test_every_module_but_those_of_virtual_boards_imports():
    code = """
for name in sys.argv[1:]:
    importlib.import_module(f"elegans.{name}")
"""
    done = _run(code, *_modules())
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_export_and_build_work_and_lock_as_windows_does(tmp_path):
    code = f"""
{_NO_DESCRIPTORS}
from click.testing import CliRunner
from elegans.cli import main
calls = [["export", sys.argv[1], "-o", sys.argv[2]], ["build", sys.argv[2]]]
for call in [*calls, *calls]:  # the second time over the first
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 0, result.output
assert len(locked) == 2, locked
result = CliRunner().invoke(main, ["flash", sys.argv[2]])
assert "no pseudo-terminals" in result.output, result.output
from elegans.boards.permissions import serial_ports
assert serial_ports(*2 * [__import__("pathlib").Path(sys.argv[2])]).detail == "none is plugged in"
"""
    done = _run(code, WORM, tmp_path / "BUILD")
    assert done.returncode == 0, done.stderr
    assert not [p for p in tmp_path.iterdir() if p.name != "BUILD"]


def test_by_paths_no_link_in_a_build_is_followed_either(tmp_path):
    """Neither to read nor to write, and a folder is replaced whole."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (tmp_path / "B").mkdir()
    (tmp_path / "B" / "firmware").symlink_to(outside)
    (tmp_path / "B" / "model.json").symlink_to(outside / "kept")
    code = f"""
{_NO_DESCRIPTORS}
from pathlib import Path
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import scratch_beside, write_file, write_folder
from elegans.exporter.storage.read_files import MODEL_JSON, files_below, read_input
build = Path(sys.argv[1], "B")
tried = 0
for call in (
    lambda: write_folder(build / "firmware" / "x", {{"a": b"1"}}, inside=build),
    lambda: read_input(build / "model.json", MODEL_JSON, "", inside=build),
    lambda: files_below(build, "firmware"),
):
    try:
        call()
    except ElegansError as error:
        assert "is a link" in str(error), error
        tried += 1
assert tried == 3
for content in (b"1", b"2"):
    write_folder(build / "include", {{"a/b": content, "c": b"\\r\\n"}}, inside=build)
    write_file(build / "d", content)
assert (build / "include" / "a" / "b").read_bytes() == (build / "d").read_bytes() == b"2"
assert files_below(build, "include") == ["include/a/b", "include/c"]
with scratch_beside(build / "new") as scratch:
    assert scratch.is_dir()
try:
    write_file(build / "d" / "e", b"")
except ElegansError as error:
    assert f"lies in {{build / 'd'}}, which is a file" in str(error)
else:
    raise AssertionError
"""
    done = _run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [p.name for p in outside.iterdir()] == ["kept"]
    assert {p.name for p in (tmp_path / "B").iterdir()} == {
        "firmware",
        "model.json",
        "include",
        "d",
    }
