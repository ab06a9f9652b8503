"""The sources of a BUILD are compiled only as they were exported."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from elegans.boards.firmware.source import read_model
from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.exporter.errors import ElegansError
from elegans.tests.boards.conftest import copy_of_tiny


@pytest.fixture
def stated(tmp_path):
    """A copy of the tiny BUILD whose model.json states the digest of every source."""
    folder = copy_of_tiny(tmp_path / "BUILD")
    files = read_model(folder).files
    document = json.loads((folder / "model.json").read_text())
    document["runtime"] = runtime_version()
    document["files"] = {path: hashlib.sha256(text).hexdigest() for path, text in files.items()}
    (folder / "model.json").write_text(json.dumps(document))
    return folder


def test_a_build_as_it_was_exported_is_read(stated, worm):
    assert read_model(stated).name == "tiny"
    assert read_model(worm).name == "worm"


@pytest.mark.parametrize(
    "path",
    [
        "worm.c",
        "worm.h",
        "worm_layers.S",
        "runtime/src/el_mix.c",
        "runtime/include/elegans/el_mix.h",
    ],
)
def test_a_source_that_was_changed_is_refused_by_its_name(worm, tmp_path, path):
    folder = shutil.copytree(worm, tmp_path / "BUILD")
    changed = (folder / path).read_bytes().replace(b"1", b"2", 1)
    (folder / path).write_bytes(changed)
    with pytest.raises(ElegansError, match=rf"{path}: was changed after the export.*export it ag"):
        read_model(folder)


@pytest.mark.parametrize(
    "path", ["worm_layers.S", "runtime/src/el_mix.c", "runtime/include/elegans/el_mix.h"]
)
def test_a_source_that_is_missing_is_refused_by_its_name(worm, tmp_path, path):
    folder = shutil.copytree(worm, tmp_path / "BUILD")
    (folder / path).unlink()
    with pytest.raises(ElegansError, match=rf"{path}: is missing from this BUILD; export it again"):
        read_model(folder)


@pytest.mark.parametrize(
    "path", ["runtime/src/mine.c", "runtime/include/elegans/mine.h", "tiny_layers.S"]
)
def test_a_source_that_no_export_wrote_is_refused_by_its_name(stated, path):
    (stated / path).write_text("")
    fact = "is no file of this BUILD: model.json does not list it; remove it, or export it again"
    with pytest.raises(ElegansError, match=f"{path}: {fact}"):
        read_model(stated)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"version": "0.0.9"}, "was exported by elegans 0.0.9 for an earlier runtime"),
        ({}, "was exported by an earlier elegans for an earlier runtime"),
        ({"version": "9.0", "runtime": 99}, "was exported by elegans 9.0 for runtime version 99"),
    ],
)
def test_a_build_of_another_version_is_told_that_it_is(stated, own, told):
    document = json.loads((stated / "model.json").read_text())
    del document["runtime"]
    (stated / "model.json").write_text(json.dumps(document | own))
    for name in ("tiny.c", "tiny.h"):  # an earlier elegans had other names
        (stated / name).rename(stated / name.replace("tiny", "model"))
    with pytest.raises(ElegansError, match=f"BUILD: {told}; this one has version .*export it ag"):
        read_model(stated)


def test_a_build_written_by_hand_may_state_no_digests(tmp_path):
    folder = copy_of_tiny(tmp_path / "BUILD")
    (folder / "tiny.c").write_text("/* changed */")
    assert read_model(folder).files["tiny.c"] == b"/* changed */"
