"""The firmware of every real board, on an emulated core, gives the bits of the golden vectors."""

from __future__ import annotations

from pathlib import Path

import pytest

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.hil_tests.wire.frames import Kind
from elegans.hil_tests.wire.messages import Hello, StepReply, StepRequest
from elegans.tests.boards.conftest import skip_without
from elegans.tests.boards.firmware.real_boards import REAL, RealBoard
from elegans.tests.boards.tiny_build import twin


def test_every_real_board_of_the_docs_is_in_the_catalogue():
    assert set(REAL) >= {
        *("nucleo-l432kc", "nucleo-h743zi2", "stm32f429i-disc1", "nrf52840-dk", "microbit-v2"),
        *("raspberry-pi-pico", "raspberry-pi-pico2", "frdm-k64f"),
        "raspberry-pi-pico2-riscv",
    }


@pytest.mark.parametrize(("compiler", "level"), [("zig", "2"), ("gcc", "s")])
@pytest.mark.parametrize("name", REAL)
def test_the_firmware_of_a_real_board_answers_bit_for_bit(tiny, vectors, name, compiler, level):
    skip_without(find_board(name), compiler)
    board = RealBoard(build_firmware(tiny, find_board(name), compiler, level))
    hello = Hello.parse(board.ask(Kind.HELLO, b"abcd"))
    assert (hello.board, hello.model_digest.hex()) == (name, twin.digest(tiny)[:32])
    assert hello.counter_hz == board.descriptor.counter.hz
    for timed in (False, True):
        inputs = hello.shape.rows(vectors["x"][200:240], vectors["dt"][200:240])
        step = StepRequest(vectors["h"][200], inputs, timed)
        reply = StepReply.parse(board.ask(Kind.STEP, step.encode()), hello.shape)
        assert (reply.y == vectors["y"][200:240]).all()
        assert (reply.h == vectors["h_next"][200:240]).all()
        assert (reply.ticks_min > 0) == timed


def test_a_missing_source_of_a_board_is_reported(tiny, tmp_path):
    text = Path(find_board("frdm-k64f").path).read_text()
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(Exception, match=r"frdm-k64f\.c: cannot be read .*beside the descriptor"):
        build_firmware(tiny, find_board(str(tmp_path / "mine.toml")))
