"""What the tests share: a compiler that gives a result again only for the very same sources."""

from __future__ import annotations

import pytest

from elegans.boards.firmware.toolchain import Compiler
from elegans.exporter.errors import ElegansError
from elegans.tests.conftest import _SLOW
from elegans.tests.places import TESTS
from elegans.tests.shared import SharedCompiler

_COMPILER = Compiler("cc", ("cc",), "1")
_LINE = ["-O2", "-c", "model/a.c", "-o", "model/a.o"]


@pytest.fixture
def compiled(tmp_path):
    """How often a command was executed, for a folder of sources and a command line."""
    sources = tmp_path / "sources"
    (sources / "model").mkdir(parents=True)
    (sources / "model" / "a.c").write_text('#include "b.h"\n')
    (sources / "b.h").write_text("#include <c.inc>\n")
    (sources / "c.inc").write_text("int c;\n")
    (sources / "other.h").write_text("int other;\n")
    ran = []

    def run(compiler, arguments, folder, place):
        ran.append(arguments)
        if "fails" in (folder / "b.h").read_text():
            raise ElegansError(place, "does not compile", "correct it")
        (folder / arguments[-1]).write_text(f"{len(ran)}")

    shared = SharedCompiler(tmp_path / "kept", run)

    def compiled(line=_LINE, compiler=_COMPILER):
        (sources / "model" / "a.o").unlink(missing_ok=True)
        shared(compiler, line, sources, "here")
        return (sources / "model" / "a.o").read_text()

    compiled.sources, compiled.shared = sources, shared
    return compiled


def test_the_same_sources_are_compiled_once(compiled):
    assert [compiled(), compiled()] == ["1", "1"]
    (compiled.sources / "other.h").write_text("int unused;\n")
    assert compiled() == "1"


@pytest.mark.parametrize("name", ["model/a.c", "b.h", "c.inc"])
def test_a_change_in_any_file_that_is_read_compiles_again(compiled, name):
    compiled()
    text = (compiled.sources / name).read_text()
    (compiled.sources / name).write_text(text + "int more;\n")
    assert compiled() == "2"


@pytest.mark.parametrize(
    "other",
    [
        {"line": ["-O3", *_LINE[1:]]},
        {"compiler": Compiler("cc", ("cc",), "2")},
        {"compiler": Compiler("cc", ("dd",), "1")},
    ],
)
def test_other_options_and_compilers_compile_again(compiled, other):
    compiled()
    assert compiled(**other) == "2"


def test_a_header_that_appears_compiles_again(compiled):
    """The compiler may find it before the one that it found at first."""
    compiled()
    (compiled.sources / "model" / "b.h").write_text("int b;\n")
    assert compiled() == "2"


def test_a_command_that_reads_from_elsewhere_is_always_executed(compiled):
    line = ["-I/usr/include", *_LINE]
    assert [compiled(line), compiled(line)] == ["1", "2"]


def test_what_fails_is_tried_again(compiled):
    (compiled.sources / "b.h").write_text("fails\n")
    for _ in range(2):
        with pytest.raises(ElegansError, match="does not compile"):
            compiled()
    (compiled.sources / "b.h").write_text("int b;\n")
    assert compiled() == "3"


def test_it_can_be_switched_off(compiled):
    compiled()
    compiled.shared.on = False
    assert compiled() == "2"


@pytest.mark.parametrize("name", _SLOW)
def test_the_list_of_slow_tests_names_what_there_is(name):
    file, _, test = name.partition("::")
    assert f"def {test}" in (TESTS / file).read_text()
