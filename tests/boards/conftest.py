"""The BUILD of three neurons, its twin in Python, and a faulty sister."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from elegans.boards.descriptors.descriptor import Board, find_board
from elegans.exporter.export import Request, export
from elegans.tests.places import TINY_BUILD, WORM


def copy_of_tiny(folder: Path) -> Path:
    """A BUILD that a test may write to."""
    shutil.copytree(TINY_BUILD, folder, ignore=shutil.ignore_patterns("__pycache__", "firmware"))
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny BUILD, where its firmware is kept for the whole session."""
    return copy_of_tiny(tmp_path_factory.mktemp("tiny") / "BUILD")


@pytest.fixture(scope="session")
def vectors() -> dict[str, np.ndarray]:
    """Its golden vectors."""
    with np.load(TINY_BUILD / "vectors.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def m4() -> Board:
    return find_board("mps2-an386")


@pytest.fixture(scope="session")
def worm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real network, exported."""
    folder = tmp_path_factory.mktemp("worm") / "BUILD"
    export(Request(WORM), folder)
    return folder
