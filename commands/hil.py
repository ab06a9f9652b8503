"""`elegans hil`: runs the test suite on one board or on all boards of a map."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from elegans.commands.accuracy import print_errors
from elegans.commands.hil_reports import Reports
from elegans.commands.options import complaint, given
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.files import require_file
from elegans.hil_tests.lab.junit import write_junit
from elegans.hil_tests.lab.lab_map import read_map, select
from elegans.hil_tests.lab.run_suite import BoardRun, run_suite
from elegans.hil_tests.reports.publish import Publisher
from elegans.hil_tests.session.build_files import load_build
from elegans.trainer.progress import shown


@dataclass(frozen=True)
class Report:
    """How to report the results: as JSON or text on stdout, and to the files that are named."""

    as_json: bool
    junit: Path | None
    reports: Reports


def hil_on_board(
    build: Path,
    settings: tuple[str, str],
    options: dict[str, str | None],
    report: Report,
) -> int:
    """Run the suite on one board and print the result; returns the exit status.

    ``options`` are those of the pytest plug-in that select the board. ``settings`` are the
    compiler and its level.
    """
    if given("tag"):
        raise click.UsageError("--tag selects boards of a map; add its --map")
    publisher = _publisher(build, report)
    (run,) = _run_suite(build, settings, {str(options["board"]): options}, report.junit)
    publisher.compare([run])
    reasons = {(test.phase, test.line) for test in run.complaints}
    absent = not any(test.result in ("passed", "failed") for test in run.tests)
    if absent and len(reasons) == 1:
        click.echo(complaint(*reasons.pop()), err=True)  # no test reached the board
    elif not report.as_json:
        click.echo(_result_text(run))
        print_errors(read_build_folder(build).errors)
    if report.as_json:
        click.echo(json.dumps(publisher.json(run)))
    if report.junit:
        write_junit(report.junit, [run])
    _publish(publisher, [run], report)
    return 0 if run.passed else 1


def hil_on_map(
    build: Path,
    settings: tuple[str, str],
    lab: Path,
    tag: str | None,
    report: Report,
) -> int:
    """Run the suite on every board of a map in parallel and print the results; returns the exit
    status. ``settings`` are the compiler and its level."""
    for option in ("port", "probe", "emulator"):
        if given(option):
            raise click.UsageError(f"--map states it for each board; leave out --{option}")
    entries = select(read_map(lab), given("board"), tag=tag)
    options = {entry.name: {"map": str(lab), "name": entry.name} for entry in entries}
    publisher = _publisher(build, report)
    runs = _run_suite(build, settings, options, report.junit)
    publisher.compare(runs)
    if report.as_json:
        click.echo(json.dumps({run.name: publisher.json(run) for run in runs}))
    else:
        for run in runs:
            click.echo(f"{'ok' if run.passed else 'FAILED':<8}{run.name:<16}{_result_text(run)}")
        print_errors(read_build_folder(build).errors)
    if report.junit:
        write_junit(report.junit, runs)
    _publish(publisher, runs, report)
    return 0 if all(run.passed for run in runs) else 1


def _run_suite(
    build: Path,
    settings: tuple[str, str],
    boards: Mapping[str, Mapping[str, str | None]],
    junit: Path | None,
) -> list[BoardRun]:
    if junit:
        require_file(junit)
    load_build(build)  # an unusable BUILD is reported once, before any board is used
    with shown() as progress:

        def show(runs: Sequence[BoardRun]) -> None:
            done = sum(len(run.tests) for run in runs)
            if done:
                progress("tests", done, sum(run.expected for run in runs), "")
            elif len(runs) == 1 and runs[0].vectors:  # they are compared first, and take longest
                progress("vectors", *runs[0].vectors, "")

        return run_suite(build, boards, *settings, progress=show)


def _publisher(build: Path, report: Report) -> Publisher:
    """Checks the files to be written before a board is used, and tells the damaged lines of the
    history."""
    publisher = Publisher(build, report.reports.html, report.reports.history)
    for sentence in publisher.warnings:
        click.echo(f"warning: {sentence}", err=True)
    return publisher


def _publish(publisher: Publisher, runs: Sequence[BoardRun], report: Report) -> None:
    """Print what changed, and write the files."""
    for line in () if report.as_json else publisher.lines():
        click.echo(line)
    publisher.write(runs)


def _result_text(run: BoardRun) -> str:
    """The verdict, the number of tests for each result, and each reason of a failure once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for test in run.complaints:
        why = (test.phase or test.result.upper(), test.line)
        reasons.setdefault(why, []).append(test.name)
    lines = [f"{run.summary}; {run.counted()}" if run.summary else run.counted()]
    for (phase, line), names in reasons.items():
        where = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        lines.append(f"  {phase}: {line} ({where})")
    return "\n".join(lines)
