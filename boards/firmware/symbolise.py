"""From an address in a firmware to the function and line that it was compiled from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


def locate(elf: Path, address: int) -> str | None:
    """Function, file and line of an instruction, as ``lane_step (model/model.c:41)``.

    None when the image is not there, is not readable, or does not tell: a fault is
    reported with its bare address then.
    """
    try:
        from elftools.elf.elffile import ELFFile

        file = ELFFile(io.BytesIO(elf.read_bytes()))
        # Outside of functions only lines of code that the linker dropped would be found.
        function = _function(file, address)
        line = _line(file, address) if function else None
    except Exception:  # a broken file makes pyelftools raise anything, and this is only a hint
        return None
    return f"{function} ({line})" if line else function


def _function(file: Any, address: int) -> str | None:
    for symbol in file.get_section_by_name(".symtab").iter_symbols():
        first = symbol["st_value"] & ~1  # bit 0 says Thumb
        code = symbol["st_info"]["type"] == "STT_FUNC"
        if code and first <= address < first + max(symbol["st_size"], 1):
            return str(symbol.name)
    return None


def _line(file: Any, address: int) -> str | None:
    """The last row of the line table at or before ``address``, in the run that holds it."""
    if not file.has_dwarf_info():
        return None
    dwarf = file.get_dwarf_info()
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        before = None
        for entry in program.get_entries() if program else ():
            state = entry.state
            if state is None:
                continue
            if before is not None and before.address <= address < state.address:
                return f"{_file(program, before.file)}:{before.line}"
            if state.line or state.end_sequence:  # line 0: the compiler's own addition
                before = None if state.end_sequence else state
    return None


def _file(program: Any, number: int) -> str:
    # Before DWARF 5 files and folders count from one, and folder 0 is where it was compiled.
    header = program.header
    modern = header["version"] >= 5
    entry = header["file_entry"][number if modern else number - 1]
    folders = header["include_directory"]
    at = entry.dir_index if modern else entry.dir_index - 1
    folder = folders[at].decode() if at >= 0 else "."
    name = entry.name.decode()
    return name if folder in (".", "") else f"{folder}/{name}"
