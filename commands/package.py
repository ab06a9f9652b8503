"""`elegans package`: writes packages, and prints what each has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from elegans.commands.edge import say
from elegans.packages.ecosystems import ECOSYSTEMS
from elegans.packages.package import package


def write_packages(
    build: Path, output: Path, names: Sequence[str], package_version: str, data_licence: str
) -> dict[str, bytes]:
    """Write the packages of a BUILD to `output`, and print a line for each. Raises as `package`."""
    files = package(build, output, names, package_version, data_licence)
    for name in dict.fromkeys(names):
        own = [content for path, content in files.items() if path.startswith(f"{name}/")]
        size = sum(map(len, own))
        title = ECOSYSTEMS[name].title
        say(f"{output / name}: for {title}, {len(own)} files, {size:,} bytes")
    return files
