"""`elegans package`: packages of a BUILD, which appear together, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from elegans.boards.firmware import toolchain
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.files import require_parents, restore_folder, write_folder
from elegans.exporter.storage.read_files import MODEL_JSON, parse_json, read_input
from elegans.packages.ecosystem import Ecosystem
from elegans.packages.ecosystems import ECOSYSTEMS
from elegans.packages.layout import RENAME, package_files
from elegans.packages.source import PackageSource, read_source

RECORD = "elegans-package.json"
"""The file that says what a folder of packages was made from, and that elegans made it."""

MODEL = "model.json"
"""The model of the BUILD, from which `elegans verify` makes everything anew."""

_SCHEMA = "elegans-package/1"


def package(
    build: Path,
    target: Path,
    names: Sequence[str],
    package_version: str = "1.0.0",
    data_licence: str = "",
) -> dict[str, bytes]:
    """Write packages of a BUILD for the ecosystems `names`, each to a folder of its name in
    `target`, in place of earlier packages there. Returns the files that were written, by path.

    The same BUILD and arguments give the same bytes. Raises `ElegansError` for a BUILD that is
    damaged, a name that an ecosystem forbids, and a folder that has anything else in it; `target`
    is then as it was.
    """
    check_target(target, names)
    source = read_source(build, package_version, data_licence)
    files = all_files(source, names)
    write_folder(target, files)
    return files


def all_files(source: PackageSource, names: Sequence[str]) -> dict[str, bytes]:
    """The packages of a BUILD and their record, by path. Raises `ElegansError` for a name that an
    ecosystem forbids."""
    chosen = [ECOSYSTEMS[name] for name in dict.fromkeys(names)]
    for ecosystem in chosen:
        if source.name in ecosystem.forbidden:
            fact = f"means something else in {ecosystem.title}, so no package can have this name"
            raise WrongUseError(source.name, fact, RENAME)
    files = {
        f"{ecosystem.name}/{path}": content
        for ecosystem in chosen
        for path, content in package_files(source, ecosystem).items()
    }
    model = source.build.path.read_bytes()
    return files | {MODEL: model, RECORD: _record(source, chosen)}


def check_target(target: Path, names: Sequence[str]) -> None:
    """Refuse to replace anything but an empty folder or earlier packages, all of ecosystems among
    `names`: those of others would be lost."""
    restore_folder(target)
    require_parents(target)
    try:
        there = target.exists() or target.is_symlink()
        empty = target.is_dir() and not any(target.iterdir())
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        reason = getattr(error, "strerror", None) or str(error)
        fact = f"cannot be written ({reason})"
        raise ElegansError(target, fact, "give another folder to -o") from None
    record = read_record(target) if there and not empty else {}
    if record is None:
        fact = "is there and has no packages of elegans"
        raise WrongUseError(target, fact, "give a new folder to -o, or remove it")
    known = record.get("ecosystems", [])
    lost = [str(name) for name in known if name not in names] if isinstance(known, list) else []
    if lost:
        fact = f"has packages for {', '.join(lost):.100}, which would be removed"
        more = " ".join(f"--for {name}" for name in lost)
        remedy = f"make them together ({more:.100} as well), or give another folder to -o"
        raise WrongUseError(target, fact, remedy)


def read_record(target: Path) -> dict[str, Any] | None:
    """What a folder of packages says of itself; None for any other folder."""
    try:
        content = read_input(target / RECORD, MODEL_JSON, "", inside=target)
        record = parse_json(content)
    except (ElegansError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("schema") != _SCHEMA:
        return None
    return record


def _record(source: PackageSource, chosen: list[Ecosystem]) -> bytes:
    record = {
        "schema": _SCHEMA,
        "model": source.name,
        "digest": source.build.digest,
        "network": source.build.files.get("float.onnx"),
        "version": source.version,
        "data_licence": source.data_licence,
        "ecosystems": [ecosystem.name for ecosystem in chosen],
        "elegans": version("elegans"),
        "zig": None,
    }
    if any(ecosystem.flags for ecosystem in chosen):
        record["zig"] = toolchain.cross_compiler("zig").version
    return (json.dumps(record, indent=1) + "\n").encode()
