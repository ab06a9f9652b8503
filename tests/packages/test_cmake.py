"""The CMake packages: two models in one build, by each way in which CMake takes a package."""

from __future__ import annotations

import shutil
import subprocess

import pytest

if not (shutil.which("cmake") and shutil.which("ninja")):
    pytest.skip("cmake or ninja is not installed", allow_module_level=True)

_PROJECT = """cmake_minimum_required(VERSION 3.16)
project(two LANGUAGES C)
include(FetchContent)
FetchContent_Declare(fast URL {fast})
FetchContent_MakeAvailable(fast)
add_subdirectory({slow} slow)
add_executable(two main.c)
target_compile_options(two PRIVATE -Wall -Wextra -Wconversion -Werror)
target_link_libraries(two PRIVATE fast::fast slow::slow)
"""
_MAIN = """
#include <stdio.h>
#include "fast.h"
#include "fast_selftest.h"
#include "slow.h"
#include "slow_selftest.h"

int main(void)
{
    printf("%d %d\\n", (int)fast_selftest(), (int)slow_selftest());
    return 0;
}
"""
_ARM = """set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m4 -mthumb")
set(CMAKE_ASM_FLAGS_INIT "-mcpu=cortex-m4 -mthumb")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
"""


def test_two_packages_of_one_build_share_the_runtime_and_are_right_to_the_bit(
    packages, run, tmp_path
):
    places = {name: folder / "cmake" / name for name, folder in packages.items()}
    (tmp_path / "CMakeLists.txt").write_text(_PROJECT.format(**places))
    (tmp_path / "main.c").write_text(_MAIN)
    run("cmake", "-S", ".", "-B", "b", "-G", "Ninja", f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'p'}")
    run("cmake", "--build", "b")
    assert run("b/two") == "0 0\n"
    assert len(list((tmp_path / "b").rglob("libelegans_runtime.a"))) == 1

    run("cmake", "--install", "b")
    for name, place in places.items():  # the examples find the installed packages
        folder = f"-B{tmp_path / f'{name}-example'}"
        run(
            "cmake",
            f"-S{place / 'example'}",
            folder,
            "-G",
            "Ninja",
            f"-DCMAKE_PREFIX_PATH={tmp_path / 'p'}",
        )
        run("cmake", "--build", f"{name}-example")
        assert "different integer: 0" in run(f"{name}-example/{name}_example", "--selftest")
    lines = run("fast-example/fast_example", text="0.5 20 0 0.1\n0.5 20 0 0.1\n").splitlines()
    assert len(lines) == 2
    assert lines[0] != lines[1]


def test_a_wrong_bit_is_found_by_the_selftest_and_its_number_says_where(
    packages, builds, run, tmp_path
):
    folder = shutil.copytree(packages["slow"] / "cmake" / "slow", tmp_path / "slow")
    unit = folder / "src" / "slow_selftest.c"
    before, table, after = unit.read_text().partition("outputs[ROWS]")
    lines = after.split("\n")  # the rest of the head, then a line for each vector
    first, second = lines[2].strip(" {},").split(", ")
    lines[2] = f"    {{{first}, {int(second) ^ 1}}},"
    unit.write_text(before + table + "\n".join(lines))
    include = [f"-I{folder / 'include'}", f"-I{folder / 'elegans_runtime' / 'include'}"]
    kernels = builds["slow"].glob("runtime/src/*.c")
    run("cc", *include, *folder.glob("src/*.c"), *kernels, folder / "example/main.c", "-o", "it")
    done = subprocess.run([tmp_path / "it", "--selftest"], capture_output=True, text=True)
    assert done.returncode == 1
    number = 8 + 2  # a vector has 2 outputs and 6 states: this is y[1] of the second
    assert f"different integer: {number}\n" in done.stdout


@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="arm-none-eabi-gcc is missing")
def test_a_package_is_a_library_for_a_cortex_m4_with_its_own_layers(packages, run, tmp_path):
    (tmp_path / "arm.cmake").write_text(_ARM)
    source = packages["fast"] / "cmake" / "fast"
    run(
        "cmake",
        f"-S{source}",
        "-B",
        "b",
        "-G",
        "Ninja",
        f"-DCMAKE_TOOLCHAIN_FILE={tmp_path}/arm.cmake",
    )
    run("cmake", "--build", "b")
    symbols = run("arm-none-eabi-nm", "b/libfast.a")
    assert "T fast_layers" in symbols
    assert "T fast_selftest" in symbols
