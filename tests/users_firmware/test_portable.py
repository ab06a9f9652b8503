"""The portable C with any compiler: no call of libc, no warning, no other size of int."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from elegans.tests.places import RUNTIME
from elegans.tests.users_firmware.project import Project, one_file, undefined

_COMPILERS = {
    "gcc": ["gcc"],
    "clang": ["clang"],
    "arm-gcc": ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-DEL_CORE=EL_PORTABLE"],
}
_FOUND = [name for name, (command, *_) in _COMPILERS.items() if shutil.which(command)]
_STRICT = "-Wall -Wextra -Wconversion -Wpedantic -Wcast-qual -Wsign-conversion -Wundef -Werror"


@pytest.mark.parametrize("compiler", _FOUND)
def test_models_and_runtime_ask_for_nothing_at_any_level(project: Project, compiler):
    """Compilers make calls of memcpy and memset of loops that look like them, where they know libc:
    so without -ffreestanding."""
    unit = one_file(project)
    for level in "0123s":
        line = [*_COMPILERS[compiler], "-std=c99", f"-O{level}"]
        line += [*project.includes, "-c", unit, "-o", "all.o"]
        subprocess.run(line, cwd=project.folder, check=True)
        assert undefined(project.folder / "all.o") <= {"_GLOBAL_OFFSET_TABLE_"}, level


@pytest.mark.parametrize("compiler", _FOUND)
def test_models_runtime_and_headers_have_no_strict_warning(project: Project, compiler):
    text = "".join(
        f'#include "{header.name}"\n'
        for name in project.names
        for header in sorted((project.folder / name).glob("*.h"))
    )
    (project.folder / "headers.c").write_text(text)
    line = [*_COMPILERS[compiler], "-std=c99", "-O1", *_STRICT.split(), *project.includes, "-c"]
    for unit in (one_file(project), "headers.c"):
        done = subprocess.run(
            [*line, unit, "-o", "x.o"], cwd=project.folder, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("avr-gcc"), reason="avr-gcc is not installed")
def test_no_kernel_compiles_where_int_has_16_bits(tmp_path):
    for source in sorted((RUNTIME / "src").glob("*.c")):
        line = ["avr-gcc", "-std=c99", f"-I{RUNTIME}/include", "-E", str(source), "-o", "x"]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode != 0, source
        assert "elegans needs a target on which int has 32 bits" in done.stderr
