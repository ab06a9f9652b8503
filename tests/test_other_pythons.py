"""Other versions of Python make the same C, vectors and firmware, from the wheel alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from elegans.tests.places import CHECKOUT, WORM

pytestmark = pytest.mark.slow

_CALL = "import sys; from elegans.cli import main; sys.argv[0] = 'elegans'; main()"


def _python(version: str) -> str | None:
    """The path of a Python of this version, on the path or where pyenv keeps it."""
    found = [Path(p) for p in [shutil.which(f"python{version}")] if p]
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found += sorted(root.glob(f"{version}.*/bin/python{version}"))
    for path in found:  # one of pyenv's shims may stand for a version that is not chosen
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(path)
    return None


def _copied(target: Path) -> Path:
    """A copy of what would be published, in which nothing is left from earlier builds."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    for name in done.stdout.split("\n"):
        if name and (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, target / name)
    return target


def _made(command: list[str | Path], folder: Path) -> dict[str, str]:
    """The digests of what export and build have written, by its path."""
    for call in (["export", WORM, "-o", folder], ["build", folder, "--compiler", "zig"]):
        done = subprocess.run([*command, *call], cwd=folder.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        # Its errors come from float, whose last digits libm may round.
        if path.name != "report.txt"
    }


_OLDER = pytest.param("3.12", marks=pytest.mark.soak)  # what is between two that agree


@pytest.mark.parametrize("version", [_OLDER, "3.13", "3.14"])
def test_another_python_gives_the_same_bytes(version, tmp_path):
    python = _python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    inside = tmp_path / "venv" / "bin" / "python"
    build = "from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", f"import sys; {build}", tmp_path],
        cwd=_copied(tmp_path / "source"),
        capture_output=True,
        check=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    pip = [inside, "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "-c", CHECKOUT / "constraints.txt", f"{wheel}[sim]"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    theirs = _made([inside, "-P", "-c", _CALL], tmp_path / "theirs")
    ours = _made([sys.executable, "-P", "-c", _CALL], tmp_path / "ours")
    assert theirs == ours
