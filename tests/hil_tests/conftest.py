"""BUILDs for the tests, written once for each worker: the fake board's, and a small real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from elegans.exporter.export import Request, export
from elegans.hil_tests.session.build_files import BuildModel, load_build
from elegans.tests.hil_tests.fake_device import WIDE, write_build
from elegans.tests.places import WORM


@pytest.fixture(scope="session")
def fake_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def fake_model(fake_build: Path) -> BuildModel:
    return load_build(fake_build)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> BuildModel:
    """As the fake board's model, with states and elapsed times of 32 bits."""
    return load_build(write_build(tmp_path_factory.mktemp("wide"), shape=WIDE))


@pytest.fixture(scope="session")
def worm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worm") / "BUILD"
    export(Request(WORM), folder)
    return folder
