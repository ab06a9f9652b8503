"""`elegans verify`: packages are made once more, from the model alone, and compared to the byte.

What a package consists of follows from its `model.json`, the version of elegans and, where it
delivers something compiled, the version of zig. The C in a package is not trusted: it is generated
anew from the integers of the model, whose digest and whose ranges are checked.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from elegans.boards.firmware import toolchain
from elegans.boards.firmware.source import model_source
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.delivery.runtime_files import FOLDER, runtime_version
from elegans.exporter.delivery.weights_block import structure_digest
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.ir.proof import prove
from elegans.exporter.oracles.golden_vectors import free_runs, golden
from elegans.exporter.storage.read_files import SOURCE_FILE, files_below, read_input
from elegans.hil_tests.session.build_files import Vectors
from elegans.packages.ecosystems import ECOSYSTEMS
from elegans.packages.package import RECORD, all_files, read_record
from elegans.packages.source import PackageSource, read_source, require_arguments, require_plain


def verify(target: Path, build: Path | None = None) -> int:
    """Compare packages with what is made anew from their model or, with `build`, from that BUILD.
    Returns the number of files, which are all equal.

    Raises `ElegansError` for the first file that is missing, different or too many; for packages
    of another elegans or zig, which cannot be made here; and for a BUILD of another model.
    """
    record = read_record(target)
    if record is None:
        fact = "is no folder of packages: it has no elegans-package.json of elegans"
        raise WrongUseError(target, fact, "give the folder that `elegans package` wrote")
    _require_tools(target, record)
    version_and_licence = str(record.get("version")), str(record.get("data_licence", ""))
    if build is None:
        source = _from_model(target, *version_and_licence)
    else:
        source = read_source(build, *version_and_licence)
    if source.build.digest != record.get("digest"):
        fact = f"is of another model: its digest is {source.build.digest[:16]}..."
        raise ElegansError(build or target, fact, "give the BUILD that was packaged")
    expected = all_files(source, _ecosystems(target, record))
    found = {path.removeprefix("./") for path in files_below(target, ".")}
    for path in sorted(expected.keys() | found):
        _compare(target, path, expected.get(path), path in found)
    return len(expected)


def _ecosystems(target: Path, record: dict[str, Any]) -> list[str]:
    """The ecosystems that a record names."""
    names = record.get("ecosystems")
    if not isinstance(names, list) or not all(name in ECOSYSTEMS for name in map(str, names)):
        fact = f"is damaged: its ecosystems are {names!r:.60}"
        raise ElegansError(target / RECORD, fact, "make the packages again")
    return names


def _require_tools(target: Path, record: dict[str, Any]) -> None:
    """Refuse what another version made: its bytes are others."""
    made = {"elegans": record.get("elegans"), "zig": record.get("zig")}
    here = {"elegans": version("elegans")}
    if made["zig"] is not None:
        here["zig"] = toolchain.cross_compiler("zig").version
    for tool, needed in here.items():
        if made[tool] != needed:
            fact = f"was made by {tool} {made[tool]}, and here is {tool} {needed}"
            name = {"zig": "ziglang"}.get(tool, tool)
            raise ElegansError(target, fact, f"verify it with {name}=={made[tool]}")


def _from_model(target: Path, package_version: str, licence: str) -> PackageSource:
    """The source of packages made anew from `model.json`."""
    require_arguments(package_version, licence)
    folder = read_build_folder(target)
    require_plain(folder)
    model = load_model(target)
    made = plan(model, prove(model), folder.layout, replaceable=bool(folder.structure))
    code = emit(made, folder.counts)
    blocks = {}
    if made.block is not None:
        blocks = made.block.files(model, runtime_version(), structure_digest(code))
    files = {p: text.encode() for p, text in code.items() if p != "README.md"}
    return PackageSource(
        build=folder,
        model=model,
        version=package_version,
        data_licence=licence,
        c=model_source(model, folder.layout, files),
        code={path: text for path, text in files.items() if not path.startswith(f"{FOLDER}/")},
        used={path: text for path, text in files.items() if path.startswith(f"{FOLDER}/")},
        vectors=Vectors(**golden(model, free_runs(model, None))),
        blocks=dict(sorted(blocks.items())),
    )


def _compare(target: Path, path: str, expected: bytes | None, there: bool) -> None:
    """Raise `ElegansError` unless a file is there if it is expected, with this content."""
    remedy = "make the packages again with `elegans package`"
    if expected is None:
        raise ElegansError(target / path, "is no file of these packages", remedy)
    if not there:
        raise ElegansError(target / path, "is missing", remedy)
    content = read_input(target / path, SOURCE_FILE, remedy, inside=target)
    if content != expected:
        digests = [hashlib.sha256(text).hexdigest()[:16] for text in (content, expected)]
        fact = "differs from what was made anew: SHA-256 {}..., not {}...".format(*digests)
        raise ElegansError(target / path, fact, remedy)
