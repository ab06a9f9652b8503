"""What the commands print of the error against the float network."""

from __future__ import annotations

from collections.abc import Sequence

import click

from elegans.exporter.oracles.free_run import WARNED, FreeRunError, described, remedy


def print_errors(errors: Sequence[FreeRunError]) -> None:
    """The errors that a BUILD states, in one line; nothing if it states none."""
    if errors:
        click.echo(described(errors))


def warn_of_errors(errors: Sequence[FreeRunError], weight_bits: int) -> None:
    """A warning on stderr, with a remedy, if an error is above 1e-3."""
    worst = max(errors, key=lambda error: error.worst)
    if worst.worst > WARNED:
        click.echo(
            f"warning: {worst.name} is up to {worst.worst:.1e} of its used range away from float, "
            f"more than {WARNED:g}; {remedy(weight_bits)}",
            err=True,
        )
