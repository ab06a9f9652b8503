"""Packages of two models for every ecosystem, made once a run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from elegans.exporter.export import Request, export
from elegans.packages.ecosystems import ECOSYSTEMS
from elegans.packages.package import package
from elegans.tests.places import WORM
from elegans.tests.shared import locked

pytest.importorskip("ziglang", reason="modules and libraries are compiled by zig")

# One for speed with elapsed time, one for size with a fixed period and its weights in a block:
# between them they have every branch of the templates, but that of states of 32 bits, and of a
# model without layers in assembler.
MODELS = {"fast": {}, "slow": {"dt": 0.05, "layout": "size", "weights_block": True}}


@pytest.fixture(scope="session")
def builds(shared: Path) -> dict[str, Path]:
    """Their BUILDs. Nobody writes to them."""
    folder = shared / "packaged-builds"
    with locked(folder):
        if not folder.exists():
            for name, more in MODELS.items():
                export(Request(WORM, name=name, **more), folder / name)
    return {name: folder / name for name in MODELS}


@pytest.fixture(scope="session")
def packages(builds: dict[str, Path], shared: Path) -> dict[str, Path]:
    """The folder of each model's packages. Nobody writes to them."""
    folder = shared / "packages"
    with locked(folder):
        if not folder.exists():
            for name, build in builds.items():
                package(build, folder / name, list(ECOSYSTEMS))
    return {name: folder / name for name in MODELS}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """A function that runs a program in the test's folder, and returns what it prints; a program
    that fails fails the test."""

    def call(*command: object, cwd: Path = tmp_path, text: str = "") -> str:
        done = subprocess.run(
            [str(word) for word in command], cwd=cwd, input=text, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    return call
