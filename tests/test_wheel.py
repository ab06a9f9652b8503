"""What would be published: a wheel that works with no checkout beside it."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from elegans.tests.places import CHECKOUT, WORM

pytestmark = pytest.mark.slow

_MAIN = "import sys; from elegans.cli import main; sys.argv[0] = 'elegans'; main()"


def _tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\n") if name and (CHECKOUT / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the sdist of a copy of the checkout without earlier builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in _tracked():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / "source" / name)
    (folder / "dist").mkdir()
    for kind in ("wheel", "sdist"):
        _build(kind, folder / "source", folder / "dist")
    shutil.rmtree(folder / "source")
    return folder / "dist"


def _build(kind: str, source: Path, folder: Path) -> None:
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    command = [sys.executable, "-c", code, str(folder)]
    subprocess.run(command, cwd=source, capture_output=True, check=True)


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    """The wheel."""
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel) -> Path:
    """The folder into which the wheel was unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parents[1] / "installed")
    return wheel.parents[1] / "installed"


@pytest.fixture(scope="module")
def call(installed, tmp_path_factory):
    """A function that runs `elegans` from the wheel alone, in a folder of its own."""
    folder = tmp_path_factory.mktemp("user")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-c", _MAIN, *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(installed)}
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_the_wheel_has_every_file_that_the_packages_use(installed):
    apart = ("tests/", "docs/", "examples/", "benchmarks/", "viewer/web/", ".")
    kinds = (".py", ".c", ".h", ".inc", ".j2", ".toml", ".json", ".js", ".css")
    wanted = {n for n in _tracked() if "/" in n and not n.startswith(apart) and n.endswith(kinds)}
    found = {p.relative_to(installed / "elegans").as_posix() for p in installed.rglob("*.*")
             if p.is_relative_to(installed / "elegans")}  # fmt: skip
    assert wanted <= found


def test_an_index_would_take_both_and_the_sdist_builds_the_same_wheel(built, wheel, tmp_path):
    files = sorted(map(str, built.iterdir()))
    assert len(files) == 2
    command = [sys.executable, "-m", "twine", "check", "--strict", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    _build("wheel", source, tmp_path)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as again, zipfile.ZipFile(wheel) as first:
        assert sorted(again.namelist()) == sorted(first.namelist())


def test_the_metadata_have_what_an_index_shows(installed):
    (path,) = installed.glob("*.dist-info/METADATA")
    data = email.message_from_string(path.read_text())
    assert data["License-Expression"] == "Apache-2.0 AND 0BSD"
    assert data.get_all("License-File") == ["LICENSE", "LICENSE-0BSD"]
    assert data["Description-Content-Type"] == "text/markdown"
    assert data["Requires-Python"] == ">=3.11"
    assert "Liquid neural networks" in data.get_payload()
    assert not any(c.startswith("License ::") for c in data.get_all("Classifier"))


def test_the_verbs_work_with_the_wheel_alone(call, tmp_path):
    build = tmp_path / "BUILD"
    (tmp_path / "in.csv").write_text("touch,heat,salt,dt\n0,1,0,0.1\n0.5,2,0,0.1\n")
    run = ("run", build, "--input", tmp_path / "in.csv", "--output")
    calls = [
        ("--version",),
        ("export", WORM, "-o", build),
        ("build", build),
        ("flash", build),
        (*run, tmp_path / "out.npz"),
        (*run, tmp_path / "h.npz", "--on", "host"),
        ("compare", build, "--input", tmp_path / "in.csv"),
        ("hil", build),
        ("bench", build, "--board", "mps2-an386"),
        ("package", build, "--for", "cmake", "-o", tmp_path / "packages"),
        ("verify", tmp_path / "packages"),
        ("boards",),
        ("doctor",),
        ("train", "lane", "--help"),
        ("demo", "--help"),
        ("drive", "--help"),
        ("monitor", build, "--input", tmp_path / "in.csv"),
    ]
    for arguments in calls:
        done = call(*arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    assert (tmp_path / "out.npz").read_bytes() == (tmp_path / "h.npz").read_bytes()


def test_the_wheel_is_what_is_imported(installed):
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import elegans.cli; print(elegans.cli.__file__)"],
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(installed / "elegans" / "cli.py")
