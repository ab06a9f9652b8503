"""Packages on the cores of chips that have no board here: CH32V003, GD32VF103, ESP32-C3 and C6."""

from __future__ import annotations

import shutil

import pytest

_GCC, _EMULATOR = "riscv64-unknown-elf-gcc", "qemu-riscv32"
_FLASH = 7 * 1024  # of the CH32V003's 16 KiB
# The system call `exit`, whose number is in t0 where there are 16 registers, and else in a7.
_MAIN = """
#include "{name}_selftest.h"

__attribute__((naked, used)) void _start(void)
{{
    __asm__ volatile("call main\\n li t0, 93\\n .word 0x05d00893\\n ecall");
}}

int main(void)
{{
    return {name}_selftest() != 0;
}}
"""


@pytest.mark.skipif(
    not (shutil.which(_GCC) and shutil.which(_EMULATOR)),
    reason="apt install gcc-riscv64-unknown-elf qemu-user",
)
@pytest.mark.parametrize(
    ("name", "march", "abi"),
    [("slow", "rv32ec", "ilp32e"), ("fast", "rv32imac_zicsr", "ilp32")],
)
def test_the_selftest_of_a_package_is_right_on_the_cores_of_small_chips(
    packages, run, tmp_path, name, march, abi
):
    root = packages[name] / "cmake" / name
    (tmp_path / "main.c").write_text(_MAIN.format(name=name))
    units = [*root.glob("src/*.[cS]"), *root.glob("elegans_runtime/src/*.c")]
    line = [_GCC, f"-march={march}", f"-mabi={abi}", "-Os", "-std=gnu99", "-nostdlib"]
    line += ["-ffreestanding", "-msmall-data-limit=0"]
    line += ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
    line += [f"-I{root}/include", f"-I{root}/elegans_runtime/include", "main.c", *units]
    run(*line, "-lgcc", "-o", "selftest")
    run("timeout", "20", _EMULATOR, "selftest")
    size = run("riscv64-unknown-elf-size", "selftest").splitlines()[1].split()
    assert int(size[0]) < _FLASH
    assert size[1:3] == ["0", "0"]
