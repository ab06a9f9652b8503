"""A compiled step calls nothing but its own kernels; and the small libc of an image is right."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from elftools.elf.elffile import ELFFile

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build import build_firmware
from elegans.exporter.export import Request, export
from elegans.tests.boards.conftest import skip_without
from elegans.tests.places import LIBC, WORM
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell
from elegans.trainer.cells.gru_lstm_mlp import MLPCell
from elegans.trainer.networks.recurrent import Recurrent

pytestmark = pytest.mark.usefixtures("compiled_anew")

# Tables, which are in the assembler's files, and names in tables for unwinding, which nobody reads.
_NO_CALLS = ("el_tanh_pieces", "__aeabi_unwind_cpp_pr")

_NETWORKS: dict[str, Callable[[], Recurrent]] = {
    "copies behind fused layers": lambda: Recurrent(CfCCell(4, 40, backbone=Backbone(48))),
    "a delay line": lambda: Recurrent(MLPCell(3, 40, [8], 1)),
}


def _exported(name: str, folder: Path) -> Path:
    if name == "layout size":
        export(Request(WORM, layout="size"), folder / "BUILD")
    else:
        torch.manual_seed(302)
        net = _NETWORKS[name]()
        source = export_onnx(net, net.input_size, folder / "net.onnx")
        export(Request(source, "net", ((-2.0, 2.0),), (0.01, 1.0)), folder / "BUILD")
    return folder / "BUILD"


def _symbols(object_file: Path) -> tuple[set[str], set[str]]:
    """The names that an object file defines, and those that it asks for."""
    with object_file.open("rb") as file:
        symbols = [*ELFFile(file).get_section_by_name(".symtab").iter_symbols()]
    wanted = {s.name for s in symbols if s["st_shndx"] == "SHN_UNDEF" and s.name}
    return {s.name for s in symbols} - wanted, wanted


@pytest.mark.slow
@pytest.mark.half
@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("name", [*_NETWORKS, "layout size"])
def test_a_model_calls_nothing_but_its_own_kernels(name, compiler, tmp_path, monkeypatch):
    """Compilers make calls of memcpy and memset of loops that look like them."""
    skip_without(find_board("microbit"), compiler)
    build, run = _exported(name, tmp_path), toolchain.run
    for board in ("microbit", "mps2-an386"):
        defined: set[str] = set()
        wanted: set[str] = set()

        def look(tool, arguments, folder, place, defined=defined, wanted=wanted):
            run(tool, arguments, folder, place)
            if "-c" in arguments and arguments[-3].startswith("model/"):
                found = _symbols(folder / arguments[-1])
                defined |= found[0]
                wanted |= found[1]

        monkeypatch.setattr(toolchain, "run", look)
        for level in "2s":
            build_firmware(build, find_board(board), compiler, level)
        assert "net_step" in defined or "worm_step" in defined
        assert {n for n in wanted - defined if not n.startswith(_NO_CALLS)} == set(), board


@pytest.fixture(scope="module")
def libc(tmp_path_factory):
    """The firmware's string.c as a library of this machine, its functions under names of their
    own: a process has a memcpy already."""
    library = tmp_path_factory.mktemp("libc") / "libc.so"
    source = LIBC / "string.c"
    renamed = [f"-D{f}=small_{f}" for f in ("memcpy", "memmove", "memset", "strlen")]
    flags = ["-O2", "-fno-builtin", "-shared", "-fPIC", "-include", "stddef.h"]
    command = [*toolchain.host_compiler().command, *flags, *renamed, "-I", str(source.parent)]
    subprocess.run([*command, str(source), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("size", [*range(12), 16, 33])
def test_the_images_own_libc_copies_and_fills_at_every_alignment(libc, size):
    for to in range(8):
        memory = np.arange(128, dtype=np.uint8)
        base, wanted = memory.ctypes.data, memory.copy()
        wanted[to : to + size] = 0xA5
        libc.small_memset(ctypes.c_void_p(base + to), 0xA5, ctypes.c_size_t(size))
        np.testing.assert_array_equal(memory, wanted)
        for start in range(8):
            for name, at in (("memcpy", 64 + start), ("memmove", start)):
                memory = np.arange(128, dtype=np.uint8)
                base, wanted = memory.ctypes.data, memory.copy()
                wanted[to : to + size] = wanted[at : at + size].copy()
                copy = getattr(libc, f"small_{name}")
                copy(ctypes.c_void_p(base + to), ctypes.c_void_p(base + at), ctypes.c_size_t(size))
                np.testing.assert_array_equal(memory, wanted, f"{name}, {at} to {to}")
