"""Symbolises addresses: the function and the source line of an instruction in an image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from elegans.exporter.storage.read_files import ELF_IMAGE, read_input


def symbolise(elf: Path, address: int) -> str | None:
    """Function, file and line of the instruction at ``address``, as in
    ``lane_step (model/lane.c:41)``.

    None if the image is missing or broken, or if the address is in no function of it.
    """
    try:
        from elftools.elf.elffile import ELFFile

        file = ELFFile(io.BytesIO(read_input(elf, ELF_IMAGE, "build it again")))
        if any(section.compressed for section in file.iter_sections()):
            return None  # no compiler makes them here, and they may inflate to any size
        function = _function(file, address)
        line = _line(file, address) if function else None
    except Exception:  # for a broken file pyelftools may raise anything; a fault's address is
        # reported without its function then
        return None
    return f"{function} ({line})" if line else function


def _function(file: Any, address: int) -> str | None:
    for symbol in file.get_section_by_name(".symtab").iter_symbols():
        first = symbol["st_value"] & ~1  # bit 0 means Thumb
        code = symbol["st_info"]["type"] == "STT_FUNC"
        if code and first <= address < first + max(symbol["st_size"], 1):
            return str(symbol.name)
    return None


def _line(file: Any, address: int) -> str | None:
    """``file:line`` from the last row of the line table at or before ``address``.

    A table consists of sequences of rows with rising addresses; only rows of the sequence that
    covers ``address`` count. Sequences of functions that the linker removed begin at 0, where no
    function is, and can reach into those that are there.
    """
    if not file.has_dwarf_info():
        return None
    dwarf = file.get_dwarf_info()
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        before = None  # the last row of the current sequence
        start = None  # the first address of it
        for entry in program.get_entries() if program else ():
            state = entry.state
            if state is None:
                continue
            start = state.address if start is None else start
            if (
                before is not None
                and before.address <= address < state.address
                and _function(file, start)
            ):
                return f"{_file(program, before.file)}:{before.line}"
            if state.line or state.end_sequence:  # line 0: code that the compiler added
                before = None if state.end_sequence else state
            if state.end_sequence:
                start = None
    return None


def _file(program: Any, number: int) -> str:
    # Up to DWARF 4 files and folders are numbered from 1, and folder 0 is the folder in which
    # the compiler ran.
    header = program.header
    modern = header["version"] >= 5
    entry = header["file_entry"][number if modern else number - 1]
    folders = header["include_directory"]
    at = entry.dir_index if modern else entry.dir_index - 1
    folder = folders[at].decode() if at >= 0 else "."
    name = entry.name.decode()
    return name if folder in (".", "") else f"{folder}/{name}"
