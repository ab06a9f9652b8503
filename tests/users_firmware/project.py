"""A user's project: several models around one runtime, and a function that checks them all.

`check()` executes single steps of the golden vectors of every model and compares each integer. It
needs nothing but the models, so the same file runs on this machine and on a bare core.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from elftools.elf.elffile import ELFFile

from elegans.boards.firmware import toolchain
from elegans.boards.firmware.elf_image import read_image
from elegans.boards.firmware.toolchain import Compiler
from elegans.exporter.build_folder import BuildFolder, read_build_folder
from elegans.exporter.storage.npz_arrays import load_arrays

_ROWS = 60  # of the golden vectors, spread over all of their sections
_RAM, _PAGES = 0x2000_0000, 0x0010_0000
_SCRIPT = """SECTIONS
{
    .text 0x10000 : { *(.text* .rodata*) }
    .data : { *(.data* .bss* COMMON) }
    ASSERT(SIZEOF(.data) == 0, "a model has no variables")
    /DISCARD/ : { *(.ARM.exidx* .ARM.extab* .comment) }
}
"""
_CHECK = """\
static int check_{name}(void)
{{
    {name}_state one, other;
    int16_t y[{NAME}_OUTPUTS], y2[{NAME}_OUTPUTS];
    int{bits}_t h[{NAME}_STATES], h2[{NAME}_STATES];

    for (int r = 0; r < {rows}; r++) {{
        {name}_set_h(&one, {name}_h0[r]);
        {name}_step(&one, y, {name}_x[r]{dt});
        {get}
        for (int i = 0; i < {NAME}_OUTPUTS; i++) {{
            if (y[i] != {name}_y[r][i])
                return r + 1;
        }}
        for (int i = 0; i < {NAME}_STATES; i++) {{
            if (h[i] != {name}_h1[r][i])
                return r + 1;
        }}
    }}
    /* Two instances in turns give what one gives alone. */
    {name}_init(&one);
    {name}_init(&other);
    for (int r = 0; r < {rows}; r++) {{
        {name}_step(&one, y, {name}_x[r]{dt});
        {name}_step(&other, y2, {name}_x[{rows} - 1 - r]{dt});
    }}
    {get}
    {name}_init(&other);
    for (int r = 0; r < {rows}; r++)
        {name}_step(&other, y2, {name}_x[r]{dt});
    {get2}
    for (int i = 0; i < {NAME}_STATES; i++) {{
        if (h[i] != h2[i])
            return 500;
    }}
    return 0;
}}
"""


@dataclass(frozen=True)
class Project:
    """A folder with a folder for each model, one runtime, `check.c` and `main.c`.

    names  of the models, which are the names of their folders, too
    """

    folder: Path
    names: tuple[str, ...]

    @property
    def includes(self) -> list[str]:
        """The options that a user's build needs."""
        return [*(f"-I{name}" for name in self.names), "-Iruntime/include"]

    def units(self, *endings: str) -> list[str]:
        """The sources of all models and of the runtime with these endings."""
        found = [p for p in sorted(self.folder.glob("*/**/*")) if p.suffix in endings]
        return [path.relative_to(self.folder).as_posix() for path in found]

    def run_on_host(self, tool: Compiler, options: Sequence[str]) -> str:
        """What the program prints: `0`, or model and row of the first difference."""
        line = [*options, *self.includes, *self.units(".c"), "check.c", "main.c", "-o", "program"]
        toolchain.run(tool, line, self.folder, "several models")
        done = subprocess.run(
            [self.folder / "program"], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.strip()

    def run_on_core(self, tool: Compiler, options: Sequence[str], cpu: str) -> int:
        """What `check` returns on a core of unicorn, linked with no library but the compiler's
        own arithmetic."""
        objects = self.objects(tool, options)
        libraries = ["-nostdlib", *(["-lgcc"] if tool.name == "gcc" else [])]
        (self.folder / "link.ld").write_text(_SCRIPT)
        line = [*options, "-Wl,-T,link.ld", "-Wl,-e,check", "-Wl,--build-id=none", *objects]
        toolchain.run(tool, [*line, *libraries, "-o", "check.elf"], self.folder, "several models")
        return _call(self.folder / "check.elf", cpu)

    def objects(self, tool: Compiler, options: Sequence[str]) -> list[str]:
        """The object files of all sources but `main.c`."""
        made = []
        for unit in [*self.units(".c", ".S"), "check.c"]:
            made.append(f"{unit.replace('/', '_')}.o")
            line = [*options, *self.includes, "-c", unit, "-o", made[-1]]
            toolchain.run(tool, line, self.folder, unit)
        return made


def make_project(folder: Path, builds: Sequence[Path]) -> Project:
    """The tree that the README of a BUILD describes, and `check.c`."""
    folders = [read_build_folder(build) for build in builds]
    for build, model in zip(builds, folders, strict=True):
        (folder / model.name).mkdir(parents=True)
        for file in build.glob(f"{model.name}*.*"):
            shutil.copy(file, folder / model.name)
        shutil.copytree(build / "runtime", folder / "runtime", dirs_exist_ok=True)
    parts = [f'#include "{model.name}.h"' for model in folders]
    parts += [_vectors(model, build) for model, build in zip(folders, builds, strict=True)]
    parts += [_check(model) for model in folders]
    calls = [
        f"    if ((at = check_{model.name}()) != 0)\n        return {1000 * i} + at;"
        for i, model in enumerate(folders, 1)
    ]
    parts += ["int check(void);", "int check(void)", "{", "    int at;", "", *calls]
    (folder / "check.c").write_text("\n".join([*parts, "    return 0;", "}"]) + "\n")
    (folder / "main.c").write_text(
        '#include <stdio.h>\nint check(void);\nint main(void) { printf("%d", check()); }\n'
    )
    return Project(folder, tuple(model.name for model in folders))


def undefined(object_file: Path) -> set[str]:
    """What an object file asks of others."""
    with object_file.open("rb") as file:
        symbols: Any = [*ELFFile(file).get_section_by_name(".symtab").iter_symbols()]
    return {s.name for s in symbols if s["st_shndx"] == "SHN_UNDEF" and s.name}


def one_file(project: Project) -> str:
    """A file that includes all C of the models and of the runtime: one unit, in portable C."""
    units = "".join(f'#include "{unit}"\n' for unit in project.units(".c"))
    portable = "#ifndef EL_CORE\n#define EL_CORE EL_PORTABLE\n#endif\n"
    (project.folder / "all.c").write_text(portable + units)
    return "all.c"


def _vectors(model: BuildFolder, build: Path) -> str:
    """Rows of the golden vectors as constant arrays."""
    arrays = load_arrays(build / "vectors.npz")
    rows = np.linspace(0, len(arrays["x"]) - 1, _ROWS).astype(int)
    bits = {"x": 16, "y": 16, "h": model.state_bits, "h_next": model.state_bits}
    named = {"x": "x", "y": "y", "h": "h0", "h_next": "h1"}
    found = [
        f"static const int{bits[key]}_t {model.name}_{name}[{_ROWS}][{arrays[key].shape[1]}] = "
        + _initialiser(arrays[key][rows])
        for key, name in named.items()
    ]
    if model.dt is not None:
        dt = _initialiser(arrays["dt"][rows])
        found.append(f"static const int{model.dt_bits}_t {model.name}_dt[{_ROWS}] = {dt}")
    return "\n".join(found)


def _initialiser(values: Any) -> str:
    text = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in np.atleast_2d(values).tolist())
    return f"{{{text}}};" if np.ndim(values) > 1 else f"{text};"


def _check(model: BuildFolder) -> str:
    name, wide = model.name, model.state_bits == 32

    def get(state: str, h: str) -> str:
        if wide:
            return f"{name}_get_h(&{state}, {h});"
        copy = f"{h}[i] = {name}_h(&{state})[i];"
        return f"for (int i = 0; i < {name.upper()}_STATES; i++)\n            {copy}"

    return _CHECK.format(
        name=name,
        NAME=name.upper(),
        bits=model.state_bits,
        rows=_ROWS,
        dt=f", {name}_dt[r]" if model.dt is not None else "",
        get=get("one", "h"),
        get2=get("other", "h2"),
    )


def _call(elf: Path, cpu: str) -> int:
    """Call the entry of an image on a bare core; what it returns."""
    import unicorn
    from unicorn import arm_const

    with elf.open("rb") as file:
        entry = ELFFile(file)["e_entry"]
    core: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    core.ctl_set_cpu_model(getattr(arm_const, cpu))
    core.mem_map(0, _PAGES)
    core.mem_map(_RAM, _PAGES)
    for address, data in read_image(elf).segments:
        core.mem_write(address, data)
    core.reg_write(arm_const.UC_ARM_REG_SP, _RAM + _PAGES)
    core.reg_write(arm_const.UC_ARM_REG_LR, _PAGES - 0xFFF)
    core.emu_start(entry | 1, _PAGES - 0x1000)
    return int(core.reg_read(arm_const.UC_ARM_REG_R0))
