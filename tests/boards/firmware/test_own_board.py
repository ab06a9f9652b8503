"""A user's own board: a descriptor and a C file that do not come with elegans."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from elegans.boards.descriptors.descriptor import find_board
from elegans.cli import main

# UART and memory are those of the MPS2, so that both emulators can run it.
_DESCRIPTOR = """
name = "my-board"
title = "A board on somebody's desk"
core = "cortex-m3"
source = "my-board.c"
emulators = ["unicorn"]

[memory]
flash = { origin = 0x00000000, bytes = 0x40000 }
ram = { origin = 0x20000000, bytes = 0x8000 }
stack = 2048
fixed = [{ section = ".signature", offset = 0x200 }]

[uart]
driver = "cmsdk"
base = 0x40004000
irq = 0
clock_hz = 8_000_000
baud = 115_200

[counter]
kind = "dwt"
hz = 8_000_000

[link]
max_frame = 1024
credit = 2048
"""
_SOURCE = """
#include "board.h"

__attribute__((used, section(".signature"))) static const char signature[] = "my-board 1.0";

static uint32_t started;

void board_init(void)
{
    started++;
}
"""
# A UART driver of the user's own, for the UART of the MPS2.
_UART = """
#include "board.h"
#include "config.h"
#include "cortex_m.h"

#define DATA REGISTER(0x40004000)
#define STATE REGISTER(0x40004004)
#define CONTROL REGISTER(0x40004008)
#define INTERRUPT REGISTER(0x4000400C)
#define DIVISOR REGISTER(0x40004010)

void board_init(void)
{
}

int uart_baud(uint32_t baud)
{
    if (baud != BOARD_BAUD)
        return 0;
    DIVISOR = BOARD_UART_CLOCK / BOARD_BAUD;
    return 1;
}

void uart_init(void)
{
    (void)uart_baud(BOARD_BAUD);
    CONTROL = 1 | 2 | 8;
    interrupt_enable(BOARD_UART_IRQ);
}

void uart_send(uint8_t byte)
{
    while (STATE & 1) {
    }
    DATA = byte;
}

void uart_drain(void)
{
}

void uart_interrupt(void)
{
    INTERRUPT = 2;
    while (STATE & 2)
        serial_receive((uint8_t)DATA);
}
"""


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "my-board.toml").write_text(_DESCRIPTOR)
    (tmp_path / "my-board.c").write_text(_SOURCE)
    return tmp_path


def _elegans(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_it_is_built_run_and_compared_like_every_board(desk, worm):
    done = _elegans("hil", worm, "--board", desk / "my-board.toml")
    assert done.exit_code == 0, done.output
    assert "my-board (unicorn)" in done.output
    assert " 0 different" in done.output
    image = next((worm / "firmware").glob("my-board-*/firmware.elf")).read_bytes()
    assert b"my-board 1.0" in image


def test_its_own_uart_driver_replaces_ours(desk, worm):
    text = _DESCRIPTOR.replace('"cmsdk"', '"source"').replace('["unicorn"]', '["qemu"]')
    text += '\n[qemu]\nmachine = "mps2-an385"\nicount_shift = 8\n'
    (desk / "my-board.toml").write_text(text.replace('kind = "dwt"', 'kind = "systick"'))
    (desk / "my-board.c").write_text(_UART)
    assert _elegans("build", worm, "--board", desk / "my-board.toml").exit_code == 0
    done = _elegans("hil", worm, "--board", desk / "my-board.toml")
    if "qemu-system-arm is not installed" in done.output or "qemu is not" in done.output:
        pytest.skip("qemu-system-arm is not installed")
    assert done.exit_code == 0, done.output
    assert " 0 different" in done.output


def test_an_error_in_its_source_is_reported_by_line(desk, worm):
    (desk / "my-board.c").write_text(_SOURCE.replace("started++;", "started++"))
    done = _elegans("build", worm, "--board", desk / "my-board.toml")
    assert done.exit_code == 1
    assert "board.c:" in done.output
    assert "Traceback" not in done.output


def test_a_model_that_does_not_fit_is_reported_by_region(desk, worm):
    text = _DESCRIPTOR.replace("bytes = 0x8000", "bytes = 0x800")
    (desk / "my-board.toml").write_text(text)
    done = _elegans("build", worm, "--board", desk / "my-board.toml")
    assert done.exit_code == 1
    assert "RAM" in done.output


def test_its_source_is_beside_its_descriptor(desk):
    board = find_board(str(desk / "my-board.toml"))
    assert (board.folder, board.source) == (desk, "my-board.c")
