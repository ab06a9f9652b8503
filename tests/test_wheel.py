"""What would be published: a wheel that works with no checkout beside it."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
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
def wheel(tmp_path_factory) -> Path:
    """The wheel of a copy of the checkout, in which nothing is left from earlier builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in _tracked():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / "source" / name)
    code = "from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", f"import sys; {code}", str(folder)]
    subprocess.run(command, cwd=folder / "source", capture_output=True, check=True)
    shutil.rmtree(folder / "source")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel) -> Path:
    """The folder into which the wheel was unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent / "installed")
    return wheel.parent / "installed"


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
    apart = ("tests/", "docs/", "examples/", "benchmarks/", ".")
    kinds = (".py", ".c", ".h", ".inc", ".j2", ".toml")
    wanted = {n for n in _tracked() if "/" in n and not n.startswith(apart) and n.endswith(kinds)}
    found = {p.relative_to(installed / "elegans").as_posix() for p in installed.rglob("*.*")
             if p.is_relative_to(installed / "elegans")}  # fmt: skip
    assert wanted <= found


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
        ("boards",),
        ("doctor",),
        ("train", "lane", "--help"),
        ("demo", "--help"),
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
