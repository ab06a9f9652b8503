"""What an ELF image puts into memory: segments, sections and symbols."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elegans.boards.descriptors.board import Board
from elegans.boards.descriptors.cores import ARM, RISCV
from elegans.boards.firmware.toolchain import INSTALL_SIM
from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.read_files import ELF_IMAGE, read_input

_REBUILD = "build it again: elegans build BUILD"
_ARCHITECTURES = {"EM_ARM": ARM, "EM_RISCV": RISCV}
_NO_TYPE, _OBJECT, _FUNCTION = range(3)  # the types of symbols in an ELF image


@dataclass(frozen=True)
class ElfImage:
    """``segments`` are pairs of an address and the bytes that are loaded there; ``sizes`` are
    the bytes of each section, by name; ``architecture`` is that of the core that executes it."""

    segments: tuple[tuple[int, bytes], ...]
    sizes: dict[str, int]
    architecture: str = ARM


def read_image(elf: Path) -> ElfImage:
    """Read an ELF image for a Cortex-M or a 32-bit RISC-V. Raises `ElegansError` when it is
    missing or broken."""
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError:
        fact = "pyelftools, which reads it, is not installed"
        raise ElegansError(elf, fact, INSTALL_SIM) from None
    try:
        content = read_input(elf, ELF_IMAGE, _REBUILD)
        file = ELFFile(io.BytesIO(content))
        architecture = _ARCHITECTURES.get(file["e_machine"])
        if architecture is None or file.elfclass != 32:
            raise ElegansError(elf, "is not for a Cortex-M or a 32-bit RISC-V", _REBUILD)
        loaded = [s for s in file.iter_segments("PT_LOAD") if s["p_filesz"]]
        if sum(s["p_filesz"] for s in loaded) > len(content):
            raise ElegansError(elf, "is cut short", _REBUILD)
        segments = tuple((int(s["p_paddr"]), s.data()) for s in loaded)
        sizes = {section.name: int(section["sh_size"]) for section in file.iter_sections()}
    except ElegansError:
        raise
    except Exception as error:  # for a broken file pyelftools may raise anything
        raise ElegansError(elf, f"is not a complete ELF image ({error})", _REBUILD) from None
    if not segments:
        raise ElegansError(elf, "has no segments to load", _REBUILD)
    return ElfImage(segments, sizes, architecture)


@dataclass(frozen=True)
class Symbol:
    """A function, a label within one, or an array, with its address and its bytes.

    ``is_data`` says that it is an array, ``is_function`` that it is a function; ``in_model`` that
    it belongs to the model.
    """

    name: str
    address: int
    size: int
    is_data: bool
    is_function: bool
    in_model: bool


def read_symbols(elf: Path) -> list[Symbol]:
    """The functions and arrays of an image, and the labels of the model's layers.

    The image must be one that `read_image` accepts.
    """
    symbols = []
    for name, value, size, kind, in_model in _symbol_table(elf):
        # Names with $ are mapping symbols, which mark where code and data begin; those with .L
        # are labels of the compiler, which stay in an image for RISC-V.
        named = name and not name.startswith(("$", ".L"))
        if kind in (_OBJECT, _FUNCTION) or (in_model and kind == _NO_TYPE and named):
            address = value & (-1 if kind == _OBJECT else -2)  # bit 0 of code means Thumb
            is_data, is_function = kind == _OBJECT, kind == _FUNCTION
            symbols.append(Symbol(name, address, size, is_data, is_function, in_model))
    return symbols


def read_data_starts(elf: Path) -> set[int]:
    """The addresses at which data begins among the code, as its mapping symbols ``$d`` tell.

    The image must be one that `read_image` accepts.
    """
    symbols = _symbol_table(elf)
    return {value for name, value, *_ in symbols if name == "$d" or name.startswith("$d.")}


def _symbol_table(elf: Path) -> Iterator[tuple[str, int, int, int, bool]]:
    """Of each symbol its name, value, size and type, and whether it is in the model's section.

    The entries are unpacked here, because pyelftools takes as long for them as gcc for a kernel.
    """
    from elftools.elf.elffile import ELFFile

    file: Any = ELFFile(io.BytesIO(read_input(elf, ELF_IMAGE, _REBUILD)))
    model = {i for i, part in enumerate(file.iter_sections()) if part.name == ".model"}
    table = file.get_section_by_name(".symtab")
    names = file.get_section(table["sh_link"]).data()
    layout = "<IIIBBH" if file.little_endian else ">IIIBBH"  # Elf32_Sym
    for at, value, size, info, _, section in struct.iter_unpack(layout, table.data()):
        name = names[at : names.index(0, at)].decode()
        yield name, value, size, info & 15, section in model


def require_fit(image: ElfImage, board: Board, elf: Path) -> None:
    """Raises `ElegansError` when an image is for another architecture than the board's, or a
    segment lies outside its memory."""
    if image.architecture != board.core.architecture:
        fact = f"is not for a {board.core.name}, the core of {board.name}"
        raise ElegansError(elf, fact, "build it for this board")
    for address, data in image.segments:
        regions = (board.memory.flash, board.memory.ram)
        if not any(region.contains(address, len(data)) for region in regions):
            fact = f"puts {len(data)} bytes at {address:#010x}, where {board.name} has no memory"
            raise ElegansError(elf, fact, "build it for this board")
