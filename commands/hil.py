"""`elegans hil`: the suite on a board, or on all of a lab's at once, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from elegans.commands.options import complaint, given
from elegans.exporter.files import require_file
from elegans.hil_tests.lab.junit import write_junit
from elegans.hil_tests.lab.lab_map import read_map, select
from elegans.hil_tests.lab.run_suite import BoardRun, run_suite
from elegans.hil_tests.session.build_files import load_build
from elegans.trainer.progress import shown


def hil_on_board(
    build: Path,
    settings: tuple[str, str],
    options: dict[str, str | None],
    *,
    as_json: bool,
    junit: Path | None,
) -> int:
    """The suite on one board, which ``options`` of the plug-in lead to; the exit status."""
    if given("tag"):
        raise click.UsageError("--tag chooses of a lab's boards; add its --map")
    (run,) = _ran(build, settings, {str(options["board"]): options}, junit)
    reasons = {(test.phase, test.line) for test in run.complaints}
    absent = not any(test.result in ("passed", "failed") for test in run.tests)
    if absent and len(reasons) == 1:
        click.echo(complaint(*reasons.pop()), err=True)  # the board was never there
    elif not as_json:
        click.echo(_told(run))
    if as_json:
        click.echo(json.dumps(run.json()))
    if junit:
        write_junit(junit, [run])
    return 0 if run.passed else 1


def hil_on_map(
    build: Path,
    settings: tuple[str, str],
    lab: Path,
    tag: str | None,
    *,
    as_json: bool,
    junit: Path | None,
) -> int:
    """The suite on every board of a map, side by side; the exit status."""
    for option in ("port", "probe", "emulator"):
        if given(option):
            raise click.UsageError(f"--map says it of each board; leave out --{option}")
    places = select(read_map(lab), given("board"), tag=tag)
    options = {place.name: {"map": str(lab), "name": place.name} for place in places}
    runs = _ran(build, settings, options, junit)
    if as_json:
        click.echo(json.dumps({run.name: run.json() for run in runs}))
    else:
        for run in runs:
            click.echo(f"{'ok' if run.passed else 'FAILED':<8}{run.name:<16}{_told(run)}")
    if junit:
        write_junit(junit, runs)
    return 0 if all(run.passed for run in runs) else 1


def _ran(
    build: Path,
    settings: tuple[str, str],
    boards: Mapping[str, Mapping[str, str | None]],
    junit: Path | None,
) -> list[BoardRun]:
    if junit:
        require_file(junit)
    load_build(build)  # a BUILD that cannot be used is told once, before any board is touched
    with shown() as progress:

        def told(runs: Sequence[BoardRun]) -> None:
            done = sum(len(run.tests) for run in runs)
            if done:
                progress("tests", done, sum(run.expected for run in runs), "")
            elif len(runs) == 1 and runs[0].vectors:  # these take longest, and come first
                progress("vectors", *runs[0].vectors, "")

        return run_suite(build, boards, *settings, told=told)


def _told(run: BoardRun) -> str:
    """The verdict, the count, and each reason for which a test did not pass, once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for test in run.complaints:
        why = (test.phase or test.result.upper(), test.line)
        reasons.setdefault(why, []).append(test.name)
    lines = [f"{run.summary}; {run.counted()}" if run.summary else run.counted()]
    for (phase, line), names in reasons.items():
        where = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        lines.append(f"  {phase}: {line} ({where})")
    return "\n".join(lines)
