"""A BUILD of the fake board's model, written once a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from elegans.hil_tests.vectors import Model, load
from elegans.tests.hil.fake_device import write_build


@pytest.fixture(scope="session")
def fake_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def fake_model(fake_build: Path) -> Model:
    return load(fake_build)
