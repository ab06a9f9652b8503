"""Builds of firmware: what they contain, when they are cached, and which errors they report."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile

import pytest

from elegans.boards.descriptors.board import MOST_STACK, Region
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_image, require_fit
from elegans.exporter.errors import ElegansError
from elegans.tests.boards.conftest import CROSS_COMPILERS, copy_of_tiny

pytestmark = pytest.mark.usefixtures("compiled_anew")


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
@pytest.mark.parametrize("level", ["0", "2", "s"])
def test_every_compiler_and_level_builds(tiny, m4, compiler, level):
    firmware = build_firmware(tiny, m4, compiler, level)
    assert (firmware.compiler, firmware.level) == (compiler, level)
    assert firmware.elf.is_relative_to(tiny / "firmware" / f"mps2-an386-{compiler}-O{level}")
    require_fit(read_image(firmware.elf), m4, firmware.elf)


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_the_sizes_of_model_and_image_are_reported_separately(tiny, m4, compiler):
    firmware = build_firmware(tiny, m4, compiler)
    assert firmware.ram_bytes == 2 * 3  # the state and nothing else
    assert 100 < firmware.flash_bytes < 600
    assert firmware.image_flash_bytes > firmware.flash_bytes + 1000
    link = m4.link
    buffers = link.credit + 2 * link.max_frame + firmware.stack_reserved
    assert buffers < firmware.image_ram_bytes < buffers + 400


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_the_image_is_the_same_wherever_the_build_lies(tmp_path, m4, compiler):
    images = set()
    for place in ("here", "some/where/else"):
        folder = copy_of_tiny(tmp_path / place)
        images.add(build_firmware(folder, m4, compiler).elf.read_bytes())
    assert len(images) == 1
    assert str(tmp_path).encode() not in images.pop()


def test_a_build_is_cached_until_a_source_changes(tmp_path, m4, monkeypatch):
    folder = copy_of_tiny(tmp_path / "BUILD")
    first = build_firmware(folder, m4)
    ran = []
    run = toolchain.run
    monkeypatch.setattr(toolchain, "run", lambda *a: (ran.append(a), run(*a)))
    assert build_firmware(folder, m4) == first
    assert not ran
    text = (folder / "tiny.c").read_text()
    (folder / "tiny.c").write_text(text.replace("9000", "9001"))
    assert build_firmware(folder, m4).firmware_digest != first.firmware_digest
    assert ran


def test_a_damaged_image_is_built_again(tmp_path, m4):
    folder = copy_of_tiny(tmp_path / "BUILD")
    elf = build_firmware(folder, m4).elf
    whole = elf.read_bytes()
    elf.write_bytes(whole[:1000])
    assert build_firmware(folder, m4).elf.read_bytes() == whole


def test_the_compiled_sources_are_stored_beside_the_image(tiny, m4):
    with zipfile.ZipFile(build_firmware(tiny, m4).elf.parent / "source.zip") as source:
        assert b'#define BOARD_NAME "mps2-an386"' in source.read("config.h")
        assert source.read("model/tiny.c") == (tiny / "tiny.c").read_bytes()


def test_a_build_in_the_tree_of_a_project_has_each_c_file_once(tiny, m4):
    build_firmware(tiny, m4)
    names = [path.name for path in tiny.rglob("*.[cS]")]
    assert len(names) == len(set(names))


def test_a_warning_ends_the_build_with_its_line_and_leaves_nothing(tmp_path, m4):
    folder = copy_of_tiny(tmp_path / "BUILD")
    text = (folder / "tiny.c").read_text()
    (folder / "tiny.c").write_text(text + "\nint64_t far(void);\nint64_t far(void) { oops }\n")
    with pytest.raises(ElegansError, match=r"zig says: model/tiny\.c:\d+:\d+: error: .*oops"):
        build_firmware(folder, m4, "zig")
    assert not [path for path in (folder / "firmware").glob("*") if path.suffix != ".lock"]


def test_a_folder_that_is_not_a_build_is_reported(tmp_path, m4):
    with pytest.raises(ElegansError, match=r"model\.json: is not there; give the folder that"):
        build_firmware(tmp_path, m4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("digest"), "digest is missing"),
        (lambda d: d.update(digest="12"), "digest is not 64 hexadecimal digits"),
        (lambda d: d.update(digest=7), "digest is not of type str"),
        (lambda d: d.update(name="two words"), "name is no C identifier"),
        (lambda d: d.update(inputs=None), "inputs is not of type list"),
    ],
)
def test_a_model_json_that_was_tampered_with_is_refused(tmp_path, m4, change, message):
    folder = copy_of_tiny(tmp_path / "BUILD")
    document = json.loads((folder / "model.json").read_text())
    change(document)
    (folder / "model.json").write_text(json.dumps(document))
    with pytest.raises(ElegansError, match=message):
        build_firmware(folder, m4)


def test_a_missing_source_is_reported(tmp_path, m4):
    folder = copy_of_tiny(tmp_path / "BUILD")
    (folder / "tiny.h").unlink()
    with pytest.raises(ElegansError, match=r"tiny\.h: cannot be read"):
        build_firmware(folder, m4)


def test_a_missing_compiler_says_how_to_get_it(tiny, m4, monkeypatch):
    monkeypatch.setattr(toolchain, "_present", lambda command: False)
    with pytest.raises(ElegansError, match=r"ziglang is not installed; pip install 'elegans\[sim"):
        build_firmware(tiny, m4)
    with pytest.raises(ElegansError, match=r"arm-none-eabi-gcc is not installed; apt install"):
        build_firmware(tiny, m4, "gcc")


@pytest.mark.parametrize(
    ("compiler", "level", "message"),
    [
        ("tcc", "2", "tcc: is not a compiler for boards; choose one of: zig, gcc"),
        ("auto", "9", "-O9: is not an optimisation level; choose one of: auto, 0, 1, 2, 3, s"),
    ],
)
def test_an_unknown_compiler_or_level_is_refused(tiny, m4, compiler, level, message):
    with pytest.raises(ElegansError, match=message):
        build_firmware(tiny, m4, compiler, level)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_build_that_cannot_be_written_to_is_reported(tmp_path, m4):
    folder = copy_of_tiny(tmp_path / "BUILD")
    folder.chmod(0o555)
    with pytest.raises(ElegansError, match=r"cannot be written"):
        build_firmware(folder, m4)


def test_a_frame_too_small_for_the_model_ends_the_build(tiny, m4):
    board = dataclasses.replace(m4, link=dataclasses.replace(m4.link, max_frame=64))
    message = "max_frame does not hold a HELLO reply.*; make link.max_frame larger: it is 64"
    with pytest.raises(ElegansError, match=message):
        build_firmware(tiny, board)


def test_a_compiler_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "_TIMEOUT_S", 0.5)
    tool = toolchain.Compiler("zig", ("sh", "-c", "sleep 60"), "0")
    with pytest.raises(ElegansError, match="zig did not end within"):
        toolchain.run(tool, [], tmp_path, "here")


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_buffers_too_large_for_the_ram_end_the_build_with_the_keys_to_change(tiny, m4, compiler):
    memory = dataclasses.replace(m4.memory, ram=Region(0x2000_0000, 0x5000), stack=4096)
    board = dataclasses.replace(m4, memory=memory)
    remedy = r"make link\.credit \(8,192\), link\.max_frame \(4,096, twice\) or memory\.stack \(4,0"
    with pytest.raises(ElegansError, match=f"20,480 bytes: {remedy}"):
        build_firmware(tiny, board, compiler)


def test_a_flash_too_small_ends_the_build_with_what_makes_code_smaller(tiny, m4):
    memory = dataclasses.replace(m4.memory, flash=Region(0, 1024))
    with pytest.raises(ElegansError, match=r"the flash has 1,024 bytes: compile with --level s"):
        build_firmware(tiny, dataclasses.replace(m4, memory=memory))


def test_a_stack_too_small_for_the_firmware_is_refused_with_both_figures(tiny, m4):
    need = build_firmware(tiny, m4).stack.bytes
    memory = dataclasses.replace(m4.memory, stack=256)
    board = dataclasses.replace(m4, memory=memory)
    fact = f"the firmware needs {need} bytes of stack, the board has 256"
    with pytest.raises(
        ElegansError, match=rf"{fact}; set memory\.stack to {need} or more \(the RAM"
    ):
        build_firmware(tiny, board)


def test_where_the_ram_is_too_small_for_the_stack_the_buffers_are_named(tiny, m4):
    need = build_firmware(tiny, m4).stack.bytes
    link = dataclasses.replace(m4.link, max_frame=512, credit=1024)
    ram = 2048 + need  # the rest is less than the stack needs
    memory = dataclasses.replace(m4.memory, ram=Region(0x2000_0000, ram))
    board = dataclasses.replace(m4, memory=memory, link=link)
    with pytest.raises(ElegansError, match=r"the RAM allows \d+: make link\.credit \(1,024\) or"):
        build_firmware(tiny, board)


def test_a_stack_without_a_size_gets_what_is_left_of_the_ram(tiny, m4):
    memory = dataclasses.replace(m4.memory, ram=Region(0x2000_0000, 0x6000))
    firmware = build_firmware(tiny, dataclasses.replace(m4, memory=memory))
    assert 0x6000 - 8 <= firmware.image_ram_bytes <= 0x6000
    assert firmware.stack_reserved > 0x6000 - 8192 - 2 * 4096 - 400
    assert build_firmware(tiny, m4).stack_reserved == MOST_STACK
