"""`elegans hil` with all its reports, on the simulated board."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from elegans.cli import main
from elegans.hil_tests.reports.history import read_history
from elegans.tests.hil_tests.fake_device import BOARD, Behaviour, FakeDevice


def hil(build: Path, behaviour: Behaviour, *options: object) -> Result:
    with FakeDevice(behaviour) as device:
        words = ["hil", str(build), "--board", BOARD, "--port", device.port, *map(str, options)]
        return CliRunner().invoke(main, words)


def test_runs_are_compared_with_the_last_one_and_drawn(fake_build: Path, tmp_path: Path) -> None:
    history, page = tmp_path / "runs.jsonl", tmp_path / "hil.html"
    options = ("--history", history, "--html", page)
    first = hil(fake_build, Behaviour(), *options)
    assert first.exit_code == 0, first.output
    assert f"this is the first run of fake on {BOARD} on record" in first.stdout
    assert "The first difference" not in page.read_text()

    history.write_bytes(history.read_bytes() + b"noise\n")
    wrong = hil(fake_build, Behaviour(wrong_step=250, counter_hz=0), *options)
    assert wrong.exit_code == 1
    assert "different integers: 0 -> 1 (+1)" in wrong.stdout
    assert "first difference: none -> vector 250 (recorded), step 114" in wrong.stdout
    assert f"warning: {history}: line 2 is no run of elegans, and is skipped" in wrong.stderr
    shown = page.read_text()
    for text in ("The first difference", "2 runs on record", "step 114, state ring[2]", "<svg"):
        assert text in shown
    assert [r.figures["mismatches"] for r in read_history(history).records] == [0, 1]


def test_json_stays_one_object_and_has_the_changes(fake_build: Path, tmp_path: Path) -> None:
    options = ("--json", "--history", tmp_path / "runs.jsonl", "--junit", tmp_path / "hil.xml")
    reports = [json.loads(hil(fake_build, Behaviour(), *options).stdout) for _ in range(2)]
    assert [report["history"]["runs"] for report in reports] == [1, 2]
    assert reports[0]["history"]["since"] is None
    assert not [c for c in reports[1]["history"]["changes"] if not c["what"].startswith("line")]
    assert 'name="damaged_frames"' in (tmp_path / "hil.xml").read_text()
    for name, report in zip("ab", reports, strict=True):
        (tmp_path / name).write_text(json.dumps(report))
    same = CliRunner().invoke(main, ["hil", "--compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert same.exit_code == 0, same.output


@pytest.mark.parametrize("option", ["--html", "--history", "--junit"])
def test_what_cannot_be_a_file_is_refused_before_a_board_is_used(
    fake_build: Path, tmp_path: Path, option: str
) -> None:
    words = ["hil", str(fake_build), "--port", str(tmp_path / "none"), option, str(tmp_path)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code != 0
    assert f"{tmp_path}: is not a file" in done.stderr
    assert "SYNC" not in done.output
