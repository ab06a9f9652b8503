"""`elegans verify` finds whatever is not as it is made anew; the bill of materials is CycloneDX."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.exporter.export import Request, export
from elegans.packages.ecosystems import ECOSYSTEMS
from elegans.packages.package import RECORD, package
from elegans.packages.sbom import FILE
from elegans.packages.verify import verify
from elegans.tests.places import WORM


def _call(*arguments):
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


@pytest.fixture(scope="module")
def made(builds, tmp_path_factory):
    """A small folder of packages, of a BUILD with a recording."""
    folder = tmp_path_factory.mktemp("verify")
    rng = np.random.default_rng(5)
    x = rng.uniform([-1, 0, -0.3], [1, 40, 0.1], (20, 3))
    np.savez(folder / "r.npz", x=x, dt=rng.uniform(0.01, 0.2, 20))
    export(Request(WORM, name="lane", recording=folder / "r.npz"), folder / "BUILD")
    package(folder / "BUILD", folder / "OUT", ["zephyr"], "1.2.3", "CC-BY-4.0")
    return folder


@pytest.fixture
def out(made, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(made / "OUT", tmp_path / "OUT")


def test_packages_of_every_ecosystem_are_made_anew_to_the_byte(packages):
    for folder in packages.values():
        assert verify(folder) == sum(p.is_file() for p in folder.rglob("*"))


def test_a_recording_changes_nothing_that_is_verified(made):
    result = _call(made / "OUT")
    assert result.exit_code == 0, result.output
    assert "are as they are made anew" in result.output
    assert _call(made / "OUT", "--build", made / "BUILD").exit_code == 0


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        (lambda o: _flip(o / "zephyr/lane/src/lane.c"), "lane.c: differs from what was made"),
        (lambda o: _flip(o / "zephyr/lane/LICENSE"), "LICENSE: differs"),
        (lambda o: (o / "zephyr/lane/src/lane_selftest.c").unlink(), "selftest.c: is missing"),
        (lambda o: (o / "zephyr/lane/src/back_door.c").write_text(""), "is no file of these"),
        (lambda o: (o / RECORD).unlink(), "is no folder of packages"),
        (lambda o: _edit(o / RECORD, version="1.2.4"), "differs from what was made anew"),
        (lambda o: _edit(o / RECORD, elegans="0.0.1"), "was made by elegans 0.0.1"),
        (lambda o: _edit(o / RECORD, ecosystems=["nuget"]), "nuget"),
        (lambda o: _edit(o / RECORD, ecosystems=7), "ecosystems"),
        (lambda o: _edit(o / RECORD, version='1.2.3"'), "is not a version"),
        (lambda o: _edit(o / RECORD, data_licence="x" * 201), "is no licence"),
        (lambda o: _edit(o / "model.json", float={"dt": "x"}), "is no sample period"),
        (lambda o: _edit(o / "model.json", float={"dt": 10**400}), "is no sample period"),
        (lambda o: _edit(o / "model.json", optimise="x"), "is no layout"),
        (lambda o: _edit(o / "model.json", digest="0" * 64), "does not match its own digest"),
        (lambda o: _rename(o / "model.json", 'x"; #include "/etc/passwd'), "is no signal"),
    ],
)
def test_what_is_not_as_it_is_made_anew_is_named(out, damage, fact):
    damage(out)
    result = _call(out)
    assert result.exit_code in (1, 2)
    assert fact in result.output
    assert "Traceback" not in result.output


def _edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _rename(path, name):
    data = json.loads(path.read_text())
    data["inputs"][0]["name"] = name
    path.write_text(json.dumps(data))


def test_a_build_of_another_model_is_refused(out, builds):
    result = _call(out, "--build", builds["slow"])
    assert result.exit_code == 1
    assert "is of another model" in result.output


def test_the_bill_of_every_package_has_the_model_its_data_and_the_compiler(packages, made):
    for name, row in ECOSYSTEMS.items():
        bill = json.loads((packages["fast"] / name / "fast" / FILE).read_text())
        tools = {tool["name"] for tool in bill["metadata"]["tools"]["components"]}
        assert tools == ({"elegans", "zig"} if row.flags else {"elegans"})
        digest = json.loads((packages["fast"] / "model.json").read_text())["digest"]
        assert bill["components"][0]["hashes"] == [{"alg": "SHA-256", "content": digest}]
        assert [c["bom-ref"] for c in bill["components"]] == ["model", "runtime"]
    bill = json.loads((made / "OUT" / "zephyr" / "lane" / FILE).read_text())
    assert bill["components"][2]["licenses"] == [{"license": {"name": "CC-BY-4.0"}}]


def test_the_bills_are_valid_by_the_schema_of_cyclonedx(packages, made):
    json_validation = pytest.importorskip("cyclonedx.validation.json", reason="no cyclonedx")
    pytest.importorskip("jsonschema")
    from cyclonedx.schema import SchemaVersion

    validator = json_validation.JsonStrictValidator(SchemaVersion.V1_6)
    bills = [*packages["fast"].glob(f"*/fast/{FILE}"), made / "OUT" / "zephyr" / "lane" / FILE]
    assert len(bills) == len(ECOSYSTEMS) + 1
    for bill in bills:
        assert validator.validate_str(bill.read_text()) is None, bill
