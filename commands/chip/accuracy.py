"""What the commands print of the error against the float network."""

from __future__ import annotations

from collections.abc import Sequence

from elegans.commands.edge import say
from elegans.exporter.build_folder import BuildFolder
from elegans.exporter.oracles.free_run import WARNED, FreeRunError, described


def print_errors(errors: Sequence[FreeRunError]) -> None:
    """The errors that a BUILD states, in one line; nothing if it states none."""
    if errors:
        say(described(errors))


def warn_of_errors(folder: BuildFolder) -> None:
    """A warning on stderr, with what is to blame and what helps, if an error is above 1e-3."""
    worst = max(folder.errors, key=lambda error: error.worst)
    if folder.blame is not None:
        say(
            f"warning: {worst.name} is up to {worst.worst:.1e} of its used range away from float, "
            f"more than {WARNED:g}; {folder.blame.sentence}; {folder.blame.remedies[0]}",
            err=True,
        )
        for more in folder.blame.remedies[1:]:
            say(f"warning: {more}", err=True)
