"""Packages of a BUILD, checked by the tools of their ecosystems.

`python -m benchmarks.packages BUILD` prints the table of docs/packages.md. Each package is made,
built by its ecosystem's own tool where that is installed, and its self-test is run. Where the tool
only packs, or is not there, the C of the package is compiled by the compiler of this machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from elegans.exporter.build_folder import read_build_folder
from elegans.packages.ecosystems import ECOSYSTEMS
from elegans.packages.package import package
from elegans.packages.source import RUNTIME

_FOUND = re.compile(r"first different integer[^:]*:\s*(\d+)")
_MICROPYTHON = os.environ.get("MICROPYTHON")
"""The sources of MicroPython, where they are."""

_MAIN = """
#include <stdio.h>
#include "{name}_selftest.h"

int main(void)
{{
    printf("first different integer: %ld\\n", (long){name}_selftest());
    return 0;
}}
"""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    tools  the programs that check the package, by the names with which they are started
    steps  from `elegans package` to a running program, as the package's README counts them
    check  builds and runs the self-test of a model's package; returns what is printed
    """

    tools: tuple[str, ...]
    steps: int
    check: Callable[[str, Path, Path], str]


def _run(*command: object, cwd: Path) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _compiled(name: str, folder: Path, scratch: Path) -> str:
    """The package's own C and its runtime, by the compiler of this machine."""
    for archive in [*folder.rglob("*.pack")]:
        shutil.unpack_archive(archive, scratch / archive.stem, "zip")
    root = scratch if any(folder.rglob("*.pack")) else folder
    units = [p for p in root.rglob("*.c") if p.name in _wanted(name) or p.stem.startswith("el_")]
    include = {p.parent for p in root.rglob(f"{name}*.h")}
    include |= {p.parents[1] for p in root.rglob("elegans/el_fixed.h")}
    (scratch / "main.c").write_text(_MAIN.format(name=name))
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    flags += [f"-I{path}" for path in sorted(include)]
    _run("cc", *flags, "main.c", *units, "-o", "selftest", cwd=scratch)
    return _run("./selftest", cwd=scratch)


def _wanted(name: str) -> tuple[str, str]:
    return f"{name}.c", f"{name}_selftest.c"


def _cmake(name: str, folder: Path, scratch: Path) -> str:
    _run("cmake", "-S", folder / name, "-B", "build", "-G", "Ninja", cwd=scratch)
    _run("cmake", "--build", "build", cwd=scratch)
    return _run(f"build/example/{name}_example", "--selftest", cwd=scratch)


def _cargo(name: str, folder: Path, scratch: Path) -> str:
    options: list[object] = ["--target-dir", scratch]
    debian = Path("/usr/share/cargo/registry")
    if debian.is_dir():  # librust-cc-dev: without a network
        config = scratch / "config.toml"
        config.write_text(
            '[source.crates-io]\nreplace-with = "debian"\n'
            f'[source.debian]\ndirectory = "{debian}"\n'
        )
        options += ["--offline", "--config", config]
    line = ["cargo", "run", "--example", "sensor", *options, "--", "--selftest"]
    return _run(*line, cwd=folder / name)


def _node(name: str, folder: Path, scratch: Path) -> str:
    return _run("node", folder / name / "example" / "sensor.js", "--selftest", cwd=scratch)


def _fmpy(name: str, folder: Path, scratch: Path) -> str:
    code = "import sys, fmpy.validation as v; print(v.validate_fmu(sys.argv[1]))"
    said = _run(sys.executable, "-c", code, folder / name / f"{name}.fmu", cwd=scratch)
    if said.strip() != "[]":
        raise SystemExit(said)
    return _run(sys.executable, folder / name / "example" / "simulate.py", cwd=scratch)


def _packed(*command: str) -> Callable[[str, Path, Path], str]:
    """A check by a tool that packs, if it is there, and by the compiler of this machine."""

    def check(name: str, folder: Path, scratch: Path) -> str:
        if shutil.which(command[0]):
            for library in (name, RUNTIME):
                if (folder / library).is_dir():
                    line = [word.format(name=library) for word in command]
                    _run(*line, cwd=shutil.copytree(folder / library, scratch / library))
        return _compiled(name, folder, scratch)

    return check


def _micropython(name: str, folder: Path, scratch: Path) -> str:
    """With MicroPython's sources in MICROPYTHON, its port for this machine is built."""
    if _MICROPYTHON is None:
        return _compiled(name, folder, scratch)
    built = shutil.ignore_patterns("build-*")
    place = shutil.copytree(_MICROPYTHON, scratch / "micropython", symlinks=True, ignore=built)
    port = ("make", "-C", "ports/unix", "VARIANT=minimal", f"USER_C_MODULES={folder}")
    _run("make", "-C", "mpy-cross", cwd=place)
    _run(*port, cwd=place)
    code = f"import {name}; print('first different integer:', {name}.selftest())"
    return _run("ports/unix/build-minimal/micropython", "-c", code, cwd=place)


_ROWS = {
    "cmake": Row(("cmake", "ninja"), 2, _cmake),
    "arduino": Row(("cc",), 3, _compiled),
    "platformio": Row(("pio", "cc"), 2, _packed("pio", "pkg", "pack", ".", "-o", "a.tar.gz")),
    "zephyr": Row(("cc",), 2, _compiled),
    "esp-idf": Row(
        ("compote", "cc"), 2, _packed("compote", "component", "pack", "--name", "{name}")
    ),
    "cmsis-pack": Row(("cc",), 3, _compiled),
    "cargo": Row(("cargo",), 2, _cargo),
    "micropython": Row(("make", "cc") if _MICROPYTHON else ("cc",), 2, _micropython),
    "fmu": Row(("fmpy",), 1, _fmpy),
    "wasm": Row(("node",), 1, _node),
}


def _present(tool: str) -> bool:
    return shutil.which(tool) is not None or (tool.isidentifier() and bool(_module(tool)))


def _module(name: str) -> object:
    return importlib.util.find_spec(name)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path, help="BUILD folder")
    build: Path = parser.parse_args().build
    print("| ecosystem | checked by | bytes | steps | different integers |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        target = Path(place).resolve() / "packages"
        files = package(build, target, list(ECOSYSTEMS))
        for name, row in _ROWS.items():
            tools = [tool for tool in row.tools if _present(tool)]
            size = sum(len(text) for path, text in files.items() if path.startswith(f"{name}/"))
            scratch = target.parent / name
            scratch.mkdir()
            model = read_build_folder(build).name
            found = _FOUND.search(row.check(model, target / name, scratch))
            different = "unknown" if found is None else "0" if found[1] == "0" else "not 0"
            print(f"| {name} | {', '.join(tools)} | {size:,} | {row.steps} | {different} |")


if __name__ == "__main__":
    main()
