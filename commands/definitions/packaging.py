"""Verbs that bring a BUILD into other build systems: `package`."""

from __future__ import annotations

from pathlib import Path

import click

from elegans.commands.options.shared import BUILD, output_option
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
@output_option("folder to write, with a folder for each ecosystem", required=True)
def package(build: Path, names: tuple[str, ...], package_version: str, output: Path) -> None:
    """Make libraries of a BUILD that other build systems take as they are.

    Each has a README, a licence, an example that reads a sensor, and a self-test of golden
    vectors that you run on your own target. The same BUILD and options give the same bytes.
    """
    from elegans.commands.package import write_packages

    write_packages(build, output, names, package_version)
