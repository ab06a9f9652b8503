"""A fault is told with the function and the line that it came from."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from elegans.boards.firmware.build import build
from elegans.boards.firmware.symbolise import locate
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.hil_tests.session.stream import run
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.tests.boards.conftest import copy_of_tiny

_ILLS = {
    1: ("*(volatile int *)0xF0000000u = 1;", "bus error on data access"),
    2: ('__asm__ volatile("udf #0");', "undefined instruction"),
    3: ("((void (*)(void))0x70000001u)();", "bus error on instruction fetch"),
}
_COMPILERS = [
    "zig",
    pytest.param(
        "gcc",
        marks=pytest.mark.skipif(
            not shutil.which("arm-none-eabi-gcc"), reason="arm-none-eabi-gcc is not installed"
        ),
    ),
]


@pytest.fixture(scope="session")
def sick(tmp_path_factory):
    """A BUILD whose model faults when its first input is 1, 2 or 3, and the lines of that."""
    folder = copy_of_tiny(tmp_path_factory.mktemp("sick") / "BUILD")
    text = (folder / "model.c").read_text()
    ills = "".join(f"    if (x[0] == {x})\n        {what}\n" for x, (what, _) in _ILLS.items())
    text = text.replace("    int16_t next[", ills + "    int16_t next[")
    (folder / "model.c").write_text(text)
    lines = {x: text[: text.index(what)].count("\n") + 1 for x, (what, _) in _ILLS.items()}
    return folder, lines


@pytest.mark.parametrize("compiler", _COMPILERS)
@pytest.mark.parametrize("ill", _ILLS)
def test_a_fault_names_its_function_its_line_and_its_cause(sick, ill, compiler):
    folder, lines = sick
    with (
        session(folder, "mps2-an386", BoardOptions("unicorn", compiler)) as device,
        pytest.raises(HilError) as failure,
    ):
        run(device.link, np.array([[ill, 0]], np.int16), np.zeros(1, np.int16))
    told = str(failure.value)
    assert failure.value.phase is Phase.FAULT
    assert _ILLS[ill][1] in told
    # What lies at 0x70000000 nobody knows; who called it is told instead.
    assert ("what tiny_step" in told) == (ill == 3)
    named = int(told.partition("tiny_step (model/model.c:")[2].partition(")")[0])
    assert named == lines[ill]


def test_an_address_outside_of_any_function_is_nowhere(tiny, m4):
    firmware = build(tiny, m4)
    assert locate(firmware.elf, 0x2000_0000) is None
    assert locate(firmware.elf.with_name("none.elf"), 0) is None
    (broken := firmware.elf.parent / "broken.elf").write_bytes(firmware.elf.read_bytes()[:5000])
    assert locate(broken, 0x100) is None


def test_the_image_does_not_name_the_folder_that_it_was_compiled_in(tiny, m4):
    for compiler in ("zig", "gcc") if shutil.which("arm-none-eabi-gcc") else ("zig",):
        image = build(tiny, m4, compiler).elf.read_bytes()
        assert b"elegans-" not in image
        assert str(tiny).encode() not in image
