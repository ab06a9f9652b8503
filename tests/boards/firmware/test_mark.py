"""A pin that is high during a step: only the firmware of a descriptor with [mark] has it."""

from __future__ import annotations

import pytest

from elegans.boards.descriptors.board import CATALOGUE
from elegans.boards.descriptors.descriptor import find_board, read_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.source import firmware_files, read_model
from elegans.exporter.errors import ElegansError

# PB4 of the NUCLEO-L432KC: its port's clock, its mode, and its bits to set and to clear.
_MARK = """
[mark]
set_address = 0x48000418
high = 0x10
clear_address = 0x48000428
low = 0x10
setup = [[0x4002104C, 0x3], [0x48000400, 0xFFFFFDBF]]
"""


def _marked(folder, mark=_MARK, board="nucleo-l432kc"):
    for suffix in ("toml", "c"):
        source = CATALOGUE / f"{board}.{suffix}"
        (folder / source.name).write_text(source.read_text() + mark * (suffix == "toml"))
    return read_board(folder / f"{board}.toml")


def test_a_step_lies_between_the_edges(worm, tmp_path):
    text = firmware_files(read_model(worm), _marked(tmp_path), "00" * 32)["device.c"].decode()
    names = ("BOARD_MARK_SETUP()", "BOARD_MARK_HIGH()", "worm_step(s", "BOARD_MARK_LOW()")
    places = [text.index(name) for name in names]
    assert places == sorted(places)


def test_the_marks_compile_and_write_to_the_registers_of_the_descriptor(worm, tmp_path):
    plain = build_firmware(worm, find_board("nucleo-l432kc"))
    firmware = build_firmware(worm, _marked(tmp_path))
    assert firmware.image_flash_bytes > plain.image_flash_bytes
    assert firmware.flash_bytes == plain.flash_bytes  # the model itself is the same
    marked = firmware_files(read_model(worm), _marked(tmp_path), "00" * 32)["config.h"].decode()
    assert "BOARD_WORD(0x48000418u) = 0x00000010u" in marked


def test_without_the_key_nothing_is_added(worm):
    files = firmware_files(read_model(worm), find_board("nucleo-l432kc"), "00" * 32)
    assert not any(b"BOARD_MARK" in content for content in files.values())


@pytest.mark.parametrize(
    "wrong",
    [("0x10\n", "0x1_0000_0000\n"), ("[0x4002104C, 0x3]", "[0x4002104C]"), ("low = 0x10", "")],
)
def test_a_mark_that_is_none_is_refused(wrong, tmp_path):
    with pytest.raises(ElegansError, match="mark"):
        _marked(tmp_path, _MARK.replace(*wrong, 1))
