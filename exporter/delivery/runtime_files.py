"""The runtime: the kernels, headers and assembler macros that all models of a program share.

A BUILD has the files that its model needs, in the folder `runtime/`. A file has the same text in
every BUILD of one version, so the runtimes of several BUILDs can be copied over each other.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = "runtime"
"""The folder of the runtime in a BUILD."""

_SOURCE = Path(__file__).resolve().parents[2] / "runtime_c"
_VERSION = re.compile(r"#define ELEGANS_RUNTIME_VERSION (\d+)")
_INLINE = "EL_INLINE void"
_NAMED = re.compile(r'"elegans/([\w/]+\.(?:h|inc))"')


@cache
def runtime_version() -> int:
    """The version of the kernels' interface, which the runtime's own header defines."""
    text = (_SOURCE / "include/elegans/el_version.h").read_text(encoding="utf-8")
    found = _VERSION.search(text)
    assert found is not None
    return int(found[1])


def runtime_files(needed: list[str]) -> dict[str, str]:
    """These headers, every runtime file that they name, and the sources beside them: texts by
    path in a BUILD.

    `el_core.h` names two files of each core: `core.h` is always taken, so that one BUILD serves
    every core, and the assembler's `.inc` only where `el_layers.inc` is needed.
    """
    assembler = "el_layers.inc" in needed
    files: dict[str, str] = {}
    pending = [*needed, "el_copy.h"]
    while pending:
        header = pending.pop()
        source = f"src/{Path(header).stem}.c" if header.endswith(".h") else ""
        for path in (f"include/elegans/{header}", source):
            inline = _INLINE in files.get(f"include/elegans/{header}", "")
            if path == source and inline:
                continue  # only tests call such a function by its address
            if path and path not in files and (_SOURCE / path).exists():
                files[path] = (_SOURCE / path).read_text(encoding="utf-8")
                named = _NAMED.findall(files[path])
                pending += [n for n in named if assembler or not n.endswith(".inc")]
    return {f"{FOLDER}/{path}": text for path, text in files.items()}
