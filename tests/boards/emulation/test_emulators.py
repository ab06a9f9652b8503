"""Both emulators boot the same ELF image and answer with the same bits as the Python twin."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import serial

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.emulation.virtual_board import BoardFaultError, emulate
from elegans.boards.firmware.build import build_firmware
from elegans.exporter.errors import ElegansError
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.stream import run
from elegans.hil_tests.wire.frames import Frame, Kind, encode
from elegans.hil_tests.wire.messages import Shape, StepReply, StepRequest
from elegans.tests.boards.conftest import CROSS_COMPILERS, EMULATORS, copy_of_tiny, insert_faults
from elegans.tests.boards.tiny_build import twin

# What the step of the faulty model does, by its first input.
_FAULTS = {
    1: "*(volatile int *)0xF0000000u = 1;",
    2: '__asm__ volatile("udf #0");',
    3: "((void (*)(void))0x70000001u)();",
    4: "for (;;) { }",
    5: '__asm__ volatile("mov sp, %0\\n\\tpush {r0}" ::"r"(0x60000000u));',
}


@pytest.fixture(params=EMULATORS)
def emulator(request):
    return request.param


@pytest.fixture(scope="session")
def faulty(tmp_path_factory, m4):
    """Firmware whose step faults (1 to 3), hangs (4) or locks up (5), by its first input."""
    folder = copy_of_tiny(tmp_path_factory.mktemp("faulty") / "BUILD")
    insert_faults(folder, _FAULTS)
    return build_firmware(folder, m4)


def _steps(link, vectors, rows, timed=False):
    inputs = link.peer.shape.rows(vectors["x"][rows], vectors["dt"][rows])
    payload = StepRequest(vectors["h"][rows][0], inputs, timed).encode()
    return StepReply.parse(link.request(Kind.STEP, payload), link.peer.shape)


def _one_step(first_input):
    """The frame of a STEP request to the tiny model, with this input."""
    inputs = Shape(2, 1, 3, 2, 2).rows([[first_input, 0]], [0])
    return encode(Frame(Kind.STEP, 1, StepRequest(np.zeros(3, np.int16), inputs).encode()))


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_a_board_identifies_itself_and_steps_like_its_twin(tiny, m4, vectors, emulator, compiler):
    firmware = build_firmware(tiny, m4, compiler)
    with emulate(firmware, emulator) as board, Link.open(board.port) as link:
        hello = link.hello()
        assert hello.board == "mps2-an386"
        assert hello.model_digest.hex() == twin.digest(tiny)[:32]
        assert hello.firmware_digest.hex() == firmware.firmware_digest[:32]
        assert (hello.reset, hello.fault_pc, hello.counter_hz) == ("power", 0, 25_000_000)
        h = [0, 0, 0]
        rng = np.random.default_rng(3)
        for _ in range(20):
            x, dt = rng.integers(-32768, 32768, 2), int(rng.integers(-32768, 32768))
            step = StepRequest(np.array(h, np.int16), hello.shape.rows([x], [dt]))
            answer = link.request(Kind.STEP, step.encode())
            reply = StepReply.parse(answer, hello.shape)
            y, h = twin.step([int(v) for v in x], dt, h)
            assert (reply.y[0].tolist(), reply.h[0].tolist()) == (y, h)
        board.check()


def test_a_user_s_own_board_boots_too(tiny, m4, vectors, emulator, tmp_path):
    text = m4.path.read_text().replace('name = "mps2-an386"', 'name = "mine"')
    text += "\n[link]\nmax_frame = 256\ncredit = 512\n"
    (tmp_path / "mine.toml").write_text(text)
    firmware = build_firmware(tiny, find_board(str(tmp_path / "mine.toml")))
    with emulate(firmware, emulator) as board, Link.open(board.port) as link:
        hello = link.hello()
        assert (hello.board, hello.max_frame, hello.credit) == ("mine", 256, 512)
        y, _ = run(link, vectors["x"][200:], vectors["dt"][200:])
        assert (y == vectors["y"][200:]).all()


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_both_emulators_count_the_same_instructions_every_time(tiny, m4, vectors, compiler):
    firmware = build_firmware(tiny, m4, compiler)
    counts = {}
    emulators = [
        "unicorn",
        "unicorn",
        *(["qemu", "qemu"] if shutil.which("qemu-system-arm") else []),
    ]
    for emulator in emulators:
        with emulate(firmware, emulator) as board, Link.open(board.port) as link:
            found = []
            for first in (0, 7, 40, 200):
                reply = _steps(link, vectors, slice(first, first + 1), timed=True)
                assert reply.ticks_min == reply.ticks_max > 0
                found.append(board.instructions(reply.ticks_min))
            counts.setdefault(tuple(found), []).append(emulator)
    assert len(counts) == 1, counts


def test_counting_does_not_change_an_answer(tiny, m4, vectors, emulator):
    with emulate(build_firmware(tiny, m4), emulator) as board, Link.open(board.port) as link:
        for timed in (True, False, True):
            reply = _steps(link, vectors, slice(200, 230), timed)
            assert (reply.h == vectors["h_next"][200:230]).all()
            assert (reply.ticks_max > 0) == timed


def test_a_reset_restarts_the_board_and_hello_says_so(tiny, m4, vectors, emulator):
    with emulate(build_firmware(tiny, m4), emulator) as board, Link.open(board.port) as link:
        assert link.hello().reset == "power"
        assert link.reset().reset == "software"
        assert (_steps(link, vectors, slice(200, 203)).y == vectors["y"][200:203]).all()


@pytest.mark.parametrize("first_input", [1, 2, 3])
def test_a_fault_resets_the_board_and_hello_reports_its_address(faulty, emulator, first_input):
    with emulate(faulty, emulator) as board, serial.Serial(board.port, timeout=1) as port:
        port.write(_one_step(first_input))
        port.flush()
        with Link.open(board.port) as link:
            hello = link.hello()
            assert hello.reset == "fault"
            symbols = subprocess.run(
                [sys.executable, "-c", _SYMBOLS, str(faulty.elf)],
                capture_output=True, text=True, check=True,
            ).stdout.split()  # fmt: skip
            low, high = map(int, symbols)
            if first_input == 3:
                assert hello.fault_pc == 0x7000_0000
            else:
                assert low <= hello.fault_pc < high
            assert hello.fault_status != 0
            assert link.reset().reset == "software"


_SYMBOLS = """
import sys
from elftools.elf.elffile import ELFFile
table = ELFFile(open(sys.argv[1], "rb")).get_section_by_name(".symtab")
symbol = table.get_symbol_by_name("tiny_step")[0]
print(symbol["st_value"] & ~1, (symbol["st_value"] & ~1) + symbol["st_size"])
"""


def _check_until_it_raises(board):
    for _ in range(1000):
        board.check()
        time.sleep(0.01)


def test_a_lockup_is_a_fault_with_the_last_output_of_the_emulator(faulty, emulator):
    with emulate(faulty, emulator) as board, serial.Serial(board.port) as port:
        port.write(_one_step(5))
        with pytest.raises(BoardFaultError, match=r"(?i)ended with .*lockup") as caught:
            _check_until_it_raises(board)
        assert caught.value.phase == "FAULT"


def test_a_board_that_hangs_is_still_ended(faulty, emulator):
    with emulate(faulty, emulator) as board, serial.Serial(board.port, timeout=0.1) as port:
        port.write(_one_step(4))
        assert port.read(100) == b""
        board.check()
    with pytest.raises(BoardFaultError):
        board.check()


def test_a_killed_emulator_is_noticed(tiny, m4, emulator):
    with emulate(build_firmware(tiny, m4), emulator) as board:
        os.kill(board._process.pid, signal.SIGKILL)
        with pytest.raises(BoardFaultError, match=r"mps2-an386: .* ended with -9"):
            _check_until_it_raises(board)


def test_a_board_keeps_running_while_no_host_has_the_port_open(tiny, m4, vectors, emulator):
    with emulate(build_firmware(tiny, m4), emulator) as board:
        for _ in range(3):
            with Link.open(board.port) as link:
                reply = _steps(link, vectors, slice(200, 290))
                assert (reply.h == vectors["h_next"][200:290]).all()


def test_a_board_ends_when_the_process_that_started_it_is_killed(tiny, m4, emulator):
    elf = build_firmware(tiny, m4).elf
    code = _OWNER.format(build=str(tiny), emulator=emulator)
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    port = owner.stdout.readline().strip()
    running = _processes_of(str(elf))
    assert Path(port).exists()
    assert running
    owner.kill()
    owner.wait()
    for _ in range(500):
        if not running & _processes_of(str(elf)):
            break
        time.sleep(0.01)
    assert not running & _processes_of(str(elf))
    owner.stdout.close()


_OWNER = """
import pathlib, time
from elegans.boards.firmware.build import build_firmware
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.emulation.virtual_board import emulate
firmware = build_firmware(pathlib.Path({build!r}), find_board("mps2-an386"))
with emulate(firmware, {emulator!r}) as board:
    print(board.port, flush=True)
    time.sleep(60)
"""


def _processes_of(elf):
    found = set()
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if elf.encode() in line.read_bytes():
                found.add(line.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("emulator", ["unicorn", "qemu"])
def test_a_missing_emulator_says_how_to_get_it(tiny, m4, monkeypatch, emulator):
    monkeypatch.setattr(virtual_board, "is_installed", lambda name, board: False)
    wanted = rf"{emulator} is not installed; (pip|apt) install"
    with pytest.raises(ElegansError, match=wanted), emulate(build_firmware(tiny, m4), emulator):
        pass


def test_an_emulator_that_does_not_have_the_board_is_refused(tiny, m4):
    firmware = build_firmware(tiny, m4)
    with (
        pytest.raises(ElegansError, match="renode does not have this board"),
        emulate(firmware, "renode"),
    ):
        pass


def test_a_real_board_is_not_emulated(tiny, m4):
    board = dataclasses.replace(m4, emulators=())
    firmware = dataclasses.replace(build_firmware(tiny, m4), board=board)
    with pytest.raises(ElegansError, match="is a real board"), emulate(firmware):
        pass


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:40], lambda b: b[:600], lambda b: b"x" + b]
)
def test_a_corrupt_image_is_refused_before_anything_boots(tiny, m4, tmp_path, emulator, damage):
    firmware = build_firmware(tiny, m4)
    elf = tmp_path / "bad.elf"
    elf.write_bytes(damage(firmware.elf.read_bytes()))
    bad = dataclasses.replace(firmware, elf=elf)
    with pytest.raises(ElegansError, match=r"bad\.elf"), emulate(bad, emulator):
        pass


def test_an_image_for_other_memory_is_refused(tiny, m4, emulator):
    memory = dataclasses.replace(m4.memory, flash=dataclasses.replace(m4.memory.flash, bytes=1024))
    board = dataclasses.replace(m4, memory=memory)
    firmware = dataclasses.replace(build_firmware(tiny, m4), board=board)
    wanted = "where mps2-an386 has no memory"
    with pytest.raises(ElegansError, match=wanted), emulate(firmware, emulator):
        pass


def test_the_unicorn_program_refuses_a_file_that_is_not_an_image(tmp_path):
    (tmp_path / "x.elf").write_text("no")
    command = [
        sys.executable,
        "-m",
        "elegans.boards.emulation.unicorn_board",
        str(tmp_path / "x.elf"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "is not a complete ELF image" in done.stdout
    assert "Traceback" not in done.stderr
