"""What the chip or its boot ROM reads from the start of the flash of every real board."""

from __future__ import annotations

import re
import struct
import subprocess

import pytest

from elegans.boards.descriptors.cores import ARM
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.tests.boards.conftest import CROSS_COMPILERS, NEEDS_GCC, skip_without
from elegans.tests.boards.firmware.real_boards import REAL


def _flash_bytes(firmware, offset: int, count: int) -> bytes:
    """What the flash holds there; between two parts of the image it is erased."""
    at = firmware.board.memory.flash.origin + offset
    found = bytearray(b"\xff" * count)
    for address, data in read_image(firmware.elf).segments:
        part = data[max(at - address, 0) : max(at + count - address, 0)]
        start = max(address - at, 0)
        found[start : start + len(part)] = part
    return bytes(found)


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
@pytest.mark.parametrize("name", [n for n in REAL if find_board(n).core.architecture == ARM])
def test_the_vector_table_is_where_the_chip_reads_it(tiny, name, compiler):
    firmware = build_firmware(tiny, find_board(name), compiler)
    memory = firmware.board.memory
    stack, start = struct.unpack("<2I", _flash_bytes(firmware, memory.vectors, 8))
    assert memory.ram.origin < stack <= memory.ram.origin + memory.ram.bytes
    assert stack % 8 == 0
    assert start & 1
    assert memory.flash.origin <= start < memory.flash.origin + memory.flash.bytes
    size = 4 * (16 + firmware.board.uart.irq + 1)
    aligned = 1 << (max(size, 128) - 1).bit_length()  # Armv7-M ARM, B3.2.5
    assert (memory.flash.origin + memory.vectors) % aligned == 0


def _boot_rom_crc(data: bytes) -> int:
    crc = 0xFFFF_FFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C1_1DB7 if crc >> 31 else 0)) & 0xFFFF_FFFF
    return crc


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_the_pico_s_first_boot_stage_has_the_checksum_of_the_boot_rom(tiny, compiler):
    stage = _flash_bytes(build_firmware(tiny, find_board("raspberry-pi-pico"), compiler), 0, 256)
    assert int.from_bytes(stage[252:], "little") == _boot_rom_crc(stage[:252])


@NEEDS_GCC
def test_the_pico_s_first_boot_stage_is_the_assembly_in_its_comment(tiny, tmp_path):
    board = find_board("raspberry-pi-pico")
    text = (board.folder / str(board.source)).read_text()
    lines = re.findall(r"^ \*     (\w+ .*?)(?:   .*)?$", text, re.M)
    assert len(lines) == 20
    source = ".syntax unified\n.cpu cortex-m0plus\n.thumb\n" + "\n".join(lines) + "\n.ltorg\n"
    (tmp_path / "stage.s").write_text(source)
    for command in ("as stage.s -o stage.o", "objcopy -O binary stage.o stage.bin"):
        subprocess.run(["arm-none-eabi-" + command.split()[0], *command.split()[1:]],
                       cwd=tmp_path, check=True)  # fmt: skip
    code = (tmp_path / "stage.bin").read_bytes()
    stage = _flash_bytes(build_firmware(tiny, board), 0, 256)
    assert stage[:252] == code.ljust(252, b"\0")


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
@pytest.mark.parametrize(("core", "kind"), [("", 0x10210142), ("-riscv", 0x11010142)])
def test_the_pico_2_has_the_block_by_which_its_boot_rom_finds_the_image(tiny, core, kind, compiler):
    board = find_board("raspberry-pi-pico2" + core)
    skip_without(board, compiler)
    head = _flash_bytes(build_firmware(tiny, board, compiler), 0, 4096)
    block = struct.pack("<5I", 0xFFFFDED3, kind, 0x1FF, 0, 0xAB123579)
    assert head.count(block) == 1
    assert head.index(block) % 4 == 0


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_the_k64_is_left_unsecured(tiny, compiler):
    field = _flash_bytes(build_firmware(tiny, find_board("frdm-k64f"), compiler), 0x400, 16)
    assert field == b"\xff" * 12 + b"\xfe" + b"\xff" * 3
