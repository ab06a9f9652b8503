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
from elegans.exporter.delivery.runtime_files import FOLDER, runtime_files
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.interface import is_label, is_unit, valid_name
from elegans.exporter.storage.read_files import SOURCE_FILE, read_input
from elegans.exporter.templates import environment
from elegans.hil_tests.session.build_files import Vectors, load_build

RUNTIME = "elegans_runtime"
"""The name of the runtime's own library in every ecosystem."""

_ROOT = Path(__file__).resolve().parents[1]
_LONGEST = 1e9  # seconds of a sample period, far beyond what anybody exports
_VERSION = re.compile(r"(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})")


@dataclass(frozen=True)
class PackageSource:
    """A BUILD that has been checked, as packages need it.

    build    what its `model.json` states
    model    the model, its ranges proved
    version  of the package, MAJOR.MINOR.PATCH
    c        its C, as it is compiled for boards
    code     the model's own files by name: NAME.c, NAME_layers.S where there is one, and headers
    used     the runtime files that the model needs, by path: runtime/include/..., runtime/src/...
    vectors  its golden vectors
    blocks   its weights for each kind of core, by file name; empty if they are in its code
    data_licence   of the data that the network was trained on; "" if it was not given
    """

    build: BuildFolder
    model: Model
    version: str
    c: ModelSource
    code: dict[str, bytes]
    used: dict[str, bytes]
    vectors: Vectors
    blocks: dict[str, bytes]
    data_licence: str = ""

    @property
    def name(self) -> str:
        """The prefix of all that the model defines."""
        return self.build.name


def read_source(build: Path, package_version: str, data_licence: str = "") -> PackageSource:
    """Read and check a BUILD. Raises `ElegansError` for one that is damaged, was exported by
    another elegans or has no inputs, and for a version that no ecosystem takes."""
    require_arguments(package_version, data_licence)
    folder = read_build_folder(build)
    require_plain(folder)
    if not folder.inputs:
        fact = "has no inputs, and a package is for what reads sensors"
        raise ElegansError(folder.path, fact, "give the network an input")
    c = read_model(build)
    used = {path: text for path, text in c.files.items() if path.startswith(f"{FOLDER}/")}
    _require_current(build, used)
    code = {path: text for path, text in c.files.items() if path not in used}
    code |= _stated(build, folder, r"(_[a-z]+\.h|\.hpp)")
    return PackageSource(
        build=folder,
        model=load_model(build),
        version=package_version,
        c=c,
        code=code,
        used=used,
        vectors=load_build(build).vectors,
        blocks=_stated(build, folder, r"_weights(_[a-z]+)?\.bin"),
        data_licence=data_licence,
    )


def require_arguments(package_version: str, data_licence: str) -> None:
    """Refuse a version that some ecosystem does not take, and a text that is no licence's name."""
    if not _VERSION.fullmatch(package_version):
        fact, remedy = "is not a version", "give three numbers, as in --version 1.0.0"
        raise WrongUseError(f"{package_version:.60}", fact, remedy)
    if not re.fullmatch(r"[ -~]{0,200}", data_licence):
        fact, remedy = "is no licence", "name it in at most 200 characters, as in CC-BY-4.0"
        raise WrongUseError(f"{data_licence!r:.60}", fact, remedy)


def require_plain(folder: BuildFolder) -> None:
    """Refuse names, units and periods that no export writes: they would stand in C, XML and
    scripts."""
    valid_name(folder.name)
    period = folder.float_reading.get("dt")
    if period is not None and not (isinstance(period, int | float) and 0 < period < _LONGEST):
        fact = f"is damaged: {period!r:.40} is no sample period"
        raise ElegansError(folder.path, fact, "run `elegans export` again")
    times = (folder.dt,) if folder.dt else ()
    for channel in (*folder.inputs, *folder.outputs, *folder.states, *times):
        label = re.sub(r"\[\d{1,6}\]$", "", channel.name)  # of a state: layer[number]
        if not is_label(label) or not is_unit(channel.unit):
            fact = f"is damaged: {channel.name!r:.40} in {channel.unit!r:.20} is no signal"
            raise ElegansError(folder.path, fact, "run `elegans export` again")


def whole_runtime() -> dict[str, bytes]:
    """All files of the runtime, by path: runtime/include/..., runtime/src/...; one library of them
    serves every model."""
    headers = [path.name for path in (_ROOT / "runtime_c" / "include" / "elegans").iterdir()]
    files = runtime_files([name for name in headers if name.endswith((".h", ".inc"))])
    return {path: text.encode() for path, text in sorted(files.items())}


def licence() -> bytes:
    """The text of 0BSD, under which all C of a package is."""
    return environment().get_template("packages/common/LICENSE.j2").render().encode()


def _stated(build: Path, folder: BuildFolder, ending: str) -> dict[str, bytes]:
    """The files NAME... of a BUILD with this ending, by name, as `model.json` states them."""
    kind = re.compile(rf"{folder.name}{ending}")
    remedy = "run `elegans export` again"
    found = {}
    for path in sorted(filter(kind.fullmatch, folder.files)):
        found[path] = read_input(build / path, SOURCE_FILE, remedy, inside=build)
        if hashlib.sha256(found[path]).hexdigest() != folder.files[path]:
            raise ElegansError(build / path, "was changed after the export", remedy)
    return found


def _require_current(build: Path, used: Mapping[str, bytes]) -> None:
    """Refuse a BUILD whose kernels are not those of this elegans: a package has one runtime."""
    current = whole_runtime()
    for path, text in used.items():
        if current.get(path) != text:
            fact = f"is not as in the runtime of elegans {version('elegans')}"
            raise ElegansError(build / path, fact, "run `elegans export` again")
