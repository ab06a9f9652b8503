"""Portable C gives the bits of the reference where the most significant byte comes first."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from elegans.boards.firmware import toolchain
from elegans.boards.firmware.source import host_file, read_model
from elegans.exporter.export import Request, export
from elegans.exporter.storage.npz_arrays import load_arrays
from elegans.tests.places import WORM

_GCC = {
    "qemu-ppc": "powerpc-linux-gnu-gcc",
    "qemu-s390x": "s390x-linux-gnu-gcc",
    "qemu-mips": "mips-linux-gnu-gcc",
}
_OPTIONS = {
    "int16": {},
    "int8": {"weight_bits": 8},
    "block": {"weights_block": True},
    "int8 block": {"weight_bits": 8, "weights_block": True},
}
# Where these are not installed, zig brings the C library, and takes minutes to compile it once.
_TARGETS = {
    "qemu-ppc": "powerpc-linux-musleabihf",
    "qemu-s390x": "s390x-linux-musl",
    "qemu-mips": "mips-linux-musleabihf",
}


def _bytes(values, bits):
    """The bytes of integers, the most significant first: a row each."""
    rows = np.asarray(values).reshape(len(values), -1).astype(f">i{bits // 8}")
    return np.ascontiguousarray(rows).view(np.uint8)


@pytest.mark.soak
@pytest.mark.parametrize("options", _OPTIONS.values(), ids=_OPTIONS)
@pytest.mark.parametrize("emulator", _TARGETS)
def test_a_big_endian_processor_gives_the_bits_of_the_reference(tmp_path, emulator, options):
    if shutil.which(emulator) is None:
        pytest.skip(f"{emulator} is not installed (apt install qemu-user)")
    export(Request(WORM, accept_error=1.0, **options), tmp_path / "BUILD")
    model, v = read_model(tmp_path / "BUILD"), load_arrays(tmp_path / "BUILD" / "vectors.npz")
    files = model.files | {"host.c": host_file(model)}
    rows = [_bytes(v[name], bits) for name, bits in (("h", model.state_bits), ("x", 16))]
    feed = b"e" + np.hstack([*rows, _bytes(v["dt"], model.dt_bits)]).tobytes()
    flags = ["-static", "-O2", "-std=c99", *toolchain.WARNINGS, "-I.", "-Iruntime/include"]
    tool = toolchain.Compiler("gcc", (_GCC.get(emulator, ""),), "")
    if shutil.which(tool.command[0]) is None:
        tool = toolchain.cross_compiler("zig")
        flags += ["-target", _TARGETS[emulator], "-fno-sanitize=undefined"]
    with toolchain.scratch_folder(files) as folder:
        line = [*flags, "host.c", *model.units, "-o", "model"]
        toolchain.run(tool, line, folder, emulator)
        command = [emulator, str(folder / "model")]
        done = subprocess.run(command, input=feed, capture_output=True, check=True)
    expected = np.hstack([_bytes(v["y"], 16), _bytes(v["h_next"], model.state_bits)])
    assert len(expected) > 4000
    assert done.stdout == expected.tobytes()
