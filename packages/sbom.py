"""The bill of materials of a package: what it consists of, as CycloneDX 1.6 in JSON.

Nothing in it depends on the day or the machine: its serial number follows from the package.
"""

from __future__ import annotations

import json
import uuid
from importlib.metadata import version
from typing import Any

from elegans.boards.firmware import toolchain
from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.packages.ecosystem import Ecosystem
from elegans.packages.source import RUNTIME, PackageSource

FILE = "sbom.cdx.json"
_FREE = [{"license": {"id": "0BSD"}}]


def sbom(source: PackageSource, ecosystem: Ecosystem) -> bytes:
    """The bill of a model's package: the model with its digest, its data's licence if one was
    given, the runtime, and the compiler with its flags where something is delivered compiled."""
    name, digest, model = source.name, source.build.digest, source.model
    parts = [
        {
            "type": "machine-learning-model",
            "bom-ref": "model",
            "name": name,
            "version": source.version,
            "hashes": [{"alg": "SHA-256", "content": digest}],
            "description": f"{len(model.states)} states, {model.weight_count} weights",
        },
        {
            "type": "library",
            "bom-ref": "runtime",
            "name": RUNTIME,
            "version": f"{runtime_version()}.0.0",
            "licenses": _FREE,
        },
        *_data(source),
    ]
    package = {
        "type": "library",
        "bom-ref": "package",
        "name": name,
        "version": source.version,
        "licenses": _FREE,
        "properties": [
            {"name": "elegans:ecosystem", "value": ecosystem.name},
            {"name": "elegans:layout", "value": source.build.layout},
            *_structure(source),
        ],
    }
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, " ".join(_identity(source, ecosystem))).urn,
        "version": 1,
        "metadata": {"component": package, "tools": {"components": _tools(ecosystem)}},
        "components": parts,
        "dependencies": [
            {"ref": "package", "dependsOn": [str(part["bom-ref"]) for part in parts]},
        ],
    }
    return (json.dumps(bill, indent=1) + "\n").encode()


def _identity(source: PackageSource, ecosystem: Ecosystem) -> tuple[str, ...]:
    """What makes a package another one."""
    made = (source.build.digest, ecosystem.name, source.version, version("elegans"))
    return (*made, source.build.layout, source.data_licence)


def _structure(source: PackageSource) -> list[dict[str, str]]:
    """The digest that blocks of weights for this code have."""
    structure = source.build.structure
    return [{"name": "elegans:structure", "value": structure}] if structure else []


def _data(source: PackageSource) -> list[dict[str, Any]]:
    """The data that the network was trained on, if its licence was given."""
    if not source.data_licence:
        return []
    licence = [{"license": {"name": source.data_licence}}]
    return [{"type": "data", "bom-ref": "data", "name": "training data", "licenses": licence}]


def _tools(ecosystem: Ecosystem) -> list[dict[str, Any]]:
    """elegans, and the compiler of what is delivered compiled."""
    tools: list[dict[str, Any]] = [
        {"type": "application", "name": "elegans", "version": version("elegans")}
    ]
    if ecosystem.flags:
        flags = {"name": "elegans:flags", "value": " ".join(ecosystem.flags)}
        zig = toolchain.cross_compiler("zig").version
        tools.append({"type": "application", "name": "zig", "version": zig, "properties": [flags]})
    return tools
