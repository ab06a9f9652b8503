"""The generated files of one network, as they are kept in tests/golden/.

`pytest tests/exporter/codegen/test_golden.py --update-golden` rewrites them; read the difference.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from elegans.exporter.export import Request, export
from elegans.tests.places import GOLDEN

_TEXT = {".c", ".h", ".S", ".inc", ".md", ".json"}
_KINDS = {"worm": {}, "worm_fixed_dt": {"dt": 0.05}, "worm_size": {"layout": "size"}}


def _texts(folder: Path) -> dict[str, str]:
    paths = (p for p in sorted(folder.rglob("*")) if p.suffix in _TEXT)
    return {str(p.relative_to(folder)): p.read_text() for p in paths}


@pytest.mark.parametrize("name", _KINDS)
def test_the_generated_files_are_the_golden_ones(request, tmp_path, name):
    export(Request(GOLDEN / "worm.onnx", **_KINDS[name]), tmp_path / "BUILD")
    found, folder = _texts(tmp_path / "BUILD"), GOLDEN / name
    if request.config.getoption("--update-golden"):
        shutil.rmtree(folder, ignore_errors=True)
        for path, text in found.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    expected = _texts(folder)
    assert sorted(found) == sorted(expected)
    for path, text in found.items():
        assert text == expected[path], path
