"""UF2: blocks decode to the bytes that were encoded; a file is copied to a single drive only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.flashing import uf2
from elegans.boards.flashing.debug_probe import FlashError
from elegans.exporter.errors import ElegansError
from elegans.tests.boards.conftest import skip_without

_RP2040 = 0xE48BFF56


@st.composite
def segments(draw):
    at, found = 0x1000_0000, []
    for _ in range(draw(st.integers(1, 5))):
        at += draw(st.integers(0, 2000))
        data = draw(st.binary(min_size=1, max_size=700))
        found.append((at, data))
        at += len(data)
    return tuple(found)


@given(segments())
def test_every_byte_of_an_image_comes_back_from_its_page(image):
    data = uf2.encode(image, _RP2040)
    memory = {a + i: b for a, page in uf2.decode(data, _RP2040) for i, b in enumerate(page)}
    for address, part in image:
        assert bytes(memory[address + i] for i in range(len(part))) == part
    assert len(data) % 512 == 0


@pytest.mark.parametrize(
    "name", ["raspberry-pi-pico", "raspberry-pi-pico2", "raspberry-pi-pico2-riscv"]
)
@pytest.mark.parametrize("compiler", ["zig", "gcc"])
def test_a_pico_s_firmware_is_encoded_as_its_boot_rom_expects(tiny, name, compiler):
    skip_without(find_board(name), compiler)
    firmware = build_firmware(tiny, find_board(name), compiler)
    family, image = firmware.board.flash.uf2_family, read_image(firmware.elf).segments
    data = uf2.encode(image, family)
    for number in range(len(data) // 512):
        block = data[512 * number : 512 * (number + 1)]
        word = [int.from_bytes(block[i : i + 4], "little") for i in range(0, 512, 4)]
        assert word[:3] == [0x0A324655, 0x9E5D5157, 0x2000]
        assert 0x1000_0000 <= word[3] < 0x1000_0000 + firmware.board.memory.flash.bytes
        assert word[3] % 256 == 0
        assert word[4:8] == [256, number, len(data) // 512, family]
        assert word[127] == 0x0AB16F30
    pages = uf2.decode(data, family)
    assert pages[0][0] == 0x1000_0000
    assert len({address for address, _ in pages}) == len(pages)


@pytest.mark.parametrize(
    ("at", "value", "complaint"),
    [
        (0, b"\0", "block 0 of 4 is not UF2"),
        (512 + 511, b"\0", "block 1 of 4 is not UF2"),
        (1024 + 20, b"\7", "block 2 of 4 is number 7 of 4"),
        (1536 + 28, b"\0", "block 3 of 4 is for the family"),
        (16, b"\1\1", "block 0 of 4 carries 257 bytes"),
        (12, b"\1", "block 0 of 4 goes to 0x10000001"),
    ],
)
def test_a_damaged_block_is_reported_by_its_number(at, value, complaint):
    data = bytearray(uf2.encode(((0x1000_0000, bytes(1000)),), _RP2040))
    data[at : at + len(value)] = value
    with pytest.raises(ElegansError, match=complaint):
        uf2.decode(bytes(data), _RP2040)


def test_an_incomplete_block_is_refused():
    with pytest.raises(ElegansError, match="700 bytes are not a number of blocks"):
        uf2.decode(bytes(700), _RP2040)


def test_the_one_boot_drive_is_found_and_written(tmp_path, monkeypatch):
    drive = tmp_path / "user" / "RPI-RP2"
    drive.mkdir(parents=True)
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\n")
    monkeypatch.setattr(uf2, "drives", lambda: _REAL_DRIVES((str(tmp_path),)))
    assert uf2.copy_to_drive(b"image") == drive / "firmware.uf2"
    assert (drive / "firmware.uf2").read_bytes() == b"image"


_REAL_DRIVES = uf2.drives


def test_no_drive_two_drives_and_another_folder_are_different_errors(tmp_path, monkeypatch):
    monkeypatch.setattr(uf2, "drives", list)
    with pytest.raises(FlashError, match="no boot drive is mounted; hold BOOTSEL"):
        uf2.copy_to_drive(b"")
    monkeypatch.setattr(uf2, "drives", lambda: [tmp_path / "a", tmp_path / "b"])
    with pytest.raises(FlashError, match=r"there are 2 boot drives: .*name one: --drive"):
        uf2.copy_to_drive(b"")
    with pytest.raises(FlashError, match=r"is not a boot drive, it has no INFO_UF2\.TXT"):
        uf2.copy_to_drive(b"", tmp_path)
