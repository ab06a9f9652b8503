"""Descriptors of boards: those of the catalogue, and a user's own."""

from __future__ import annotations

import re

import pytest

from elegans.boards import doctor
from elegans.boards.descriptors.board import LinkBuffers
from elegans.boards.descriptors.descriptor import boards, find_board
from elegans.boards.firmware import toolchain
from elegans.exporter.errors import ElegansError
from elegans.tests.places import CHECKOUT

_M4 = CHECKOUT / "boards" / "catalogue" / "mps2-an386.toml"


def test_a_descriptor_is_named_after_its_board():
    assert _M4.stem in boards()
    for name, board in boards().items():
        assert board.path.stem == name == board.name


def test_an_unknown_board_is_refused_with_the_known_ones():
    with pytest.raises(ElegansError, match=r"arduino: there is no board .* choose one of: .*mps2"):
        find_board("arduino")


def test_a_user_s_own_board_is_read_by_path(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(_M4.read_text().replace('name = "mps2-an386"', 'name = "mine"'))
    assert find_board(str(mine)).name == "mine"
    assert find_board(str(mine)).memory == find_board("mps2-an386").memory


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'core = "cortex-m4f"',
            'core = "z80"',
            "'z80' is not a known core; choose one of: cortex",
        ),
        ('core = "cortex-m4f"', "core = []", "core = [] is not a known core"),
        ("irq = 0", "", "uart.irq is missing"),
        ("irq = 0", 'irq = "0"', "uart.irq = '0' is not an integer"),
        ("irq = 0", "irq = true", "uart.irq = True is not an integer"),
        ("irq = 0", "irq = 0\nirqs = 1", "unknown key uart.irqs"),
        ("baud = 921_600", "baud = 9_216_000", "uart.baud = 9216000 is too fast"),
        ("credit = 8192", "credit = 8000", "link.credit = 8000 is not a power of two"),
        (
            "max_frame = 4096",
            "max_frame = 300000",
            "link.max_frame must hold a HELLO reply, and is 262144 at most",
        ),
        (
            "max_frame = 4096",
            "max_frame = -1",
            "link.max_frame must hold a HELLO reply",
        ),
        ("credit = 8192", "credit = 8", "link.credit must hold the host's HELLO"),
        ("max_frame = 4096", "max_frame = 94", "give 95 to 262144"),
        ("stack = 4096", "stack = 64", "memory.stack = 64 is too small"),
        ("stack = 4096", "stack = 4095", "or not a multiple of 8"),
        ("base = 0x40004000", "base = -4", "uart.base = -4 does not fit in 32 bits"),
        ("\nhz = 25_000_000", "\nhz = 99_999_999_999", "counter.hz = 99999999999 does not fit"),
        ("[qemu]", "[quemu]", "unknown key quemu"),
        ('kind = "systick"', 'kind = "rtc"', "counter.kind = 'rtc' is unknown"),
        ('"cortex-m4f"', '"cortex-m55"', "unicorn cannot emulate a cortex-m55 with a UART 'cmsdk'"),
        ('"cmsdk"', '"8250"', "uart.driver = '8250' is unknown; choose one of: cmsdk, "),
        ('"cmsdk"', '"source"', "the descriptor has no source; add source = 'board.c'"),
        ("irq = 0", "irq = 480", "uart.irq = 480 is out of range; give 0 to 479"),
        (
            "stack = 4096",
            "stack = 4096\nfixed = [{ section = '.x', offset = '0' }]",
            "fixed[0].offset",
        ),
        ("stack = 4096", "stack = 4096\nfixed = [{ section = '*', offset = 0 }]", "section '*'"),
        (
            "core =",
            'source = "../board.c"\ncore =',
            "is not the name of a C file",
        ),
        (
            "0x20000000, bytes = 0x400000",
            "0xFFFFFFFF, bytes = 2",
            "memory.ram lies outside the address space of 32 bits",
        ),
        ("irq = 0", "irq =", "is not TOML"),
        ('name = "mps2-an386"', 'name = "../../x"', "name = '../../x' cannot name a folder"),
        ('name = "mps2-an386"', 'name = ""', "name = '' cannot name a folder"),
        ('"unicorn", "qemu"', '"bochs"', "emulators has 'bochs', which is unknown"),
    ],
)
def test_a_wrong_descriptor_is_refused_by_its_key(tmp_path, old, new, message):
    text = _M4.read_text().replace("[uart]", "stack = 4096\n\n[uart]")
    text += "\n[link]\nmax_frame = 4096\ncredit = 8192\n"
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new))
    with pytest.raises(ElegansError, match=re.escape(message)):
        find_board(str(tmp_path / "mine.toml"))


def test_a_missing_descriptor_is_reported(tmp_path):
    with pytest.raises(ElegansError, match="cannot be read"):
        find_board(str(tmp_path / "none.toml"))


def test_an_instruction_on_qemu_takes_one_tick_or_at_least_four():
    for board in boards().values():
        if board.qemu:
            ticks = board.counter.hz * 1e-9 * (1 << board.qemu.icount_shift)
            assert ticks == 1 or ticks >= 4, board.name


def test_the_catalogue_says_what_runs_a_board_here():
    (row,) = [row for row in doctor.catalogue() if row["name"] == "mps2-an386"]
    assert row["core"] == "cortex-m4f"
    assert "unicorn" in row["runs_on"]


def test_the_doctor_reports_what_is_missing(monkeypatch):
    monkeypatch.setattr(toolchain, "_present", lambda command: False)
    monkeypatch.setattr(doctor, "_version", lambda package: None)
    findings = {finding.name: finding for finding in doctor.examine()}
    assert findings["ziglang"].needed
    assert str(findings["ziglang"]).endswith("pip install 'elegans[sim]'")
    assert not findings["torch"].needed
    assert not findings["torch"].present


def test_the_doctor_reports_what_is_installed():
    findings = {finding.name: finding for finding in doctor.examine()}
    assert findings["unicorn"].present
    assert str(findings["unicorn"]).startswith("ok")


@pytest.mark.parametrize(
    ("ram", "credit", "max_frame"),
    [(4096, 1024, 512), (0x2000, 2048, 1024), (0x5000, 4096, 2048), (0x400000, 8192, 4096)],
)
def test_buffers_without_a_size_follow_from_the_ram(tmp_path, ram, credit, max_frame):
    text = _M4.read_text()
    assert "[link]" not in text
    (tmp_path / "mine.toml").write_text(
        text.replace("bytes = 0x400000 }\n\n", f"bytes = {ram} }}\n")
    )
    board = find_board(str(tmp_path / "mine.toml"))
    assert board.link == LinkBuffers(max_frame, credit)
    assert board.memory.stack is None
    assert board.link.credit + 2 * board.link.max_frame <= ram / 2


def test_buffers_with_a_size_keep_it(tmp_path):
    (tmp_path / "mine.toml").write_text(_M4.read_text() + "\n[link]\ncredit = 1024\n")
    assert find_board(str(tmp_path / "mine.toml")).link == LinkBuffers(512, 1024)
