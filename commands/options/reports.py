"""The options of `elegans hil` that publish a run, and `--compare`, which runs nothing."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from elegans.commands.edge import say
from elegans.commands.options.shared import PATH, given
from elegans.commands.options.values import Replaced
from elegans.commands.verbs import ends_with

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Reports:
    """The files that a run is published to; None for one that is not wanted.

    html     a page
    history  a file to which each run is appended, and with which it is compared
    """

    html: Path | None = None
    history: Path | None = None


def report_options(function: F) -> F:
    """Of `elegans hil`: the argument BUILD, and ``reports``.

    With --compare, ``function`` is not called: two BUILDs or two reports are compared, and the
    exit code is 0 if they are equal, 1 if they differ, 2 if they cannot be compared.
    """

    @functools.wraps(function)
    def collected(
        *,
        build: Path | None,
        compare: tuple[Path, Path] | None,
        html: Path | None,
        history: Path | None,
        **others: Any,
    ) -> Any:
        if compare is not None:
            _refuse_others()
            sys.exit(_compare(*compare, others["as_json"]))
        if build is None:
            raise click.UsageError("Missing argument 'BUILD'.")
        return function(build=build, reports=Reports(html, history), **others)

    decorated = cast(F, collected)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return click.argument("build", type=PATH, required=False)(decorated)


_OPTIONS = (
    click.option(
        "--html", type=Replaced(".html"), help="also write the results as one page of HTML"
    ),
    click.option(
        "--history",
        type=PATH,
        metavar="FILE",
        help="append the run to this file (a JSON line for each board), and print what changed "
        "since the last run of the same model name on the same board",
    ),
    click.option(
        "--compare",
        nargs=2,
        type=PATH,
        metavar="OLD NEW",
        help="run nothing: compare two BUILDs, or two files with what --json printed; the exit "
        "code is 0 if they are equal, 1 if they differ",
    ),
)


def _refuse_others() -> None:
    """Raise `click.UsageError` if anything but --json was given beside --compare."""
    context = click.get_current_context()
    if context.params["build"] is not None:
        raise click.UsageError("--compare takes two paths, and no BUILD beside them")
    for param in context.command.params:
        if param.name not in ("build", "compare", "as_json") and given(str(param.name)) is not None:
            raise click.UsageError(f"--compare runs nothing: leave out {param.opts[0]}")


def _compare(old: Path, new: Path, as_json: bool) -> int:
    from elegans.hil_tests.lab.results import WRONG_USE
    from elegans.hil_tests.reports.comparison import compare_paths

    with ends_with(WRONG_USE):
        found = compare_paths(old, new)
    say(found.json() if as_json else found.text())
    return 0 if found.equal else 1
