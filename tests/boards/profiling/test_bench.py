"""`elegans bench` prints what it measures as a table, or as JSON."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.profiling.profile import profile, stack_of_step
from elegans.cli import main
from elegans.commands.chip.cost_header import write_cost_header
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.tests.boards.conftest import skip_without
from elegans.tests.places import GOLDEN, WORM


def _bench(*arguments):
    result = CliRunner().invoke(main, ["bench", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


def test_the_instructions_of_all_functions_add_up_to_those_of_a_step(worm):
    printed = json.loads(_bench(worm, "--board", "mps2-an386", "--json").stdout)
    count = printed["instructions_per_step"]
    assert count["min"] == count["max"] == sum(printed["instructions_by_function"].values())
    assert printed["flash_bytes"] == sum(printed["flash"].values())
    assert printed["flash"]["tables"] == 512
    assert printed["flash"]["weights"] > 2 * 30  # 30 weights of int16 at least
    assert 0 < printed["ram_bytes"] <= 128
    assert 0 < printed["stack_bytes"] <= 256
    assert (printed["paths"], printed["branches_by_data"], printed["different"]) == (1, [], 0)
    assert count["max"] <= printed["cycles"]["max"] <= 3 * printed["cycles"]["min"]
    layers = printed["instructions_per_neuron_of"]
    assert all(printed["instructions_by_function"][name] >= n for name, n in layers.items())
    assert layers


@pytest.mark.parametrize(
    ("board", "compiler", "dt"),
    [
        *(("microbit", compiler, None) for compiler in ("zig", "gcc")),
        *(("mps2-an386", compiler, None) for compiler in ("zig", "gcc")),
        ("qemu-rv32-virt", "zig", None),
        ("microbit", "zig", 0.1),
    ],
)
def test_a_board_counts_as_many_instructions_as_the_profile(worm, tmp_path, board, compiler, dt):
    """Also without an argument dt, and on Armv6-M, which cannot jump to the step."""
    skip_without(find_board(board), "unicorn", compiler)
    if dt is not None:
        export(Request(GOLDEN / "worm.onnx", dt=dt), tmp_path)
        worm = tmp_path
    with session(worm, board, BoardOptions("unicorn", compiler)) as device:
        counted = device.compare(device.model.vectors[slice(0, 10)]).instructions
        assert device.firmware is not None
        assert counted == profile(worm, device.firmware, 4).instructions


def test_without_json_a_table_of_80_columns_is_printed(worm):
    text = _bench(worm, "--board", "mps2-an386").stdout
    assert "no branch depends on the data" in text
    assert "{" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_header_has_the_bound_of_a_step(worm, tmp_path):
    header = tmp_path / "worm_cost.h"
    printed = json.loads(_bench(worm, "--board", "mps2-an386", "--json", "--header", header).stdout)
    text = header.read_text()
    most = printed["instructions_per_step"]["max"]
    assert f"#define WORM_STEP_INSTRUCTIONS {most}UL" in text
    assert f"#define WORM_STEP_CYCLES_MOST {printed['cycles']['max']}UL" in text
    assert f"#define WORM_FLASH_BYTES {printed['flash_bytes']}UL" in text
    assert "on a cortex-m4" in text


def test_a_header_needs_one_board_and_a_path_that_no_data_changes(worm, tmp_path):
    words = ["bench", str(worm), "--all", "--header", str(tmp_path / "a.h")]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "needs exactly one board" in result.output
    found = {"branches_by_data": ["worm_step+0x4"], "board": "b", "different": 0}
    with pytest.raises(ElegansError, match="has no bound on b: a branch of a step depends on"):
        write_cost_header(
            worm, found | {"instructions_per_step": {"min": 4, "max": 4}}, tmp_path / "a.h"
        )


@pytest.mark.parametrize("board", ["mps2-an386", "nucleo-l432kc"])
def test_the_stack_of_a_step_is_known_without_a_whole_profile(worm, board):
    """Also of a real board, whose firmware unicorn executes here."""
    firmware = build_firmware(worm, find_board(board))
    assert stack_of_step(worm, firmware) == profile(worm, firmware, 8).stack > 0


def test_the_stack_on_a_core_that_unicorn_does_not_know_is_not_known(worm):
    assert stack_of_step(worm, build_firmware(worm, find_board("mps3-an547"))) is None


def test_with_json_nothing_else_is_printed(worm):
    result = _bench(worm, "--board", "microbit", "--json")
    assert json.loads(result.stdout)["core"] == "cortex-m0"


def test_a_second_run_prints_the_same(worm):
    first, second = (_bench(worm, "--board", "microbit", "--json").stdout for _ in range(2))
    assert first == second


def test_several_boards_are_rows_of_one_table(worm):
    both = ("--board", "microbit", "--board", "mps2-an505")
    m0, m33 = json.loads(_bench(worm, *both, "--json").stdout)["boards"]
    assert (m0["board"], m33["board"]) == ("microbit", "mps2-an505")
    assert m33["cycles"]["min"] < m33["cycles"]["max"]
    rows = {
        row[0]: row for line in _bench(worm, *both).stdout.splitlines() if (row := line.split())
    }
    assert rows["microbit"][2] == f"{m0['cycles']['min']}..{m0['cycles']['max']}"
    assert rows["mps2-an505"][-1] == str(m33["stack_bytes"])


@pytest.mark.parametrize(("layout", "level"), [("speed", "2"), ("size", "s")])
def test_a_build_is_compiled_for_what_it_was_exported_for(layout, level, tmp_path):
    done = CliRunner().invoke(
        main, ["export", str(WORM), "--layout", layout, "-o", str(tmp_path / "BUILD")]
    )
    assert done.exit_code == 0, done.output
    printed = json.loads(_bench(tmp_path / "BUILD", "--board", "microbit", "--json").stdout)
    assert printed["optimise"] == level


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["BUILD", "--all", "--board", "microbit"], 2, "leave --board out"),
        (["BUILD/model.json"], 2, "model.json: is not there; give the folder"),
        (["BUILD"], 2, "vectors.npz: cannot be read (No such file or directory); run"),
    ],
)
def test_an_error_is_printed_in_one_line(worm, tmp_path, monkeypatch, arguments, status, complaint):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(worm, "BUILD", ignore=shutil.ignore_patterns("vectors.npz", "firmware"))
    result = CliRunner().invoke(main, ["bench", *arguments])
    assert result.exit_code == status
    assert complaint in result.stderr
    assert "Traceback" not in result.output


def test_boards_without_an_installed_emulator_are_left_out_and_named(worm, monkeypatch):
    from elegans.commands.chip import bench

    installed = virtual_board.installed_emulators
    monkeypatch.setattr(
        virtual_board,
        "installed_emulators",
        lambda b: installed(b) if b.name in ("microbit", "mps2-an386") else [],
    )
    assert [board.name for board in bench._emulated_boards()] == ["microbit", "mps2-an386"]
    left_out = sum(bool(b.emulators) for b in boards().values()) - 2
    monkeypatch.setattr(bench, "figures", lambda build, board, *_: {"board": board.name})
    result = _bench(worm, "--all", "--json")
    assert result.stderr.count("is left out") == left_out
    assert [b["board"] for b in json.loads(result.stdout)["boards"]] == [
        "microbit",
        "mps2-an386",
    ]
