"""A BUILD is checked completely before a byte is sent to a board."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elegans.exporter.errors import ElegansError
from elegans.hil_tests.session.build_files import load_build
from elegans.tests.hil_tests.fake_device import DIGEST, SHAPE, WIDE, write_build


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return write_build(tmp_path / "build", random_steps=4, recorded=6)


def test_a_build_is_read_as_it_was_written(build: Path) -> None:
    model = load_build(build)
    assert (model.name, model.digest, model.shape) == ("fake", DIGEST, SHAPE)
    assert [signal.name for signal in model.outputs] == ["left", "right"]
    assert [len(model.vectors.of(s)) for s in ("corner", "random", "recorded")] == [16, 4, 6]


def test_states_and_times_of_32_bits_are_read_as_such(tmp_path: Path) -> None:
    model = load_build(write_build(tmp_path, random_steps=4, recorded=6, shape=WIDE))
    assert model.shape == WIDE
    vectors = model.vectors
    assert {a.dtype for a in (vectors.dt, vectors.h, vectors.h_next)} == {np.dtype(np.int32)}
    assert {a.dtype for a in (vectors.x, vectors.y)} == {np.dtype(np.int16)}


def edit(build: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = build / "model.json"
    text = json.loads(path.read_text())
    change(text)
    path.write_text(json.dumps(text))


BAD_JSON: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no digest": (lambda m: m.pop("digest"), "digest is missing"),
    "short digest": (lambda m: m.update(digest="ab"), "not 64 hexadecimal digits"),
    "inputs no list": (lambda m: m.update(inputs={}), "inputs is not of type list"),
    "input without name": (lambda m: m["inputs"][1].pop("name"), r"inputs\[1\]\.name is missing"),
    "state a string": (lambda m: m["states"].append("x"), r"states\[5\] is not an object"),
    "dt a number": (lambda m: m.update(dt=3), "dt is not an object"),
    "wide input": (lambda m: m["inputs"][0].update(bits=32), r"inputs\[0\]\.bits is 32, not 16"),
    "narrow state": (lambda m: m["states"][2].update(bits=8), r"\[2\]\.bits is 8, not 16 or 32"),
    "dt of no bits": (lambda m: m["dt"].update(bits="16"), r"dt\.bits is not of type int"),
    "one wide state": (
        lambda m: m["states"][4].update(bits=32),
        r"h is int16 \(26, 5\), not int32 \(26, 5\)",
    ),
    "wide dt": (lambda m: m["dt"].update(bits=32), r"dt is int16 \(26,\), not int32 \(26,\)"),
    "no states": (lambda m: m.update(states=[]), "no outputs or no states"),
    "more states": (lambda m: m["states"].append(m["states"][0]), r"h is int16 \(26, 5\)"),
}


@pytest.mark.parametrize(("change", "fact"), BAD_JSON.values(), ids=BAD_JSON.keys())
def test_an_error_in_model_json_names_the_field(
    build: Path, change: Callable[[dict[str, Any]], Any], fact: str
) -> None:
    edit(build, change)
    with pytest.raises(ElegansError, match=fact):
        load_build(build)


def test_a_folder_that_is_no_build_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ElegansError, match=r"model\.json: is not there"):
        load_build(tmp_path)


def test_text_that_is_no_json_is_an_error(build: Path) -> None:
    (build / "model.json").write_text("{")
    with pytest.raises(ElegansError, match="is not JSON"):
        load_build(build)
    (build / "model.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ElegansError, match="is not JSON"):
        load_build(build)


BAD_ARRAYS = {
    "float": ({"x": np.zeros((26, 3))}, "x is float64"),
    "wide": ({"x": np.zeros((26, 4), np.int16)}, r"x is int16 \(26, 4\)"),
    "short": ({"y": np.zeros((25, 2), np.int16)}, r"y is int16 \(25, 2\)"),
    "section": ({"section": np.full(26, 3, np.uint8)}, "section exceeds 2"),
    "scalar": ({"x": np.int16(1)}, "x is int16"),
}


@pytest.mark.parametrize(("change", "fact"), BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys())
def test_an_error_in_the_vectors_names_the_array(
    build: Path, change: dict[str, Any], fact: str
) -> None:
    arrays = dict(np.load(build / "vectors.npz"))
    np.savez(build / "vectors.npz", **{**arrays, **change})
    with pytest.raises(ElegansError, match=fact):
        load_build(build)


def test_a_missing_array_is_named(build: Path) -> None:
    arrays = dict(np.load(build / "vectors.npz"))
    del arrays["h_next"]
    np.savez(build / "vectors.npz", **arrays)
    with pytest.raises(ElegansError, match="has no array h_next"):
        load_build(build)


def test_a_build_without_vectors_is_an_error(build: Path) -> None:
    arrays = dict(np.load(build / "vectors.npz"))
    np.savez(build / "vectors.npz", **{name: array[:0] for name, array in arrays.items()})
    with pytest.raises(ElegansError, match="holds no vectors"):
        load_build(build)


def test_a_truncated_archive_is_an_error(build: Path) -> None:
    path = build / "vectors.npz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ElegansError, match=r"vectors\.npz"):
        load_build(build)


def test_a_pickle_is_never_opened(build: Path) -> None:
    (build / "vectors.npz").write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(ElegansError, match=r"vectors\.npz"):
        load_build(build)
    arrays = dict(np.load(write_build(build) / "vectors.npz"))
    arrays["x"] = np.array([object()], object)
    np.savez(build / "vectors.npz", allow_pickle=True, **arrays)
    with pytest.raises(ElegansError, match=r"vectors\.npz"):
        load_build(build)


def test_json_too_deep_to_read_is_an_error(build: Path) -> None:
    (build / "model.json").write_text("[" * 100_000)
    with pytest.raises(ElegansError, match="is not JSON"):
        load_build(build)


def test_an_array_in_place_of_the_archive_is_an_error(build: Path) -> None:
    with (build / "vectors.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ElegansError, match=r"is not an \.npz file of plain arrays"):
        load_build(build)


def test_an_array_larger_than_all_memory_is_an_error(build: Path) -> None:
    header = b"{'descr': '<i2', 'fortran_order': False, 'shape': (1000000000000, 5), }\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(build / "vectors.npz", "w") as archive:
        archive.writestr("x.npy", array)
    with pytest.raises(ElegansError, match="numbers is the most in a file"):
        load_build(build)


def test_a_sequence_ends_where_states_do_not_follow_and_where_a_section_does(fake_model):
    golden = fake_model.vectors[slice(0, 6)]
    h = golden.h.copy()
    h[1:] = golden.h_next[:-1]
    section = np.array([0, 0, 0, 0, 1, 1], np.uint8)
    assert replace(golden, h=h, section=section).breaks() == [0, 4, 6]
    h[2, 0] += 1
    assert replace(golden, h=h, section=section).breaks() == [0, 2, 4, 6]
    assert golden[slice(0, 1)].breaks() == [0, 1]
