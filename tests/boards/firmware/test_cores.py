"""The cores of the runtime: a folder each, and a row of el_core.h's table, and nothing else."""

from __future__ import annotations

import re

import numpy as np
import pytest

from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import Request, export
from elegans.exporter.storage.npz_arrays import load_arrays
from elegans.tests.places import RUNTIME, WORM, forget_checksums

_HEADERS = RUNTIME / "include" / "elegans"
_CORES = {path.name for path in (_HEADERS / "cores").iterdir() if path.is_dir()}

# A core whose saturation is its own, as in runtime_c/include/elegans/cores/README.md.
_ROW = """
#elif defined(__SIZEOF_POINTER__)
#define EL_CORE EL_PORTABLE
#define EL_CORE_HEADER "elegans/cores/new/core.h"
"""
_REST = "\n#else\n#define EL_CORE EL_PORTABLE\n"
_CORE = """\
#ifndef EL_CORE_NEW_H
#define EL_CORE_NEW_H
#include <stdint.h>
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))
#define EL_TAIL 0
#define EL_NATIVE_SAT16
static inline int16_t el_sat16(int32_t a)
{
    return (int16_t)(a > 32767 ? 32767 : a < -32768 ? -32768 : a + WRONG);
}
#endif
"""


@pytest.fixture(scope="module")
def worm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worm") / "BUILD"
    export(Request(WORM), folder)
    return folder


def test_every_folder_is_a_row_of_the_table_and_every_row_a_folder():
    table = (_HEADERS / "el_core.h").read_text()
    named = re.findall(r'"elegans/cores/(\w+)/(core\.h|layers\.inc)"', table)
    assert {core for core, _ in named} == _CORES
    assert all((_HEADERS / "cores" / core / file).exists() for core, file in named)
    for core in _CORES:
        text = (_HEADERS / "cores" / core / "core.h").read_text()
        assert "#define EL_PAIR(even, odd)" in text
        assert "#define EL_TAIL" in text


def test_a_build_has_the_files_of_every_core(worm):
    found = {path.parent.name for path in worm.glob("runtime/include/elegans/cores/*/core.h")}
    assert found == _CORES
    layers = {path.parent.name for path in worm.glob("runtime/include/elegans/cores/*/layers.inc")}
    assert layers == _CORES - {"portable", "rv32e"}


@pytest.mark.parametrize("wrong", [0, 1])
def test_a_core_is_added_by_a_folder_and_a_row(tmp_path, wrong):
    export(Request(WORM), tmp_path / "BUILD")
    forget_checksums(tmp_path / "BUILD")
    headers = tmp_path / "BUILD" / "runtime" / "include" / "elegans"
    core = headers / "el_core.h"
    core.write_text(core.read_text().replace(_REST, _ROW + _REST))
    (headers / "cores" / "new").mkdir()
    (headers / "cores" / "new" / "core.h").write_text(_CORE.replace("WRONG", str(wrong)))
    vectors = load_arrays(tmp_path / "BUILD" / "vectors.npz")
    host = HostModel.compile(tmp_path / "BUILD")
    y, h = host.steps(vectors["x"], vectors["dt"], vectors["h"])
    same = np.array_equal(y, vectors["y"]) and np.array_equal(h, vectors["h_next"])
    assert same is not bool(wrong), "the new core's function is not the one that is called"
