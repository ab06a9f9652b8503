"""The C of a BUILD, as it is shipped, compiled to a WebAssembly module by zig.

The module needs nothing from outside and no libc. It exports its memory, `init`, `step(dt)` and
`set_h`, and the places of the integers: `x`, `y`, `h`, and `digest`, the model's SHA-256.
`viewer/web/src/shared/network.js` runs it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build_cache import CachedResult, build_cached, compilation_digest
from elegans.boards.firmware.source import ModelSource, read_model
from elegans.exporter.build_folder import BuildFolder, read_build_folder
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.storage.read_files import ELF_IMAGE, read_input
from elegans.exporter.templates import environment

_MODULE = "module.wasm"
_DRIVER = "driver/module.c"  # in a folder of its own: a model may be called module
FLAGS = (
    *("-target", "wasm32-freestanding", "-mbulk-memory", "-O2", "-std=c99"),
    *("-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=262144", "-Wl,--strip-all"),
    *("-fno-sanitize=undefined", *toolchain.WARNINGS, "-I.", "-Iruntime/include"),
)


def compile_wasm(build: Path) -> bytes:
    """The module of a BUILD folder. It is cached in `BUILD/wasm/`.

    Raises `ElegansError` for a BUILD that is incomplete or was changed, and if zig is missing or
    rejects the C.
    """
    model = read_model(build)
    tool = toolchain.cross_compiler("zig")
    files = wasm_sources(model)
    digest = compilation_digest(tool, FLAGS, files)
    result = CachedResult(build, "wasm", digest, _MODULE)
    build_cached(result, lambda: {_MODULE: compile_sources(model, files)})
    return read_input(result.path, ELF_IMAGE, "remove it", inside=build)


def wasm_sources(model: ModelSource) -> dict[str, bytes]:
    """The files of a module by path: those of the BUILD, and the driver."""
    digest = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(model.digest))
    text = (
        environment(Path(__file__).resolve().parent)
        .get_template("module.c.j2")
        .render(model=model, digest=digest)
    )
    return model.files | {_DRIVER: text.encode()}


def compile_sources(model: ModelSource, files: dict[str, bytes], more: Sequence[str] = ()) -> bytes:
    """The module of these sources, not cached; `more` names C files beside the model's. Raises
    `ElegansError` as `compile_wasm` does."""
    tool = toolchain.cross_compiler("zig")
    with toolchain.scratch_folder(files) as folder:
        line = [*FLAGS, _DRIVER, *more, *model.units, "-o", _MODULE]
        toolchain.run(tool, line, folder, f"{model.name} as WebAssembly with zig")
        return (folder / _MODULE).read_bytes()


def network_data(build: Path) -> dict[str, Any]:
    """What `network.js` takes: the module in base64, and the formats of what crosses its border.

    A channel is {name, unit, frac, lo, hi, bits, offset, scale}: the real value of an integer is
    offset + scale * integer / 2^frac. `dt` is None where the sample period is fixed. Raises
    `ElegansError` as `compile_wasm` does.
    """
    return border(read_build_folder(build), compile_wasm(build))


def border(model: BuildFolder | Model, module: bytes) -> dict[str, Any]:
    """As `network_data`, of a model whose module is at hand."""
    return {
        "name": model.name,
        "digest": model.digest,
        "inputs": [_channel(c) for c in model.inputs],
        "dt": _channel(model.dt) if model.dt else None,
        "states": [_channel(c) for c in model.states],
        "outputs": [_channel(c) for c in model.outputs],
        "wasm": base64.b64encode(module).decode(),
    }


def _channel(channel: Channel) -> dict[str, Any]:
    names = ("name", "unit", "frac", "lo", "hi", "bits", "offset", "scale")
    return {name: getattr(channel, name) for name in names}
