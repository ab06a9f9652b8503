"""What `elegans run` prints of states that saturate."""

from __future__ import annotations

from collections.abc import Sequence

import click

from elegans.exporter.ir.saturation import Saturation


def print_saturations(found: Sequence[Saturation]) -> None:
    """A line for each layer that can saturate, with the remedy if it does."""
    for one in found:
        click.echo(f"saturated: {one}" + (f"; {one.remedy}" if one.steps else ""))
