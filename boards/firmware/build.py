"""From a BUILD to firmware for a board: compile, link, and measure."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from elegans.boards.descriptors.descriptor import Board
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build_cache import digest_of, kept
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.firmware.source import ModelSource, firmware_files, read_model
from elegans.boards.firmware.toolchain import Compiler

_ELF = "firmware.elf"
_COMMON = ["-std=gnu99", "-ffreestanding", "-ffunction-sections", "-fdata-sections"]
_INCLUDE = ["-isystem", "libc", "-I", ".", "-I", "model", "-I", "model/include"]
# zig checks for undefined behaviour unless told otherwise, which a board cannot report.
_ZIG = ["-fno-sanitize=undefined"]


@dataclass(frozen=True)
class Firmware:
    """An ELF image for a board, and what it costs in bytes.

    ``flash_bytes`` (code, tables, weights) and ``ram_bytes`` (state) are the model's alone;
    the ``image_*`` are the whole image's, start-up, link, buffers and stack included.
    """

    elf: Path
    board: Board
    compiler: str
    optimise: str
    model_digest: str
    firmware_digest: str
    flash_bytes: int
    ram_bytes: int
    image_flash_bytes: int
    image_ram_bytes: int


def build(
    build_dir: Path, board: Board, compiler: str = "auto", optimise: str = "auto"
) -> Firmware:
    """Compile the firmware of a BUILD, or find it in ``BUILD/firmware/`` as it was compiled.

    ``compiler`` is ``zig``, ``gcc`` or ``auto``, ``optimise`` what `toolchain.level` takes.
    The same sources and compiler give the same bytes, wherever the BUILD lies. Raises
    `ElegansError` for a BUILD that is not whole, a compiler that is not installed, and
    the first error that it reports.
    """
    model = read_model(build_dir)
    optimise = toolchain.level(optimise, model.aim)
    tool = toolchain.cross_compiler(compiler)
    digest = _digest(model, board, tool, optimise)
    folder = build_dir / "firmware" / f"{board.name}-{tool.name}-O{optimise}"
    kept(folder, digest, _ELF, lambda: _compile(model, board, tool, optimise, digest))
    elf = folder / _ELF
    sizes = read_image(elf).sizes
    flash = sum(sizes.get(name, 0) for name in (".vectors", ".model", ".text", ".data"))
    ram = sum(sizes.get(name, 0) for name in (".data", ".model_state", ".bss", ".noinit", ".stack"))
    return Firmware(
        elf=elf,
        board=board,
        compiler=tool.name,
        optimise=optimise,
        model_digest=model.digest,
        firmware_digest=digest,
        flash_bytes=sizes.get(".model", 0),
        ram_bytes=sizes.get(".model_state", 0),
        image_flash_bytes=flash,
        image_ram_bytes=ram,
    )


def _flags(board: Board, tool: Compiler, optimise: str) -> list[str]:
    own = [*board.core.zig, *_ZIG] if tool.name == "zig" else [*board.core.gcc]
    return [*own, f"-O{optimise}"]


def _digest(model: ModelSource, board: Board, tool: Compiler, optimise: str) -> str:
    """Of everything that decides the bytes of the firmware but its own digest."""
    files = firmware_files(model, board, digest="00" * 32)
    parts = [part for path, content in sorted(files.items()) for part in (path, content)]
    return digest_of(tool.name, tool.version, *_flags(board, tool, optimise), "--", *parts)


def _compile(
    model: ModelSource, board: Board, tool: Compiler, optimise: str, digest: str
) -> dict[str, bytes]:
    """The ELF image and, below ``source/``, what it was made from."""
    files = firmware_files(model, board, digest)
    flags = _flags(board, tool, optimise)
    place = f"{board.name} with {tool.name}"
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        folder = Path(scratch)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        units = sorted(path for path in files if path.endswith((".c", ".S")))
        objects = {unit: _object(unit) for unit in units}

        def compile_unit(unit: str) -> None:
            options = [*flags, *_COMMON, *_debug(tool, folder), *toolchain.WARNINGS, *_INCLUDE]
            toolchain.run(tool, [*options, "-c", unit, "-o", objects[unit]], folder, place)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(compile_unit, units))
        toolchain.run(tool, _link_line(flags, tool, list(objects.values())), folder, place)
        image = (folder / _ELF).read_bytes()
    return {_ELF: image} | {f"source/{path}": content for path, content in files.items()}


def _debug(tool: Compiler, folder: Path) -> list[str]:
    """Line numbers, for faults, without the name of the folder that was compiled in."""
    here = ["-fdebug-compilation-dir=."] if tool.name == "zig" else []
    return ["-g", f"-ffile-prefix-map={folder}=.", *here]


def _object(unit: str) -> str:
    """Kernels lie beside the model, so that the linker script can tell them by their folder."""
    return str(Path(unit.replace("/src/", "/")).with_suffix(".o"))


def _link_line(flags: list[str], tool: Compiler, objects: list[str]) -> list[str]:
    # zig brings the compiler's own routines only when it may choose the libraries itself.
    libraries = [] if tool.name == "zig" else ["-nostdlib", "-lgcc"]
    script = ["-Wl,-T,link.ld", "-Wl,-e,reset_handler", "-Wl,--gc-sections", "-Wl,--build-id=none"]
    # Without -g zig would leave out the symbols where it optimises for size.
    return [*flags, "-g", *script, *objects, *libraries, "-o", _ELF]
