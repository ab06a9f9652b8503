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

# pyserial and subprocess have parts of their own for each system, so they come first.
_HIDE = f"""
import importlib, subprocess, sys, types, serial
for name in {_HIDDEN}:
    sys.modules[name] = None
locked = []
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *a: locked.append(a))
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
    code = """
from click.testing import CliRunner
from elegans.cli import main
for call in (["export", sys.argv[1], "-o", sys.argv[2]], ["build", sys.argv[2]]):
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 0, result.output
assert len(locked) == 1, locked
result = CliRunner().invoke(main, ["flash", sys.argv[2]])
assert "no pseudo-terminals" in result.output, result.output
"""
    done = _run(code, WORM, tmp_path / "BUILD")
    assert done.returncode == 0, done.stderr
