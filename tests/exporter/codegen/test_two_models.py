"""Two BUILDs in one program, put together as the README of a BUILD says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import Request, export
from elegans.tests.boards.conftest import CROSS_COMPILERS
from elegans.tests.places import WORM

_MODELS = {"fast": {}, "slow": {"dt": 0.05, "layout": "size"}}
_MAIN = """
#include <stdio.h>
#include "fast_model.h"
#include "slow_model.h"

int main(void)
{
    fast_state one;
    slow_state other;
    int16_t x[FAST_INPUTS], y[FAST_OUTPUTS], dt;

    fast_init(&one);
    slow_init(&other);
    while (fread(x, sizeof x, 1, stdin) && fread(&dt, sizeof dt, 1, stdin)) {
        fast_step(&one, y, x, dt);
        fwrite(y, sizeof y, 1, stdout);
        slow_step(&other, y, x);
        fwrite(y, sizeof y, 1, stdout);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def builds(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("two")
    for name, more in _MODELS.items():
        export(Request(WORM, name=name, **more), folder / name)
    return {name: folder / name for name in _MODELS}


@pytest.fixture(scope="module")
def project(builds) -> Path:
    """The tree that the README describes."""
    folder = next(iter(builds.values())).parent / "project"
    for name, build in builds.items():
        (folder / name).mkdir(parents=True)
        for file in ("model.c", "model.h", f"{name}_model.h", "layers.S"):
            if (build / file).exists():
                shutil.copy(build / file, folder / name)
        for part in ("src", "include"):
            shutil.copytree(build / part, folder / "runtime" / part, dirs_exist_ok=True)
    (folder / "main.c").write_text(_MAIN)
    return folder


def _units(project: Path, assembler: bool) -> list[str]:
    kinds = (".c", ".S") if assembler else (".c",)
    units = [p.relative_to(project) for p in sorted(project.rglob("*")) if p.suffix in kinds]
    return [unit.as_posix() for unit in units]


def test_the_runtime_is_the_same_in_every_build(builds):
    texts: dict[str, bytes] = {}
    for build in builds.values():
        for path in (
            p for p in build.rglob("*") if p.parts[len(build.parts)] in ("src", "include")
        ):
            if path.is_file():
                name = path.relative_to(build).as_posix()
                assert texts.setdefault(name, path.read_bytes()) == path.read_bytes(), name


def test_both_models_of_one_program_give_their_own_bits(builds, project):
    tool = toolchain.host_compiler()
    line = ["-std=c99", "-O2", *toolchain.WARNINGS, "-Ifast", "-Islow", "-Iruntime/include"]
    line += [*_units(project, assembler=False), "-o", "program"]
    toolchain.run(tool, line, project, "two models")
    rng = np.random.default_rng(302)
    rows = np.hstack([rng.integers(-3000, 3000, (500, 3)), rng.integers(400, 3000, (500, 1))])
    feed = rows.astype(np.int16)
    done = subprocess.run(
        [project / "program"], input=feed.tobytes(), capture_output=True, check=True
    )
    found = np.frombuffer(done.stdout, np.int16).reshape(500, 2, 2)
    for i, (name, build) in enumerate(builds.items()):
        expected, _ = HostModel.compile(build).run(feed[:, :3], feed[:, 3])
        np.testing.assert_array_equal(found[:, i], expected, name)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", CROSS_COMPILERS)
def test_both_models_of_one_firmware_share_the_runtime(project, compiler):
    tool, core = toolchain.cross_compiler(compiler), find_board("mps2-an386").core
    options = ["-O2", "-ffreestanding", *(core.zig if compiler == "zig" else core.gcc)]
    options += ["-Iruntime/include"]
    objects = []
    for unit in _units(project, assembler=True):
        if unit != "main.c":
            objects.append(unit.replace("/", "_") + ".o")
            toolchain.run(tool, [*options, "-c", unit, "-o", objects[-1]], project, unit)
    line = [*options, "-r", "-nostdlib", *objects, "-o", "both.o"]
    toolchain.run(tool, line, project, "two models")
