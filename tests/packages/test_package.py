"""Packages appear whole or not at all; what cannot be packaged is said before that."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.exporter.export import Request, export
from elegans.hil_tests.session.build_files import load_build
from elegans.packages.ecosystems import ECOSYSTEMS
from elegans.packages.package import MODEL, RECORD, package
from elegans.packages.selftest import selftest
from elegans.packages.source import read_source
from elegans.tests.places import CHECKOUT, WORM


def _call(*arguments):
    return CliRunner().invoke(main, ["package", *map(str, arguments)])


def _files(folder):
    return {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ECOSYSTEMS)
def test_every_package_is_licensed_versioned_and_has_a_readme_and_an_example(packages, name):
    folder = packages["fast"] / name / "fast"
    assert (folder / "LICENSE").read_text() == (CHECKOUT / "LICENSE-0BSD").read_text()
    readme = (folder / "README.md").read_text()
    assert "Version 1.0.0" in readme
    assert "48 golden vectors, 384 integers" in readme
    names = list(_files(folder))
    for archive in folder.glob("*.pack"):
        names += zipfile.ZipFile(archive).namelist()
    assert any(path.startswith(("example", "samples/")) for path in names)
    assert (CHECKOUT / "firmware_templates" / "packages" / name / "package").is_dir()


def test_the_same_build_gives_the_same_bytes(builds, packages, tmp_path):
    again = package(builds["slow"], tmp_path / "again", list(ECOSYSTEMS))
    first = {path: p.read_bytes() for path, p in _files(packages["slow"]).items()}
    assert again == first
    assert {path: p.read_bytes() for path, p in _files(tmp_path / "again").items()} == first


def test_no_package_knows_the_machine_that_made_it(packages):
    for folder in packages.values():
        for path, file in _files(folder).items():
            content = file.read_bytes()
            assert str(CHECKOUT).encode() not in content, path
            assert str(folder.parent).encode() not in content, path


def test_a_selftest_has_corner_cases_and_random_steps_that_are_in_the_build(builds):
    source = read_source(builds["fast"], "1.0.0")
    chosen = selftest(source)
    tables = {table.name: table.lines for table in chosen.tables}
    before = [
        list(map(int, line.strip("{},").split(","))) for line in tables["before"]
    ]  # one line a row for six states
    vectors = load_build(builds["fast"]).vectors
    rows = [int(np.flatnonzero((vectors.h == row).all(axis=1))[0]) for row in before]
    assert chosen.count == len(rows) == 48
    assert set(vectors.section[rows]) == {0, 1}
    assert chosen.bytes == 48 * 2 * (6 + 3 + 1 + 2 + 6)


@pytest.mark.parametrize(
    ("name", "ecosystems", "told"),
    [
        ("test", ["cmake", "cargo"], "means something else in"),
        ("zlib", ["micropython", "wasm"], "means something else in"),
        ("fmi3", ["fmu"], "is what a file of a package for FMI 3.0 is called"),
        ("state_size", ["cargo"], "is what a file of a package for Rust is called"),
    ],
)
def test_a_name_that_an_ecosystem_forbids_is_told_before_anything_is_written(
    tmp_path, name, ecosystems, told
):
    export(Request(WORM, name=name), tmp_path / "BUILD")
    for ecosystem in ecosystems:
        options = ("--for", "platformio", "--for", ecosystem)
        result = _call(tmp_path / "BUILD", *options, "-o", tmp_path / "OUT")
        assert result.exit_code == 2, result.output
        assert f"{name}: {told}" in result.output
        assert "--name" in result.output
        assert not (tmp_path / "OUT").exists()


def test_a_folder_that_is_not_ours_is_left_alone(builds, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    result = _call(builds["slow"], "--for", "cmake", "-o", tmp_path / "mine")
    assert result.exit_code == 2
    assert "has no packages of elegans" in result.output
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_packages_replace_earlier_ones_whole(builds, tmp_path):
    assert _call(builds["slow"], "--for", "cmake", "-o", tmp_path / "OUT").exit_code == 0
    (tmp_path / "OUT" / "cmake" / "mine.txt").write_text("added by hand")
    result = _call(builds["slow"], "--for", "cmake", "--version", "2.0.1", "-o", tmp_path / "OUT")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "OUT").iterdir()) == ["cmake", RECORD, MODEL]
    record = json.loads((tmp_path / "OUT" / RECORD).read_text())
    assert (record["version"], record["ecosystems"]) == ("2.0.1", ["cmake"])
    assert not list((tmp_path / "OUT").rglob("mine.txt"))


def test_packages_of_another_ecosystem_are_not_removed(builds, tmp_path):
    assert _call(builds["slow"], "--for", "zephyr", "-o", tmp_path / "OUT").exit_code == 0
    result = _call(builds["slow"], "--for", "cmake", "-o", tmp_path / "OUT")
    assert result.exit_code == 2
    assert "has packages for zephyr, which would be removed" in result.output
    assert sorted(p.name for p in (tmp_path / "OUT").iterdir()) == [RECORD, MODEL, "zephyr"]
    both = ("--for", "cmake", "--for", "zephyr", "-o", tmp_path / "OUT")
    assert _call(builds["slow"], *both).exit_code == 0
    assert {"cmake", "zephyr"} <= {p.name for p in (tmp_path / "OUT").iterdir()}


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        (lambda b: (b / "slow.c").write_text("int x;"), "was changed after the export"),
        (lambda b: (b / "slow.c").unlink(), "slow.c"),
        (lambda b: (b / "model.json").write_text("{}"), "is damaged"),
        (lambda b: (b / "vectors.npz").write_bytes(b"PK"), "vectors.npz"),
        (lambda b: shutil.rmtree(b), "model.json: is not there"),
    ],
)
def test_a_damaged_build_is_refused_and_nothing_is_written(builds, tmp_path, damage, fact):
    build = shutil.copytree(builds["slow"], tmp_path / "BUILD")
    damage(build)
    result = _call(build, "--for", "cmake", "-o", tmp_path / "OUT")
    assert result.exit_code in (1, 2), result.output
    assert fact in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "OUT").exists()


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0-beta", "01.0.0", ""])
def test_a_version_that_some_ecosystem_would_refuse_is_refused_for_all(builds, tmp_path, version):
    result = _call(builds["slow"], "--for", "cmake", "--version", version, "-o", tmp_path / "OUT")
    assert result.exit_code == 2
    assert "is not a version" in result.output
