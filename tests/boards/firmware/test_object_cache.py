"""Objects that firmwares have in common are compiled once, and are the same bytes as compiled."""

from __future__ import annotations

import pytest

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware import compiler_cache, toolchain
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.object_cache import reachable
from elegans.tests.boards.conftest import CROSS_COMPILERS, copy_of_tiny

pytestmark = pytest.mark.slow


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """The units that were compiled, and an empty cache folder. That of zig stays as it is."""
    for name in compiler_cache.VARIABLES:
        monkeypatch.setenv(name, compiler_cache.environment()[name])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    units, run = [], toolchain.run

    def noted(tool, arguments, folder, place):
        units.extend(a for a in arguments if a.endswith((".c", ".S")))
        run(tool, arguments, folder, place)

    monkeypatch.setattr(toolchain, "run", noted)
    return units


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_a_second_build_compiles_only_the_model_and_has_the_same_bytes(
    tmp_path, compiled, compiler
):
    board = find_board("mps2-an386")
    built = [build_firmware(copy_of_tiny(tmp_path / name), board, compiler) for name in "ab"]
    assert built[0].elf.read_bytes() == built[1].elf.read_bytes()
    twice = {unit for unit in compiled if compiled.count(unit) == 2}
    assert "el_link.c" in compiled
    assert all(unit == "device.c" or unit.startswith("model/") for unit in twice)
    assert not any(unit.startswith("model/runtime/") for unit in twice)


def test_a_damaged_object_is_compiled_again(tmp_path, compiled):
    board = find_board("mps2-an386")
    first = build_firmware(copy_of_tiny(tmp_path / "a"), board, "zig")
    kept = sorted((tmp_path / "cache" / "elegans" / "objects").glob("*.o"))
    assert len(kept) > 5
    for path in kept:
        path.write_bytes(path.read_bytes()[:-1])
    again = build_firmware(copy_of_tiny(tmp_path / "b"), board, "zig")
    assert again.elf.read_bytes() == first.elf.read_bytes()
    assert compiled.count("el_link.c") == 2


def test_what_a_unit_can_include_is_found_whatever_is_defined():
    files = {
        "unit.c": b'#include "a.h"\n#ifdef NEVER\n# include <c.h>\n#endif\n#include <stdint.h>\n',
        "a.h": b'#include "model/model.h"\n',
        "libc/c.h": b"",
        "model/model.h": b'#include "own.h"\n',
        "model/own.h": b"",
        "other.h": b"",
        "kernel.c": b"#include EL_CORE_HEADER\n",
        "model/runtime/include/elegans/core.h": b"",
    }
    found = {"unit.c", "a.h", "libc/c.h", "model/model.h", "model/own.h"}
    assert reachable("unit.c", files) == found
    assert reachable("kernel.c", files) == {"kernel.c", "model/runtime/include/elegans/core.h"}
