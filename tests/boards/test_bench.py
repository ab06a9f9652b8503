"""`elegans bench`: what it measures is told as a table and as JSON on the last line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards import power
from elegans.boards.descriptor import boards
from elegans.cli import main


def _bench(*arguments):
    result = CliRunner().invoke(main, ["bench", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


def test_one_board_s_costs_are_told_by_function_and_add_up(worm):
    result = _bench(worm, "--board", "mps2-an386")
    told = json.loads(result.stdout.splitlines()[-1])
    count = told["instructions_per_step"]
    assert count["min"] == count["max"] == sum(told["instructions_by_function"].values())
    assert told["flash_bytes"] == sum(told["flash"].values())
    assert 0 < told["ram_bytes"] <= 128
    assert 0 < told["stack_bytes"] <= 256
    assert (told["paths"], told["branches_by_data"], told["different"]) == (1, [], 0)
    assert told["cycles"] >= count["max"]
    layers = told["instructions_per_neuron_of"]
    assert all(told["instructions_by_function"][name] >= n for name, n in layers.items())
    assert layers
    assert "no branch depends on the data" in result.stdout


def test_json_is_all_that_is_printed_if_it_is_asked_for(worm):
    result = _bench(worm, "--board", "microbit", "--json")
    assert json.loads(result.stdout)["core"] == "cortex-m0"


def test_a_second_run_tells_the_same(worm):
    first, second = (_bench(worm, "--board", "microbit", "--json").stdout for _ in range(2))
    assert first == second


def test_boards_without_an_installed_emulator_are_left_out_and_named(worm, monkeypatch):
    from elegans.commands import bench

    kept = power.emulators
    monkeypatch.setattr(
        power, "emulators", lambda b: kept(b) if b.name in ("microbit", "mps2-an386") else []
    )
    assert [board.name for board in bench._emulated()] == ["microbit", "mps2-an386"]
    left_out = sum(bool(b.emulators) for b in boards().values()) - 2
    monkeypatch.setattr(bench, "figures", lambda build, board, *_: {"board": board.name})
    monkeypatch.setattr(bench, "_table", lambda found: "")
    result = _bench(worm, "--all")
    assert result.stderr.count("is left out") == left_out
    assert [b["board"] for b in json.loads(result.stdout.splitlines()[-1])["boards"]] == [
        "microbit",
        "mps2-an386",
    ]
