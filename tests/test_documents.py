"""What the documents say twice, they say alike."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from elegans.boards.descriptors.descriptor import boards
from elegans.cli import main
from elegans.tests.places import CHECKOUT

_README = (CHECKOUT / "README.md").read_text()
_MEASURED = (CHECKOUT / "docs" / "measurements.md").read_text()
_CORES = (CHECKOUT / "docs" / "cores.md").read_text()
_HIL = (CHECKOUT / "docs" / "hil.md").read_text()


def _rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without their emphasis."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in lines]


def test_the_demos_circuit_costs_the_same_in_every_document():
    rows = [r for r in _rows(_HIL) if r[0] == "mps2-an386" and r[2] == "unicorn" and r[4] == "2"]
    found = {row[3]: f"{int(row[7]):,}" for row in rows}
    said = re.search(r"takes ([\d,]+) instructions with zig and ([\d,]+) with gcc", _MEASURED)
    assert said is not None
    assert found == {"zig": said[1], "gcc": said[2]}


@pytest.mark.parametrize(
    ("core", "board"), [("M0", "microbit"), ("M3", "mps2-an385"), ("M55", "mps3-an547")]
)
def test_the_readmes_costs_are_the_measured_ones(core, board):
    measured = json.loads((CHECKOUT / "benchmarks" / "figures.json").read_text())["figures"]
    (row,) = [row for row in _rows(_README) if row[0] == core]
    assert int(row[1].replace(",", "")) == measured[f"ncp19 / {board} / gcc"]["instructions"]


def test_the_readme_counts_the_boards_that_there_are():
    known = boards().values()
    by_pip = sum("unicorn" in board.emulators for board in known)
    real = sum(not board.emulators for board in known)
    words = {9: "nine", 11: "eleven"}
    assert f"{words[by_pip]} virtual boards with `pip` alone" in _README
    assert f"{words[real]} real boards are known" in _README


def test_the_readmes_risc_v_is_that_of_the_table_of_cores():
    (said,) = [row for row in _rows(_README) if row[0] == "RV32IMC"]
    (measured,) = [r for r in _rows(_CORES) if r[:2] == ["RV32IMC, RV32IMAC", "gcc"]]
    assert [said[1], said[3], said[4]] == [measured[2], measured[4], " + ".join(measured[5:])]


def test_the_changelog_repeats_the_readmes_costs():
    text = (CHECKOUT / "CHANGELOG.md").read_text()
    said = re.search(r"takes ([\d,]+) instructions on an M4, ([\d,]+) on an M0", text)
    assert said is not None
    rows = {row[0].split(" (")[0]: row for row in _rows(_README)}
    assert [rows["M4"][1], rows["M0"][1]] == list(said.groups())


@pytest.mark.parametrize("period", [None, 12])
def test_the_ten_lines_of_hil_md_take_models_with_and_without_elapsed_time(period):
    code = next(b for b in re.findall(r"```python\n(.*?)```", _HIL, re.DOTALL) if "settles" in b)
    given = []

    def run(link, x, dt):
        given.append((x, dt))
        return np.zeros((100, 1), int), np.zeros((100, 1), int)

    class Model:
        inputs = (1, 2)
        dt = None if period is None else type("Dt", (), {"frac": period})

    names: dict[str, object] = {}
    exec(code, names)
    names["run"] = run
    names["test_every_output_settles_within_two_seconds"](None, Model)
    assert given[0][1].shape == (100,)
    assert given[0][1][0] == (0 if period is None else round(0.02 * 2**period))


_DOCUMENTS = [
    *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((CHECKOUT / "docs").rglob("*.md")),
    *sorted((CHECKOUT / "examples").glob("*.md")),
]


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        there = document.parent / path if path else document
        assert there.exists(), target
        if heading:
            lines = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines]
            assert heading in anchors, target


def test_every_verb_has_a_row_among_the_commands():
    """The names of the verbs, and no others."""
    text = (CHECKOUT / "docs" / "commands.md").read_text()
    rows = re.findall(r"^\| `elegans (\w+)", text, re.MULTILINE)
    assert sorted(rows) == sorted(main.commands)


def test_the_readme_is_short_and_has_the_two_commands_that_ci_and_a_newcomer_call():
    assert len(_README.split()) < 1300
    for command in ("make demo", "make test"):
        assert f"\n{command}  " in _README


def test_every_test_that_reliability_md_names_is_there():
    text = (CHECKOUT / "docs" / "reliability.md").read_text()
    named = re.findall(r"`((?:hil_)?tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) >= 40
    for path, name in named:
        assert re.search(rf"^def {name}\(", (CHECKOUT / path).read_text(), re.MULTILINE), name
    faults = text.split("## Which fault is found by what")[1].split("\n## ")[0]
    for kind, *_, test in _rows(faults)[1:]:
        assert test.startswith("`") or not test, kind
