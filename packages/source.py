"""What every package is made of: the C of a BUILD, the whole runtime, a self-test, the licence."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from elegans.boards.firmware.source import ModelSource, read_model
from elegans.exporter.build_folder import BuildFolder, load_model, read_build_folder
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.ir.fixed_model import Model
from elegans.hil_tests.session.build_files import Vectors, load_build

RUNTIME = "elegans_runtime"
"""The name of the runtime's own library in every ecosystem."""

_ROOT = Path(__file__).resolve().parents[1]
_RUNTIME_C = _ROOT / "runtime_c"
_INLINE = b"EL_INLINE void"  # such a function is only called from its header
_VERSION = re.compile(r"(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})")


@dataclass(frozen=True)
class PackageSource:
    """A BUILD that has been checked, as packages need it.

    build    what its `model.json` states
    model    the model, its ranges proved
    version  of the package, MAJOR.MINOR.PATCH
    c        its C, as it is compiled for boards
    code     the model's own files by name: NAME.h, NAME.c, and NAME_layers.S where there is one
    used     the runtime files that the model needs, by path: include/elegans/..., src/...
    vectors  its golden vectors
    """

    build: BuildFolder
    model: Model
    version: str
    c: ModelSource
    code: dict[str, bytes]
    used: dict[str, bytes]
    vectors: Vectors

    @property
    def name(self) -> str:
        """The prefix of all that the model defines."""
        return self.build.name


def read_source(build: Path, package_version: str) -> PackageSource:
    """Read and check a BUILD. Raises `ElegansError` for one that is damaged or was exported by
    another elegans, and for a version that no ecosystem takes."""
    if not _VERSION.fullmatch(package_version):
        fact, remedy = "is not a version", "give three numbers, as in --version 1.0.0"
        raise WrongUseError(package_version, fact, remedy)
    folder = read_build_folder(build)
    c = read_model(build)
    used = {path: text for path, text in c.files.items() if path.startswith(("include/", "src/"))}
    _require_current(build, used, folder.version)
    code = {path: text for path, text in c.files.items() if path not in used}
    return PackageSource(
        build=folder,
        model=load_model(build),
        version=package_version,
        c=c,
        code=_named(folder.name, code),
        used=used,
        vectors=load_build(build).vectors,
    )


def runtime_files() -> dict[str, bytes]:
    """All kernels, by path: include/elegans/..., src/...; every model is served by the same."""
    paths = [p for p in sorted((_RUNTIME_C / "include").rglob("*")) if p.suffix in (".h", ".inc")]
    files = {p.relative_to(_RUNTIME_C).as_posix(): p.read_bytes() for p in paths}
    for path in sorted((_RUNTIME_C / "src").glob("*.c")):
        if _INLINE not in files.get(f"include/elegans/{path.stem}.h", b""):
            files[f"src/{path.name}"] = path.read_bytes()
    return files


def licence() -> bytes:
    """The text of 0BSD, under which all C of a package is."""
    return (_ROOT / "LICENSE-0BSD").read_bytes()


def _named(name: str, code: Mapping[str, bytes]) -> dict[str, bytes]:
    """The model's files under names that no other model has."""
    named = {"model.h": f"{name}.h", "model.c": f"{name}.c", "layers.S": f"{name}_layers.S"}
    include = b'#include "model.h"', f'#include "{name}.h"'.encode()
    return {named[path]: text.replace(*include) for path, text in code.items()}


def _require_current(build: Path, used: Mapping[str, bytes], exported_by: str) -> None:
    """Refuse a BUILD whose kernels are not those of this elegans: a package has one runtime."""
    current = runtime_files()
    for path, text in used.items():
        if current.get(path) != text:
            digest = hashlib.sha256(text).hexdigest()[:8]
            fact = f"is not the runtime of elegans {version('elegans')} (SHA-256 {digest}...)"
            if exported_by != version("elegans"):
                fact += f": elegans {exported_by or 'of another version'} exported this BUILD"
            raise ElegansError(build / path, fact, "run `elegans export` again")
