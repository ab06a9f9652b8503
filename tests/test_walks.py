"""CONTRIBUTING.md is right: three of its walks in a copy of the tree, and every path it names.

A walk adds the files of its list to a copy of the checkout, runs the copy in a process of its
own, and leaves the checkout as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from elegans.tests.places import CHECKOUT

_LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=CHECKOUT,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()
_TRACKED = [path for path in _LISTED if (CHECKOUT / path).exists()]
_FOLDERS = {path.split("/")[0] for path in _TRACKED if "/" in path}
_DOCUMENTS = [p for p in _TRACKED if p.endswith(".md") and not p.startswith("tests/")]
# Parts of a path in CONTRIBUTING.md that stand for a name of the reader's choice.
_PLACEHOLDER = re.compile(r"(?<![A-Za-z])(OP|CELL|BOARD|CORE|CHIP|VERB|GROUP|NAME)(?![A-Za-z])")


def _text(document: str) -> str:
    """A document without its code blocks: their paths are those of an example's user."""
    return re.sub(r"^```.*?^```", "", (CHECKOUT / document).read_text(), flags=re.S | re.M)


def _pattern(path: str) -> str:
    """A path as a glob pattern: a placeholder stands for any name."""
    return _PLACEHOLDER.sub("*", path).rstrip("/")


@pytest.mark.parametrize("document", [d for d in _DOCUMENTS if d != "CHANGELOG.md"])
def test_every_path_of_the_project_in_a_document_exists(document):
    words = [word for span in re.findall(r"`([^`\n]+)`", _text(document)) for word in span.split()]
    paths = {word for word in words if re.fullmatch(r"[\w.-]+(/[\w.-]*)+", word)}
    paths = {path for path in paths if path.split("/")[0] in _FOLDERS}
    absent = {path for path in paths if not any(CHECKOUT.glob(_pattern(path)))}
    assert not absent


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_every_link_to_a_file_in_a_document_leads_to_one(document):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", _text(document)):
        if "://" not in target:
            assert ((CHECKOUT / document).parent / target).exists(), f"{document} links {target}"


def test_contributing_names_its_files_by_their_whole_paths():
    """So that the test above can find them: no `relu.py` without its folder."""
    walks = _text("CONTRIBUTING.md").split("## Five walks")[1]
    assert walks.count("\n### ") == 5
    for span in re.findall(r"`([^`\n]+)`", walks):
        if re.fullmatch(r"[\w.-]+\.(py|c|h|inc|toml|md)", span):
            assert (CHECKOUT / span).exists(), span


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the checkout without its golden files, to be changed."""
    copy = tmp_path / "elegans"
    for path in _TRACKED:
        if not path.startswith(("tests/golden/", "tests/fuzz/", "docs/")):
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / path, copy / path, follow_symlinks=False)
    return copy


def _run(tree: Path, *arguments: str) -> str:
    """Python with the copy as `elegans`; what it printed. A failure fails the test."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = inherited | {"PYTHONPATH": str(tree.parent)}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _elegans(tree: Path, *arguments: str) -> str:
    return _run(tree, "-c", "from elegans.cli import main; main()", *arguments)


_OP = """
'''y = 2 x.'''

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Interval, Value
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Twice:
    '''The double at the same scale, saturated.'''

    kernel: ClassVar[str] = "twice"
    in_place: ClassVar[bool] = True

    def integer(self, x: Value) -> Value:
        return (x + x).clip(INT16_MIN, INT16_MAX)

    def real(self, x: Value) -> Value:
        return x + x

    def range(self, x: Interval) -> Interval:
        return self.integer(x)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = Twice
"""
_HEADER = """
#ifndef EL_TWICE_H
#define EL_TWICE_H

#include <stdint.h>

/* y[i] = 2 x[i], saturated; y may be x. */
void el_twice(int16_t *y, const int16_t *x, uint32_t n);

#endif
"""
_KERNEL = """
#include "elegans/el_twice.h"

#include "elegans/el_fixed.h"

void el_twice(int16_t *y, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_sat16((int32_t)x[i] + x[i]);
    }
}
"""
_OP_TEST = """
import numpy as np

from elegans.exporter.ops.twice import Twice


def test_twice_is_the_same_everywhere(everywhere):
    x = np.arange(-32768, 32768).reshape(64, 1024)
    y = everywhere(Twice(), x)
    np.testing.assert_array_equal(y, np.clip(2 * x, -32768, 32767))
"""


def test_an_op_is_four_new_files(tree):
    (tree / "exporter/ops/twice.py").write_text(_OP.lstrip())
    (tree / "runtime_c/include/elegans/el_twice.h").write_text(_HEADER.lstrip())
    (tree / "runtime_c/src/el_twice.c").write_text(_KERNEL.lstrip())
    (tree / "tests/exporter/ops/test_twice.py").write_text(_OP_TEST.lstrip())
    pytest_ = ["-m", "pytest", "-q", f"--basetemp={tree.parent / 'pytest'}"]
    assert "1 passed" in _run(tree, *pytest_, "tests/test_house.py", "-k", "every_op")
    for source in (tree / "runtime_c/src").glob("*.c"):  # the others take long to compile
        if source.name != "el_twice.c":
            source.unlink()
    assert " passed" in _run(tree, *pytest_, "tests/exporter/ops/test_twice.py")
    known = "from elegans.exporter import ops; print(ops.kinds()['twice'].__name__)"
    assert _run(tree, "-c", known).strip() == "Twice"


def test_a_board_is_a_descriptor(tree):
    pytest.importorskip("ziglang")
    pytest.importorskip("unicorn")
    catalogue = tree / "boards" / "catalogue"
    text = (catalogue / "mps2-an386.toml").read_text()
    own = text.replace('name = "mps2-an386"', 'name = "my-board"')
    (catalogue / "my-board.toml").write_text(own)
    assert "my-board" in _elegans(tree, "boards")
    built = tree / "tests" / "boards" / "tiny_build"
    flashed = _elegans(tree, "flash", str(built), "--board", "my-board", "--emulator", "unicorn")
    assert flashed.startswith("my-board on ")


def test_a_verb_is_a_function_and_a_module(tree):
    (tree / "commands/hello.py").write_text(
        "def greeting(name: str) -> str:\n    return f'hello, {name}'\n"
    )
    with (tree / "cli.py").open("a") as cli:
        cli.write("main.add_command(viewing.hello)\n")
    with (tree / "commands/definitions/viewing.py").open("a") as definitions:
        definitions.write(
            "\n\n@verb('elegans hello world')\n"
            "@click.argument('name')\n"
            "def hello(name: str) -> None:\n"
            "    from elegans.commands.hello import greeting\n\n"
            "    click.echo(greeting(name))\n"
        )
    assert _elegans(tree, "hello", "worm") == "hello, worm\n"
    assert "Example:\n    elegans hello world" in _elegans(tree, "hello", "--help")
