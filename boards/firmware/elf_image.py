"""What an ELF image puts into memory."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elegans.boards.descriptors.descriptor import Board, Region
from elegans.exporter.errors import ElegansError

_REBUILD = "build it again: elegans build BUILD"


@dataclass(frozen=True)
class Image:
    """``segments`` are (address, bytes) as they lie in flash, ``sizes`` bytes by section."""

    segments: tuple[tuple[int, bytes], ...]
    sizes: dict[str, int]


def read_image(elf: Path) -> Image:
    """Read an ELF image for a Cortex-M. Raises `ElegansError` when it is missing or broken."""
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError:
        remedy = "pip install 'elegans[sim]'"
        raise ElegansError(elf, "pyelftools, which reads it, is not installed", remedy) from None
    try:
        file = ELFFile(io.BytesIO(elf.read_bytes()))
        if file["e_machine"] != "EM_ARM" or file.elfclass != 32:
            raise ElegansError(elf, "is not for a Cortex-M", _REBUILD)
        loaded = [s for s in file.iter_segments("PT_LOAD") if s["p_filesz"]]
        segments = tuple((int(s["p_paddr"]), s.data()) for s in loaded)
        if any(len(s.data()) != s["p_filesz"] for s in loaded):
            raise ElegansError(elf, "is cut short", _REBUILD)
        sizes = {section.name: int(section["sh_size"]) for section in file.iter_sections()}
    except ElegansError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(elf, f"cannot be read ({reason})", _REBUILD) from None
    except Exception as error:  # a broken file makes pyelftools raise anything
        raise ElegansError(elf, f"is no whole ELF image ({error})", _REBUILD) from None
    if not segments:
        raise ElegansError(elf, "loads nothing", _REBUILD)
    return Image(segments, sizes)


@dataclass(frozen=True)
class Symbol:
    """A function, a layer within one, or an array. ``model`` says that it is the model's."""

    name: str
    address: int
    size: int
    data: bool
    model: bool


def read_symbols(elf: Path) -> list[Symbol]:
    """The symbols of an image that `read_image` has read."""
    from elftools.elf.elffile import ELFFile

    file: Any = ELFFile(io.BytesIO(elf.read_bytes()))
    sections = [section.name for section in file.iter_sections()]
    found = []
    for symbol in file.get_section_by_name(".symtab").iter_symbols():
        kind, index = symbol["st_info"]["type"], symbol["st_shndx"]
        own = isinstance(index, int) and sections[index] == ".model"
        label = own and kind == "STT_NOTYPE" and symbol.name and not symbol.name.startswith("$")
        if kind in ("STT_FUNC", "STT_OBJECT") or label:
            data = kind == "STT_OBJECT"
            address = symbol["st_value"] & (-1 if data else -2)
            found.append(Symbol(symbol.name, address, symbol["st_size"], data, own))
    return found


def require_fit(image: Image, board: Board, elf: Path) -> None:
    """Raises `ElegansError` when a segment lies outside the board's memory."""
    for address, data in image.segments:
        if not any(_holds(r, address, len(data)) for r in (board.memory.flash, board.memory.ram)):
            fact = f"puts {len(data)} bytes at {address:#010x}, where {board.name} has no memory"
            raise ElegansError(elf, fact, "build it for this board")


def _holds(region: Region, address: int, count: int) -> bool:
    return region.origin <= address and address + count <= region.origin + region.bytes
