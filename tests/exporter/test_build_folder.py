"""`model.json` is read by one reader, whose errors name the file and the fault."""

from __future__ import annotations

import json
import shutil

import pytest

from elegans.exporter import build_folder
from elegans.exporter.build_folder import is_build_folder, read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.read_files import FileKind
from elegans.tests.places import GOLDEN


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is damaged: it is not JSON"),
        (b"\xff\xfe", "is damaged: it is not JSON"),
        (b"[" * 100_000, "is damaged: it is not JSON"),
        (b"[]", "is damaged: it is not a JSON object"),
        (b"{}", "is damaged: name is missing"),
        (b'{"name": 1}', "is damaged: name is not of type str"),
        (b'{"name": "two words", "digest": ""}', "is damaged: name is no C identifier"),
    ],
)
def test_a_damaged_model_json_is_refused_with_its_fault(tmp_path, content, fault):
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(ElegansError, match=rf"model\.json: {fault}.*; run `elegans export` again"):
        read_build_folder(tmp_path)
    assert not is_build_folder(tmp_path)


def test_no_more_than_the_longest_model_json_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(build_folder, "MODEL_JSON", FileKind("a model.json", 1 << 10))
    (tmp_path / "model.json").write_bytes(b"{" + b" " * 2000 + b"}")
    with pytest.raises(ElegansError, match=r"has 2002 bytes; a model\.json has at most 1 KB"):
        read_build_folder(tmp_path)


def test_a_folder_in_place_of_model_json_is_an_error(tmp_path):
    (tmp_path / "model.json").mkdir()
    with pytest.raises(ElegansError, match=r"model\.json: is a folder"):
        read_build_folder(tmp_path)
    with pytest.raises(ElegansError, match=r"model\.json: is not there"):
        read_build_folder(tmp_path / "model.json")


@pytest.mark.parametrize(
    ("stated", "fact"),
    [
        (None, "was exported by an earlier elegans, whose models elegans .* cannot use"),
        ("0.0.9", "was exported by elegans 0.0.9, whose models elegans .* cannot use"),
        ("this", "does not match its own digest"),
    ],
)
@pytest.mark.parametrize("change", [{"y": ["other"]}, {"digest": "00" * 32}])
def test_a_build_of_another_version_is_told_from_a_damaged_one(tmp_path, stated, fact, change):
    document = json.loads((GOLDEN / "worm" / "model.json").read_text())
    assert document["version"]
    shutil.copytree(GOLDEN / "worm", tmp_path / "BUILD")
    document |= change
    if stated is None:
        del document["version"]
    elif stated != "this":
        document["version"] = stated
    (tmp_path / "BUILD" / "model.json").write_text(json.dumps(document))
    if "y" in change and stated == "this":
        fact = "is damaged"
    with pytest.raises(ElegansError, match=rf"model\.json: {fact}.*; run `elegans export` again"):
        read_build_folder(tmp_path / "BUILD").model()
