"""Verbs that bring a BUILD into other build systems: `package` and `verify`."""

from __future__ import annotations

from pathlib import Path

import click

from elegans.commands.edge import say
from elegans.commands.options.shared import BUILD, PATH, output_option
from elegans.commands.verbs import verb
from elegans.packages.ecosystems import ECOSYSTEMS


@verb(
    "elegans package build/model --for cmake -o build/packages;"
    " elegans package build/model --for arduino --for zephyr --version 1.2.0 -o build/packages"
)
@BUILD
@click.option(
    "--for",
    "names",
    multiple=True,
    required=True,
    type=click.Choice(tuple(ECOSYSTEMS)),
    help="what the package is for; repeat it for several",
)
@click.option(
    "--version",
    "package_version",
    default="1.0.0",
    show_default=True,
    help="version of the package: raise it when the model changes",
)
@click.option(
    "--data-licence",
    default="",
    help="licence of the data that the network was trained on, for the bill of materials",
)
@output_option("folder to write, with a folder for each ecosystem", required=True)
def package(
    build: Path,
    names: tuple[str, ...],
    package_version: str,
    data_licence: str,
    output: Path,
) -> None:
    """Make libraries of a BUILD that other build systems take as they are.

    Each has a README, a licence, an example that reads a sensor, a bill of materials, and a
    self-test of golden vectors that you run on your own target. The same BUILD and options
    give the same bytes.
    """
    from elegans.commands.package import write_packages

    write_packages(build, output, names, package_version, data_licence)


@verb("elegans verify build/packages; elegans verify build/packages --build build/model")
@click.argument("packages", type=PATH)
@click.option("--build", type=PATH, help="make them anew from this BUILD, not from their model")
def verify(packages: Path, build: Path | None) -> None:
    """Make PACKAGES once more, and compare every byte.

    PACKAGES is the folder that 'package' wrote. The C is generated anew from the integers of the
    model, whose digest and ranges are checked; modules and libraries are compiled again.
    """
    from elegans.packages.verify import verify as compare

    count = compare(packages, build)
    say(f"{packages}: {count} files are as they are made anew, to the byte")
