"""Five models in one program, put together as the README of a BUILD says."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import pytest

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware import toolchain
from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.exporter.errors import ElegansError
from elegans.tests.boards.conftest import CROSS_COMPILERS
from elegans.tests.users_firmware.project import Project, one_file

_HOST = [name for name in ("gcc", "clang") if shutil.which(name)] or ["zig"]
_PLAIN = ["-std=c99", *toolchain.WARNINGS]


def _own(tool: toolchain.Compiler) -> list[str]:
    return ["-fno-sanitize=undefined"] * (tool.name == "zig")


def test_the_runtime_has_the_same_text_in_every_build(five):
    texts: dict[str, bytes] = {}
    for build in five:
        for path in (p for p in (build / "runtime").rglob("*") if p.is_file()):
            name = path.relative_to(build).as_posix()
            assert texts.setdefault(name, path.read_bytes()) == path.read_bytes(), name


def test_a_build_has_no_two_files_that_make_the_same_object(five):
    for build in five:
        stems = [p.stem for p in build.rglob("*") if p.suffix in (".c", ".S")]
        assert len(set(stems)) == len(stems)


@pytest.mark.parametrize("compiler", _HOST)
def test_five_models_of_one_program_give_their_golden_vectors(project: Project, compiler):
    tool = toolchain.host_compiler(compiler)
    assert project.run_on_host(tool, [*_PLAIN, "-O2", *_own(tool)]) == "0"


@pytest.mark.slow
@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_five_models_of_one_firmware_give_their_golden_vectors(project: Project, compiler):
    pytest.importorskip("unicorn", reason="unicorn is not installed")
    tool, core = toolchain.cross_compiler(compiler), find_board("mps2-an386").core
    options = [*(core.zig if compiler == "zig" else core.gcc), "-O2", "-ffreestanding"]
    assert project.run_on_core(tool, [*options, *_own(tool)], str(core.unicorn)) == 0


def test_a_wrong_integer_is_found_with_its_model_and_its_row(project: Project):
    text = (project.folder / "check.c").read_text()
    wrong = re.sub(r"(leg_y\[60\]\[1\] = \{\{-?\d+\}, \{)", r"\g<1>7777 + ", text)
    assert wrong != text
    (project.folder / "check.c").write_text(wrong)
    tool = toolchain.host_compiler()
    assert project.run_on_host(tool, ["-std=c99", "-O1", *_own(tool)]) == "3002"


def test_all_names_of_a_model_begin_with_its_own(project: Project):
    """All models in one file: nothing that one defines may be defined by another."""
    tool = toolchain.host_compiler()
    line = [*_PLAIN, "-O1", *_own(tool), *project.includes, one_file(project)]
    toolchain.run(tool, [*line, "check.c", "main.c", "-o", "program"], project.folder, "all")


@pytest.mark.parametrize("mine", [runtime_version() - 1, runtime_version() + 1, None])
def test_a_model_does_not_compile_with_another_runtime(project: Project, mine):
    header = project.folder / "runtime/include/elegans/el_version.h"
    define = f"#define ELEGANS_RUNTIME_VERSION {mine}" if mine else ""
    header.write_text(re.sub("#define ELEGANS_RUNTIME_VERSION.*", define, header.read_text()))
    tool = toolchain.host_compiler()
    line = [*_PLAIN, *project.includes, "-c", "car/car.c", "-o", "car.o"]
    with pytest.raises(
        ElegansError, match=f"car was generated for runtime version {runtime_version()} of"
    ):
        toolchain.run(tool, line, project.folder, "car")


def test_a_program_may_include_all_headers_in_any_order(project: Project):
    tool = toolchain.host_compiler()
    for number, order in enumerate(itertools.islice(itertools.permutations(project.names), 3)):
        text = "".join(f'#include "{name}.h"\n' * 2 for name in order)
        unit = Path(f"order{number}.c")
        (project.folder / unit).write_text(text + "int one(void);\nint one(void) { return 1; }\n")
        line = [*_PLAIN, *project.includes, "-c", str(unit), "-o", f"{unit.stem}.o"]
        toolchain.run(tool, line, project.folder, "headers")
