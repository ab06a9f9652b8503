"""Firmware: compile and link the C of a BUILD for a board, and measure the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elegans.boards.descriptors.board import Board
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build_cache import (
    SOURCES,
    CachedResult,
    build_cached,
    compilation_digest,
    zipped,
)
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.firmware.memory_fit import (
    STACK_GUARD,
    fitting,
    require_stack,
    with_room_for_a_step,
)
from elegans.boards.firmware.object_cache import kept_object
from elegans.boards.firmware.source import ModelSource, firmware_files, read_model
from elegans.boards.firmware.stack_need import StackNeed, stack_need
from elegans.boards.firmware.toolchain import Compiler
from elegans.boards.processes.process_group import in_parallel

_ELF = "firmware.elf"
_COMMON = ["-std=gnu99", "-ffreestanding", "-ffunction-sections", "-fdata-sections"]
_INCLUDE = ["-isystem", "libc", "-I", ".", "-I", "model/runtime/include"]
# By default zig inserts checks for undefined behaviour, whose reports a board cannot print.
_ZIG = ["-fno-sanitize=undefined"]
# The call of the model's step and that of an empty function then differ by the step alone; with a
# frame pointer, as zig keeps it, one of them returns by what the other takes two instructions for.
_TIMED = {"device.c": ["-fomit-frame-pointer"], "el_link.c": ["-fomit-frame-pointer"]}


@dataclass(frozen=True)
class Firmware:
    """An ELF image for a board, and its sizes in bytes.

    ``flash_bytes`` (code, tables, weights) and ``ram_bytes`` (state) count the model only;
    ``image_flash_bytes`` and ``image_ram_bytes`` count the whole image, with start-up code,
    link, buffers and stack. ``stack`` is what the firmware needs at most, of the
    ``stack_reserved`` bytes that the board has for it. ``level`` is the compiler's optimisation
    level.
    """

    elf: Path
    board: Board
    compiler: str
    level: str
    model_digest: str
    firmware_digest: str
    flash_bytes: int
    ram_bytes: int
    image_flash_bytes: int
    image_ram_bytes: int
    stack: StackNeed
    stack_reserved: int

    @property
    def figures(self) -> dict[str, int | None]:
        """What the model takes of flash and RAM, and the firmware of the stack, for JSON."""
        return {
            "flash_bytes": self.flash_bytes,
            "ram_bytes": self.ram_bytes,
            "stack_needed": self.stack.bytes,
            "stack_reserved": self.stack_reserved,
        }

    @property
    def summary(self) -> str:
        """The same in words."""
        model = f"model {self.flash_bytes} bytes flash, {self.ram_bytes} bytes RAM"
        return f"{model}; firmware {self.stack.text} of {self.stack_reserved:,} bytes stack"


def build_firmware(
    build_dir: Path, board: Board, compiler: str = "auto", level: str = "auto"
) -> Firmware:
    """Compile the firmware of a BUILD, or take it from the build cache in ``BUILD/firmware/``.

    ``compiler`` is ``zig``, ``gcc`` or ``auto``; ``level`` is 0, 1, 2, 3, s or ``auto`` (see
    `toolchain.resolve_level`). The same sources and compiler give the same bytes, wherever the
    BUILD lies. Raises `ElegansError` for an incomplete BUILD, a compiler that is not installed,
    the first error that the compiler reports, and a firmware that needs more stack than the board
    has.
    """
    model = read_model(build_dir)
    board = with_room_for_a_step(board, model)
    level = toolchain.resolve_level(level, model.layout)
    tool = toolchain.cross_compiler(compiler, board.core.architecture)
    digest = _digest(model, board, tool, level)
    name = f"{board.name}-{tool.name}-O{level}"
    result = CachedResult(build_dir, f"firmware/{name}", digest, _ELF)
    build_cached(result, lambda: _compile(model, board, tool, level, digest))
    elf = result.path
    sizes = read_image(elf).sizes
    flash = sum(sizes.get(name, 0) for name in (".vectors", ".model", ".text", ".data"))
    ram = sum(sizes.get(name, 0) for name in (".data", ".model_state", ".bss", ".noinit", ".stack"))
    firmware = Firmware(
        elf=elf,
        board=board,
        compiler=tool.name,
        level=level,
        model_digest=model.digest,
        firmware_digest=digest,
        flash_bytes=sizes.get(".model", 0),
        ram_bytes=sizes.get(".model_state", 0),
        image_flash_bytes=flash,
        image_ram_bytes=ram,
        stack=stack_need(elf, board.core),
        stack_reserved=sizes.get(".stack", STACK_GUARD) - STACK_GUARD,
    )
    require_stack(firmware.stack, firmware.stack_reserved, ram, board)
    return firmware


def _flags(board: Board, tool: Compiler, level: str) -> list[str]:
    own = [*board.core.zig, *_ZIG] if tool.name == "zig" else [*board.core.gcc]
    return [*own, f"-O{level}"]


def _digest(model: ModelSource, board: Board, tool: Compiler, level: str) -> str:
    """The firmware's digest: of everything that determines its bytes, except for the digest
    itself, which is part of the firmware and stands as zeros here."""
    files = firmware_files(model, board, digest="00" * 32)
    timed = [f"{unit} {option}" for unit, options in _TIMED.items() for option in options]
    return compilation_digest(tool, [*_flags(board, tool, level), *timed], files)


def _compile(
    model: ModelSource, board: Board, tool: Compiler, level: str, digest: str
) -> dict[str, bytes]:
    """The files of the cache: the ELF image and, in ``source.zip``, its sources."""
    files = firmware_files(model, board, digest)
    flags = _flags(board, tool, level)
    place = f"{board.name} with {tool.name}"
    with toolchain.scratch_folder(files) as folder:
        units = sorted(path for path in files if path.endswith((".c", ".S")))
        objects = {unit: _object(unit) for unit in units}

        def compile_unit(unit: str) -> None:
            target = folder / objects[unit]
            options = [*flags, *_TIMED.get(unit, []), *_COMMON, *toolchain.WARNINGS, *_INCLUDE]

            def compiled() -> bytes:
                line = [*options, *_debug(tool, folder), "-c", unit, "-o", objects[unit]]
                toolchain.run(tool, line, folder, place)
                return target.read_bytes()

            same = _debug(tool, Path("scratch"))
            kept = kept_object(unit, files, tool, [*options, *same], compiled=compiled)
            target.write_bytes(kept)

        with fitting(board):
            in_parallel(compile_unit, units)
            own = board.core.gcc_link if tool.name == "gcc" else ()
            line = _link_line([*flags, *own], tool, list(objects.values()))
            toolchain.run(tool, line, folder, place)
        image = (folder / _ELF).read_bytes()
    return {_ELF: image, SOURCES: zipped(files)}


def _debug(tool: Compiler, folder: Path) -> list[str]:
    """Options for line numbers, which locate faults; without the names of the scratch folder,
    which differs each time, and of the folder of zig, which differs between machines."""
    # The assembler does not know -ffile-prefix-map, which covers C.
    mapped = [f"-f{kind}-prefix-map={folder}=." for kind in ("file", "debug")]
    if tool.name != "zig":
        return ["-g", *mapped]
    own = f"-ffile-prefix-map={Path(tool.command[0]).parent}=zig"
    return ["-g", *mapped, own, "-fdebug-compilation-dir=."]


def _object(unit: str) -> str:
    """The object file of a source: those of kernels are put beside the model's, so that the
    linker script selects all of them by their folder."""
    return str(Path(unit.replace("/runtime/src/", "/")).with_suffix(".o"))


def _link_line(flags: list[str], tool: Compiler, objects: list[str]) -> list[str]:
    # zig links its runtime library (64-bit division and the like) only if it may choose the
    # libraries itself.
    libraries = [] if tool.name == "zig" else ["-nostdlib", "-lgcc"]
    script = ["-Wl,-T,link.ld", "-Wl,-e,reset_handler", "-Wl,--gc-sections", "-Wl,--build-id=none"]
    # Without -g zig strips the symbols when it optimises for size.
    return [*flags, "-g", *script, *objects, *libraries, "-o", _ELF]
