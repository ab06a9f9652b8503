"""A fault is reported with the function and the source line in which it happened."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.symbolise import symbolise
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.hil_tests.session.stream import run
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.tests.boards.conftest import CROSS_COMPILERS, copy_of_tiny, insert_faults

# By first input: what the step of the faulty model does, and the cause that is reported.
_FAULTS = {
    1: ("*(volatile int *)0xF0000000u = 1;", "bus error on data access"),
    2: ('__asm__ volatile("udf #0");', "undefined instruction"),
    3: ("((void (*)(void))0x70000001u)();", "bus error on instruction fetch"),
}


@pytest.fixture(scope="session")
def faulty(tmp_path_factory):
    """A BUILD whose step faults if its first input is 1, 2 or 3, and the lines of the faults."""
    folder = copy_of_tiny(tmp_path_factory.mktemp("faulty") / "BUILD")
    insert_faults(folder, {x: what for x, (what, _) in _FAULTS.items()})
    text = (folder / "tiny.c").read_text()
    lines = {x: text[: text.index(what)].count("\n") + 1 for x, (what, _) in _FAULTS.items()}
    return folder, lines


@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
@pytest.mark.parametrize("first_input", _FAULTS)
def test_a_fault_names_its_function_its_line_and_its_cause(faulty, first_input, compiler):
    folder, lines = faulty
    with (
        session(folder, "mps2-an386", BoardOptions("unicorn", compiler)) as device,
        pytest.raises(HilError) as failure,
    ):
        run(device.link, np.array([[first_input, 0]], np.int16), np.zeros(1, np.int16))
    message = str(failure.value)
    assert failure.value.phase is Phase.FAULT
    assert _FAULTS[first_input][1] in message
    # There is no function at 0x70000000; the function that called it is reported instead.
    assert ("what tiny_step" in message) == (first_input == 3)
    named = int(message.partition("tiny_step (model/tiny.c:")[2].partition(")")[0])
    assert named == lines[first_input]


def test_an_address_outside_of_all_functions_has_no_location(tiny, m4):
    firmware = build_firmware(tiny, m4)
    assert symbolise(firmware.elf, 0x2000_0000) is None
    assert symbolise(firmware.elf.with_name("none.elf"), 0) is None
    (broken := firmware.elf.parent / "broken.elf").write_bytes(firmware.elf.read_bytes()[:5000])
    assert symbolise(broken, 0x100) is None


def test_an_image_does_not_contain_the_name_of_its_folder(tiny, m4):
    for compiler in ("zig", "gcc") if shutil.which("arm-none-eabi-gcc") else ("zig",):
        image = build_firmware(tiny, m4, compiler).elf.read_bytes()
        assert b"elegans-" not in image
        assert str(tiny).encode() not in image
