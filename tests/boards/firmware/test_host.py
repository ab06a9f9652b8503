"""The C of a BUILD, compiled for this machine, gives the same bits as its Python twin."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from elegans.boards.firmware import toolchain
from elegans.boards.firmware.host import HostModel
from elegans.exporter.errors import ElegansError
from elegans.tests.boards.conftest import copy_of_tiny
from elegans.tests.boards.wide_build.twin import with_short_dt
from elegans.tests.places import TINY_BUILD, WIDE_BUILD


@pytest.fixture(scope="module", params=["16 bits", "32 bits", "32 bits, dt of 16"])
def build(request, tmp_path_factory):
    """A BUILD whose states have so many bits."""
    folder = tmp_path_factory.mktemp("host") / "BUILD"
    if request.param == "32 bits, dt of 16":
        return with_short_dt(folder)
    return Path(shutil.copytree(TINY_BUILD if request.param == "16 bits" else WIDE_BUILD, folder))


@pytest.fixture(scope="module")
def its_vectors(build):
    with np.load(build / "vectors.npz") as file:
        return dict(file)


@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
@pytest.mark.parametrize("level", ["0", "3"])
def test_every_compiler_repeats_the_vectors(build, its_vectors, compiler, level):
    if compiler != "zig" and not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    model, vectors = HostModel.compile(build, compiler, level), its_vectors
    y, h = model.steps(vectors["x"], vectors["dt"], vectors["h"])
    assert (y == vectors["y"]).all()
    assert (h == vectors["h_next"]).all()
    assert (y.dtype, h.dtype) == (np.int16, vectors["h"].dtype)


def test_each_step_of_a_run_starts_from_the_state_after_the_last(build, its_vectors):
    model, vectors = HostModel.compile(build), its_vectors
    free = {name: values[200:] for name, values in vectors.items()}
    y, h = model.run(free["x"], free["dt"])
    assert (y == free["y"]).all()
    assert (h == free["h_next"]).all()
    y, h = model.run(free["x"][50:], free["dt"][50:], free["h_next"][49])
    assert (h == free["h_next"][50:]).all()


def test_a_run_of_no_steps_returns_empty_arrays(tiny):
    y, h = HostModel.compile(tiny).run(np.zeros((0, 2), np.int16), np.zeros(0, np.int16))
    assert (y.shape, h.shape) == ((0, 1), (0, 3))


def _changed(folder: Path, old: str, new: str) -> Path:
    copy_of_tiny(folder)
    text = (folder / "tiny.c").read_text()
    assert old in text
    (folder / "tiny.c").write_text(text.replace(old, new))
    return folder


def test_the_sanitiser_stops_at_undefined_behaviour(tmp_path, vectors):
    folder = _changed(tmp_path / "BUILD", "+ (1 << 13);", "+ x[0] * 65536 * 2;")
    arguments = vectors["x"], vectors["dt"]
    HostModel.compile(folder).run(*arguments)
    sanitised = HostModel.compile(folder, sanitise=True)
    with pytest.raises(ElegansError, match=r"ended with .* overflow"):
        sanitised.run(*arguments)


def test_a_crash_is_an_error(tmp_path, vectors):
    trap = "    if (dt == 328)\n        __builtin_trap();\n"
    folder = _changed(tmp_path / "BUILD", "    int16_t next[", trap + "    int16_t next[")
    with pytest.raises(ElegansError, match="ended with -"):
        HostModel.compile(folder).run(vectors["x"], vectors["dt"])


def test_a_warning_is_an_error(tmp_path):
    folder = _changed(tmp_path / "BUILD", "(int16_t)(a >", "(a >")
    with pytest.raises(ElegansError, match=r"tiny with the host's .* says: tiny\.c:\d+"):
        HostModel.compile(folder)


def test_a_missing_compiler_says_how_to_get_it(tiny, monkeypatch):
    monkeypatch.setattr(toolchain, "_present", lambda command: False)
    with pytest.raises(ElegansError, match="clang is not installed; apt install clang"):
        HostModel.compile(tiny, "clang")


def test_a_run_without_the_elapsed_time_is_refused(tiny, vectors):
    with pytest.raises(ElegansError, match="takes elapsed time"):
        HostModel.compile(tiny).run(vectors["x"])
