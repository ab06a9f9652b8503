"""What a step of ncp19 costs on every core, beside M0:

    python -m benchmarks.core_table [--nets build/nets]

The network is made by `benchmarks.nets` if it is absent. A Cortex-M85, which no emulator has, is
measured on QEMU's M55: it has all instructions that the kernels use. WebAssembly is counted as
wasmtime counts it, whose fuel is an instruction each; without wasmtime (`pip install wasmtime`)
that row has bytes only. Rows of what is not installed are left out.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from elegans.boards.descriptors.board import Board
from elegans.boards.descriptors.cores import CORES
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.virtual_board import installed_emulators
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.profile import profile
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.export import Request, export
from elegans.exporter.storage.npz_arrays import load_arrays
from elegans.viewer.wasm.compile_wasm import compile_wasm

_STEPS, _FUEL = 64, 10_000_000
_ROWS = {
    "M0": "microbit",
    "M3": "mps2-an385",
    "M4, M7, M33": "mps2-an386",
    "M55": "mps3-an547",
    "M85": "mps3-an547",
    "RV32IMC, RV32IMAC": "qemu-rv32-virt",
    "RV32EC": "qemu-rv32e-virt",
}


def _measured(build: Path, board: Board, compiler: str) -> tuple[int, int, int, int]:
    """Instructions, flash, RAM and stack of a step, which takes one path with the right bits."""
    firmware = build_firmware(build, board, compiler)
    one = profile(build, firmware, _STEPS)
    assert (one.mismatches, one.paths, one.data_dependent) == (0, 1, ())
    return one.instructions[1], firmware.flash_bytes, firmware.ram_bytes, one.stack


def _wasm(build: Path) -> list[Any]:
    """Instructions of a step and bytes of the module; the states go out of it in the same call."""
    module = compile_wasm(build)
    if importlib.util.find_spec("wasmtime") is None:
        return ["", len(module), "", ""]
    import wasmtime

    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    store.set_fuel(_FUEL)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, module), []).exports(store)
    memory, vectors = exports["memory"], load_arrays(build / "vectors.npz", inside=build)
    states = len(read_build_folder(build).states)
    places = {name: exports[name](store) for name in ("x", "y", "h")}
    exports["init"](store)
    used = set()
    for row in range(_STEPS):
        memory.write(store, vectors["h"][row].astype("<i2").tobytes(), places["h"])
        memory.write(store, vectors["x"][row].astype("<i2").tobytes(), places["x"])
        exports["set_h"](store)
        before = store.get_fuel()
        exports["step"](store, int(vectors["dt"][row]))
        used.add(before - store.get_fuel())
        h = memory.read(store, places["h"], places["h"] + 2 * states)
        assert np.array_equal(np.frombuffer(h, "<i2"), vectors["h_next"][row])
    least, most = min(used), max(used)
    return [f"{most:,}" if least == most else f"{least:,} to {most:,}", f"{len(module):,}", "", ""]


@click.command()
@click.option(
    "--nets", type=click.Path(path_type=Path), default=Path("build/nets"), show_default=True
)
def main(nets: Path) -> None:
    """Print the table as Markdown."""
    if not (nets / "ncp19.onnx").exists():
        from benchmarks.nets import make

        make(nets)
    build = nets / "cores"
    export(Request(nets / "ncp19.onnx"), build)
    click.echo("| core | compiler | instructions | times M0's | flash | RAM | stack |")
    click.echo("|---|---|---|---|---|---|---|")
    of_m0 = 0
    for name, board_name in _ROWS.items():
        board = find_board(board_name)
        if not installed_emulators(board):
            continue
        if name == "M85":
            board = replace(board, core=CORES["cortex-m85"], name="m85")
        for compiler in cross_compilers(board.core.architecture):
            instructions, *sizes = _measured(build, board, compiler)
            of_m0 = of_m0 or instructions
            cells = [name, compiler, f"{instructions:,}", f"{instructions / of_m0:.2f}"]
            click.echo("| " + " | ".join([*cells, *(f"{size:,}" for size in sizes)]) + " |")
    counted, *sizes = map(str, _wasm(build))
    click.echo("| " + " | ".join(["wasm32", "zig", counted, "", *sizes]) + " |")


if __name__ == "__main__":
    main()
