"""The options of `elegans hil`."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from elegans.commands.options.reports import Reports
from elegans.commands.options.shared import (
    COMPILER,
    EMULATOR,
    JSON,
    PATH,
    PORT,
    F,
    given,
    level_option,
)
from elegans.commands.options.values import Number, Replaced
from elegans.hil_tests.lab import DEFAULT_BOARD, WAIT_S


@dataclass(frozen=True)
class HilOptions:
    """The options of the command line, whose help texts are below.

    boards   names or descriptors; empty if the user has named none
    lab      the file of a map; its boards may be selected by ``boards``, ``names`` and ``tag``
    tests    test files or folders that replace the suite
    """

    boards: tuple[str, ...]
    emulator: str
    compiler: str
    level: str
    port: str | None
    probe: str | None
    lab: Path | None
    names: tuple[str, ...]
    tag: str | None
    tests: tuple[Path, ...]
    retries: int
    wait: float
    junit: Path | None
    as_json: bool


def hil_options(function: F) -> F:
    """All options of `elegans hil` but those of `report_options`, as ``options``."""

    @functools.wraps(function)
    def collected(build: Path, reports: Reports, boards: tuple[str, ...], **others: Any) -> Any:
        named = boards if given("boards") else ()
        return function(build, HilOptions(boards=named, **others), reports)

    decorated = cast(F, collected)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


_OPTIONS = (
    click.option(
        "--board",
        "boards",
        multiple=True,
        default=[DEFAULT_BOARD],
        show_default=True,
        help="name of a board (see 'elegans boards') or path of its descriptor (.toml); repeat it "
        "for several boards; with --map: only the boards of this kind",
    ),
    EMULATOR,
    COMPILER,
    level_option,
    PORT,
    click.option("--probe", help="unique id of a real board's debug probe, to flash the board"),
    click.option(
        "--map",
        "lab",
        type=PATH,
        help="TOML file with the boards of a lab (see 'elegans boards scan'); "
        "all of them run at the same time",
    ),
    click.option(
        "--name",
        "names",
        multiple=True,
        help="with --map: only the board that has this name; repeat it for several",
    ),
    click.option("--tag", help="with --map: only the boards that have this tag"),
    click.option(
        "--tests",
        multiple=True,
        type=click.Path(exists=True, path_type=Path),
        help="a pytest file or folder of your own, in place of the suite; repeat it for several",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="how often a test is repeated whose setup failed (no answer, a bad line); "
        "a wrong bit never is",
    ),
    click.option(
        "--wait",
        type=Number(0),
        default=WAIT_S,
        show_default=True,
        help="seconds for which a board that somebody else uses is waited for",
    ),
    JSON,
    click.option("--junit", type=Replaced(".xml"), help="also write the results as JUnit XML"),
)
