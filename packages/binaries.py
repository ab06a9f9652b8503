"""What is delivered compiled: a WebAssembly module, and the library of an FMU. Both by zig, which
gives the same bytes on every machine."""

from __future__ import annotations

from elegans.boards.firmware import toolchain
from elegans.packages.ecosystem import Files
from elegans.packages.source import PackageSource
from elegans.viewer.wasm import compile_wasm

LIBRARY_FLAGS = (
    *("-target", "x86_64-linux-gnu.2.17", "-O2", "-std=c99", "-shared", "-fPIC", "-s"),
    *(
        "-fvisibility=hidden",
        "-fno-sanitize=undefined",
        *toolchain.WARNINGS,
        "-I.",
        "-Iruntime/include",
    ),
)
"""Of the FMU's library: any Linux since 2014; only the functions of FMI are visible."""

WASM_FLAGS = compile_wasm.FLAGS


def wasm_module(source: PackageSource, files: Files) -> Files:
    """The module of the package, with the self-test in it; in place of its C."""
    name = source.name
    code = {path.removeprefix(f"{name}/c/"): text for path, text in files.items()}
    more = [f"{name}_exports.c", f"{name}_selftest.c"]
    module = compile_wasm.compile_sources(
        source.c, compile_wasm.wasm_sources(source.c) | code, more
    )
    kept = {path: text for path, text in files.items() if not path.startswith(f"{name}/c/")}
    return kept | {f"{name}/{name}.wasm": module}


def fmu_library(source: PackageSource, files: Files) -> Files:
    """The files with the library of the unit for Linux on x86-64."""
    start = f"{source.name}/content/sources/"
    code = {path.removeprefix(start): t for path, t in files.items() if path.startswith(start)}
    units = sorted(path for path in code if path.endswith(".c"))
    library = f"{source.name}.so"
    tool = toolchain.cross_compiler("zig")
    with toolchain.scratch_folder(code) as folder:
        line = [*LIBRARY_FLAGS, *units, "-o", library]
        toolchain.run(tool, line, folder, f"{source.name} as an FMU with zig")
        content = (folder / library).read_bytes()
    return files | {f"{source.name}/content/binaries/x86_64-linux/{library}": content}
