"""The licence of what a user ships: in the first line of every generated and copied file."""

from __future__ import annotations

from pathlib import Path

import pytest

from elegans.boards.descriptors.descriptor import boards
from elegans.boards.firmware.source import firmware_files, host_file, read_model
from elegans.exporter.export import Request, export
from elegans.tests.places import CHECKOUT, WORM

_LINE = "SPDX-License-Identifier: 0BSD"
_NOT_C = {"model.json", "report.txt", "reference.onnx", "float.onnx", "vectors.npz"}


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


@pytest.fixture(scope="module", params=["speed", "size"])
def build(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("licence") / "BUILD"
    export(Request(WORM, layout=request.param), folder)
    return folder


def test_every_text_of_a_build_that_is_compiled_or_read_states_the_licence(build):
    files = {p.relative_to(build).as_posix(): p for p in build.rglob("*") if p.is_file()}
    assert files.keys() >= _NOT_C
    for name, path in files.items():
        assert name in _NOT_C or _LINE in _first_line(path.read_text()), name
    assert "without a notice" in (build / "README.md").read_text()


def test_every_source_of_a_firmware_states_the_licence(build):
    model = read_model(build)
    for board in boards().values():
        for name, content in firmware_files(model, board, "00" * 32).items():
            assert _LINE in _first_line(content.decode()), f"{board.name}: {name}"
    assert _LINE in _first_line(host_file(model).decode())


def test_every_file_that_may_be_copied_states_the_licence():
    kept = [CHECKOUT / "runtime_c", CHECKOUT / "firmware_templates"]
    files = [p for folder in kept for p in folder.rglob("*") if p.is_file()]
    files += (CHECKOUT / "boards" / "catalogue").glob("*.c")
    for path in (p for p in files if p.suffix != ".pyc"):
        assert _LINE in _first_line(path.read_text()), path


def test_the_texts_of_both_licences_are_in_the_checkout():
    assert "Apache License" in (CHECKOUT / "LICENSE").read_text()
    assert "with or without fee" in (CHECKOUT / "LICENSE-0BSD").read_text()
