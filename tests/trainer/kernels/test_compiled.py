"""The library of compiled cells: found, made again if damaged, and done without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from elegans.exporter.native import library as native

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.trainer import AutoNCP, CfC, kernels_in_use
from elegans.trainer.kernels import compiled, sequence


@pytest.fixture
def library() -> Path:
    """The library of this machine."""
    story = kernels_in_use()
    if not story.startswith("compiled: "):
        pytest.skip(story)
    return Path(story.removeprefix("compiled: "))


@pytest.fixture
def anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache; what was found in it is forgotten behind the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled.kernels.cache_clear()
    yield tmp_path / "elegans" / "kernels"
    compiled.kernels.cache_clear()


def test_a_damaged_library_is_compiled_again(
    library: Path, anew: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, calls = library.read_bytes(), list[Any]()
    monkeypatch.setattr(native, "_compile", lambda *given: calls.append(given) or data)
    anew.mkdir(parents=True)
    (anew / library.name).write_bytes(b"no library")
    assert kernels_in_use() == f"compiled: {anew / library.name}"
    compiled.kernels.cache_clear()
    assert kernels_in_use() == f"compiled: {anew / library.name}"
    assert len(calls) == 1
    assert (anew / library.name).read_bytes() == data


@pytest.mark.parametrize(
    ("script", "fact"),
    [
        ("import sys; sys.exit('cfc.c:1: error: no such thing')", "error: no such thing"),
        ("", "it ended with 0"),
        (None, "no C compiler"),
    ],
)
def test_without_a_compiler_that_works_torch_does_it_and_says_why(
    anew: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, fact: str
) -> None:
    found = [] if script is None else [("cc", [sys.executable, "-c", script])]
    monkeypatch.setattr(native, "_compilers", lambda: iter(found))
    story = kernels_in_use()
    assert story.startswith("torch: ")
    assert fact in story
    assert not list(anew.glob("*.so"))
    assert not sequence.can_run(torch.zeros(1))
    y, _ = CfC(3, AutoNCP(8, 2))(torch.zeros(2, 4, 3))
    assert y.shape == (2, 4, 2)


def test_without_a_folder_torch_does_it(
    anew: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    monkeypatch.setattr("tempfile.tempdir", "/dev/null")
    assert "torch: " in kernels_in_use()
