"""What an ecosystem is: where its packages have their files, and which names it forbids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from elegans.packages.source import PackageSource

Files = dict[str, bytes]
"""Contents by path, relative to the ecosystem's folder."""


def nothing_compiled(source: PackageSource, files: Files) -> Files:
    """The files as they are: what most ecosystems deliver is compiled by the user."""
    del source
    return files


@dataclass(frozen=True)
class Ecosystem:
    """A build system that a package is for. Paths are relative to the ecosystem's folder; in them
    {name} is the name of the model, {version} that of its package, {runtime_version} the runtime's.

    name      as `--for` takes it; also the folder of its templates
    title     as sentences name it
    headers   the folder of the model's headers
    sources   the folder of the model's C
    runtime   the folder of the runtime: in the model's where a build system can share it by its
              name, beside it where a library is a folder, "" where every package has the kernels
              that its model needs among its own sources
    runtime_headers, runtime_sources   folders of the runtime, relative to it
    forbidden names that mean something else there
    archives  (folder, file): folders that become a zip file
    flags     with which zig compiles what is delivered compiled
    compiled  adds to the files, or puts in their place, what is delivered compiled
    """

    name: str
    title: str
    headers: str
    sources: str
    runtime: str
    runtime_headers: str = "include"
    runtime_sources: str = "src"
    forbidden: frozenset[str] = frozenset()
    archives: tuple[tuple[str, str], ...] = ()
    flags: tuple[str, ...] = ()
    compiled: Callable[[PackageSource, Files], Files] = nothing_compiled
