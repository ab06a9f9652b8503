"""End to end: a BUILD is compiled, booted on an emulated board and compared over its port."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from elegans.boards.descriptors.descriptor import find_board
from elegans.exporter.errors import ElegansError
from elegans.hil_tests.session.session import BoardOptions, Device, hil, session
from elegans.hil_tests.session.stream import Controller, run
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.tests.boards.wide_build.twin import with_short_dt
from elegans.tests.places import TINY_BUILD, WIDE_BUILD

BOARD = "mps2-an386"
OPTIONS = BoardOptions("unicorn", "zig")

pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("unicorn") and importlib.util.find_spec("ziglang")),
    reason="needs unicorn and ziglang: pip install 'elegans[sim]'",
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(TINY_BUILD, tmp_path_factory.mktemp("tiny") / "build"))


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(WIDE_BUILD, tmp_path_factory.mktemp("wide") / "build"))


@pytest.fixture(scope="module")
def powered(tiny: Path) -> Iterator[Device]:
    with session(tiny, BOARD, OPTIONS) as device:
        yield device


def test_states_of_32_bits_with_a_dt_of_16_are_carried_to_every_bit(tmp_path: Path) -> None:
    with session(with_short_dt(tmp_path / "BUILD"), BOARD, OPTIONS) as device:
        assert (device.hello.shape.state_bytes, device.hello.shape.dt_bytes) == (4, 2)
        assert device.compare().require().integers == 300 * (1 + 3)


@pytest.mark.parametrize("board", [BOARD, "microbit"])
def test_states_and_times_of_32_bits_are_carried_to_every_bit(wide: Path, board: str) -> None:
    with session(wide, board, OPTIONS) as device:
        verdict = device.compare().require()
        assert verdict.integers == 300 * (1 + 3)
        golden = device.model.vectors.of("recorded")
        assert (golden.h.dtype, golden.dt.dtype) == (np.int32, np.int32)
        y, h = run(device.link, golden.x, golden.dt)
        np.testing.assert_array_equal(y, golden.y)
        np.testing.assert_array_equal(h, golden.h_next)


def test_the_emulated_board_repeats_the_reference_bit_for_bit(powered: Device) -> None:
    verdict = powered.compare().require()
    assert verdict.vectors == len(powered.model.vectors) >= 300
    assert verdict.emulator == "unicorn"
    assert (verdict.flash_bytes or 0) > 0
    assert (verdict.ram_bytes or 0) > 0
    assert verdict.instructions is not None
    assert 0 < verdict.instructions[0] <= verdict.instructions[1]


def test_the_board_steps_in_closed_loop(powered: Device) -> None:
    recorded = powered.model.vectors.of("recorded")[slice(0, 20)]
    controller = Controller(powered.link, recorded.h[0])
    for i in range(len(recorded)):
        y, h = controller.step(recorded.x[i], int(recorded.dt[i]))
        np.testing.assert_array_equal(y, recorded.y[i])
        np.testing.assert_array_equal(h, recorded.h_next[i])


def test_a_second_host_finds_the_port_busy(powered: Device, tiny: Path) -> None:
    with pytest.raises(HilError, match="busy") as failure:
        hil(tiny, BOARD, BoardOptions(port=powered.link.port.name))
    assert failure.value.phase is Phase.SYNC


def test_a_model_that_does_not_compile_fails_in_the_build_phase(tmp_path: Path) -> None:
    broken = Path(shutil.copytree(TINY_BUILD, tmp_path / "broken"))
    (broken / "tiny.c").write_text("int this is no C;\n")
    with pytest.raises(HilError) as failure:
        hil(broken, BOARD, OPTIONS)
    assert failure.value.phase is Phase.BUILD


@pytest.mark.parametrize("board", [BOARD, "microbit"])
def test_an_overrun_stack_is_a_fault_of_the_firmware_not_a_pass(tmp_path: Path, board: str) -> None:
    """The step writes below the stack; it computes the right bits all the same."""
    broken = Path(shutil.copytree(TINY_BUILD, tmp_path / "broken"))
    write = "    {\n        extern uint32_t stack_guard[];\n        stack_guard[2] = 0;\n    }\n"
    text = (broken / "tiny.c").read_text()
    (broken / "tiny.c").write_text(text.replace("    int16_t next[", write + "    int16_t next["))
    with pytest.raises(HilError, match=r"the stack of [0-9,]+ bytes was overrun") as failure:
        hil(broken, board, OPTIONS)
    assert failure.value.phase is Phase.FAULT


def test_a_firmware_that_needs_more_stack_than_the_board_has_fails_in_the_build_phase(
    tiny: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    path = find_board(BOARD).path
    assert path is not None
    own.write_text(path.read_text().replace("[uart]", "stack = 256\n\n[uart]"))
    with pytest.raises(HilError, match="bytes of stack, the board has 256; set memory") as failure:
        hil(tiny, str(own), OPTIONS)
    assert failure.value.phase is Phase.BUILD


def test_the_verdict_tells_how_much_of_the_stack_was_used(powered: Device) -> None:
    verdict = powered.compare()
    assert powered.firmware is not None
    assert powered.firmware.stack.bytes is not None
    assert verdict.stack_used is not None
    assert 100 < verdict.stack_used <= powered.firmware.stack.bytes
    assert f"stack {verdict.stack_used} of 65,536 bytes used" in verdict.summary()
    assert verdict.json()["stack_used"] == verdict.stack_used


def test_an_unknown_board_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ElegansError, match=BOARD):
        hil(TINY_BUILD, "toaster")


def test_an_emulator_that_is_killed_is_a_fault(tiny: Path) -> None:
    with session(tiny, BOARD, OPTIONS) as device:
        assert device.powered is not None
        device.powered._process.kill()
        device.powered._process.wait()
        with pytest.raises(HilError) as failure:
            device.compare()
    assert failure.value.phase is Phase.FAULT
