"""A few mutated files for each verb; `python -m benchmarks.fuzz_verbs` tries them for hours."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from elegans.benchmarks.fuzz_verbs import KINDS, SLOWEST_S, attempt, files_of, workplace
from elegans.tests.places import WORM


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workplace(tmp_path_factory.mktemp("fuzz"), WORM)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_file_is_taken_or_refused_by_every_verb(folder: Path, kind: str) -> None:
    name, calls = KINDS[kind]
    original = (folder / name).read_bytes()

    @settings(
        max_examples=20,
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],
    )
    @given(files_of(kind, original))
    def one(data: bytes) -> None:
        (folder / name).write_bytes(data)
        for arguments in calls:
            start = time.monotonic()
            attempt(folder, arguments)
            assert time.monotonic() - start < 5 * SLOWEST_S
        shutil.rmtree(folder / "OUT", ignore_errors=True)

    try:
        one()
    finally:
        (folder / name).write_bytes(original)


def test_the_files_themselves_are_taken(folder: Path) -> None:
    for kind in ("onnx", "json", "npz", "csv"):
        for arguments in KINDS[kind][1]:
            assert attempt(folder, arguments), arguments
