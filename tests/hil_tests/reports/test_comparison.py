"""Two BUILDs, or two reports, compared without a board."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from elegans.cli import main
from elegans.exporter.export import Request, export
from elegans.hil_tests.reports import compare_builds
from elegans.hil_tests.reports.comparison import compare_paths
from elegans.tests.places import WORM

REPORT: dict[str, Any] = {
    "board": "mps2-an386",
    "emulator": None,
    "port": "/dev/ttyACM0",
    "model_digest": "5e" * 32,
    "mismatches": 0,
    "first_difference": None,
    "ticks_per_step": {"min": 1000, "max": 1000},
    "flash_bytes": 5100,
    "resent": 0,
    "vectors_per_second": 812.0,
    "tests": {"passed": 2, "failed": 0, "errors": 0, "skipped": 0},
    "complaints": [],
}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worm with weights of 8 bits."""
    folder = tmp_path_factory.mktemp("narrow") / "BUILD"
    export(Request(WORM, weight_bits=8, accept_error=1.0), folder)
    return folder


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["hil", "--compare", *map(str, words)])


def report_file(path: Path, **changed: Any) -> Path:
    path.write_text(json.dumps(REPORT | changed))
    return path


def test_a_copy_of_a_build_is_equal(worm: Path, tmp_path: Path) -> None:
    shutil.copytree(worm, tmp_path / "copy")
    done = call(worm, tmp_path / "copy")
    assert (done.exit_code, done.stdout) == (0, f"BUILD {worm} -> {tmp_path / 'copy'}: equal\n")


def test_another_layout_has_the_same_model_and_other_sizes(worm: Path, tmp_path: Path) -> None:
    export(Request(WORM, layout="size"), tmp_path / "small")
    found = compare_paths(worm, tmp_path / "small").groups
    assert [change.label for change in found["model"]] == ["layout"]
    assert not found["integers"] + found["formats"]
    (size,) = found["sizes"]
    assert int(size.now) < int(size.before)
    assert found["files"]


def test_other_weights_are_told_with_the_first_integer_that_differs(
    worm: Path, narrow: Path
) -> None:
    done = call(worm, narrow)
    assert done.exit_code == 1
    for text in ("digest: ", "tables and weights: ", "random: worst ", "different: "):
        assert text in done.stdout
    assert "first, vector 0 (corner), state inter[0]: " in done.stdout
    assert "other contents: README.md" in done.stdout


def test_what_is_stated_of_the_integers_is_what_both_references_compute(
    worm: Path, narrow: Path
) -> None:
    golden, other = (np.load(build / "vectors.npz") for build in (worm, narrow))
    first = compare_paths(worm, narrow).groups["integers"][1]
    assert int(first.before) == golden["h_next"][0, 0]
    same = [np.array_equal(golden[k][0], other[k][0]) for k in ("x", "dt", "h")]
    assert all(same)  # the first corner is the same in both
    assert int(first.now) == other["h_next"][0, 0]


def test_integers_of_other_formats_are_not_compared(worm: Path, tmp_path: Path) -> None:
    export(Request(WORM, dt_range=(0.01, 0.4)), tmp_path / "slow")
    found = compare_paths(worm, tmp_path / "slow").groups
    assert [change.label for change in found["formats"]] == ["elapsed time"]
    assert [str(c) for c in found["integers"]] == [
        "golden steps: not run, because the formats differ"
    ]


def test_golden_steps_outside_of_the_new_ranges_are_left_out(worm: Path) -> None:
    golden = compare_builds.load_build(worm).vectors
    old = compare_builds.read_build_folder(worm)
    assert compare_builds._inside(golden, old, old).all()
    limit = int(np.median(golden.h[:, 0]))
    new = replace(old, states=(replace(old.states[0], hi=limit), *old.states[1:]))
    inside = compare_builds._inside(golden, old, new)
    np.testing.assert_array_equal(inside, golden.h[:, 0] <= limit)


def test_equal_reports_differ_in_nothing_that_only_a_run_changes(tmp_path: Path) -> None:
    old = report_file(tmp_path / "old.json")
    new = report_file(tmp_path / "new.json", port="/dev/ttyACM1", vectors_per_second=1.5)
    assert call(old, new).exit_code == 0


def test_a_line_that_lost_frames_is_told_and_is_no_difference(tmp_path: Path) -> None:
    old, new = report_file(tmp_path / "old"), report_file(tmp_path / "new", resent=4)
    done = call(old, new)
    assert done.exit_code == 0
    assert "line, frames sent again: 0 -> 4 (+4)" in done.stdout


def test_ticks_of_a_real_board_may_vary_by_a_fiftieth(tmp_path: Path) -> None:
    old = report_file(tmp_path / "old")
    for ticks, code in ((1019, 0), (1021, 1), (979, 1)):
        new = report_file(tmp_path / "new", ticks_per_step={"min": ticks, "max": ticks})
        assert call(old, new).exit_code == code


def test_wrong_bits_and_tests_that_fail_now_are_told(tmp_path: Path) -> None:
    complaints = [
        {"test": f"test_bits::test_{i}", "result": "failed", "phase": "MISMATCH", "text": "x"}
        for i in range(3)
    ]
    old = report_file(tmp_path / "old")
    new = report_file(tmp_path / "new", mismatches=9, complaints=complaints)
    done = call(old, new, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["kind"], found["equal"]) == ("report", False)
    assert found["changes"]["mps2-an386"] == [
        {"what": "outcome", "before": "passed", "now": "MISMATCH"},
        {"what": "different integers", "before": "0", "now": "9"},
        {"what": "test_bits::test_0 and 2 more", "before": "ok", "now": "MISMATCH"},
    ]


def test_a_test_is_the_same_on_boards_of_other_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        failed = {"test": f"t::test_x[{name}-0]", "result": "error", "phase": "SYNC", "text": "x"}
        report = REPORT | {"complaints": [failed]}
        (tmp_path / name).write_text(json.dumps({name: report}))
    assert call(tmp_path / "one", tmp_path / "two").exit_code == 0


def test_reports_of_maps_are_compared_board_by_board(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text(json.dumps({"a": REPORT, "b": REPORT}))
    new.write_text(json.dumps({"b": REPORT | {"flash_bytes": 5000}, "c": REPORT}))
    done = call(old, new)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1:] == [
        *("a:", "  board: tested -> not tested"),
        *("b:", "  flash: 5100 -> 5000 bytes (-100)"),
        *("c:", "  board: not tested -> tested"),
    ]


def test_what_cannot_be_compared_ends_with_2(worm: Path, tmp_path: Path) -> None:
    report = report_file(tmp_path / "report")
    (tmp_path / "list").write_text("[1]")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").mkdir()
    damaged = report_file(tmp_path / "damaged", flash_bytes="many")
    for paths, text in [
        ((worm, report), "is a file"),
        ((report, tmp_path / "none"), "is not there"),
        ((report, tmp_path / "list"), "is no report"),
        ((report, tmp_path / "text"), "is not JSON"),
        ((report, damaged), "flash_bytes is 'many'"),
        ((worm, tmp_path / "empty"), "is no BUILD"),
        ((worm, worm, worm), "no BUILD beside them"),
        ((worm, worm, "--board", "microbit"), "leave out --board"),
        ((worm, worm, "--map", "lab.toml"), "leave out --map"),
        ((worm, worm, "--html", "x.html"), "leave out --html"),
    ]:
        done = call(*paths)
        assert (done.exit_code, text in done.stderr) == (2, True), (paths, done.output)


def test_without_a_build_the_command_says_so() -> None:
    done = CliRunner().invoke(main, ["hil"])
    assert done.exit_code == 2
    assert "Missing argument 'BUILD'" in done.stderr
