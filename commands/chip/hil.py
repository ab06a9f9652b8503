"""`elegans hil`: runs the test suite, or tests of the user, on one board or on several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from elegans.commands.chip.accuracy import print_errors
from elegans.commands.edge import say
from elegans.commands.options.hil import HilOptions
from elegans.commands.options.reports import Reports
from elegans.commands.verbs import complaint, ends_with
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.files import require_file
from elegans.hil_tests.lab.board_under_test import chosen_boards
from elegans.hil_tests.lab.junit import write_junit
from elegans.hil_tests.lab.plugin_options import PluginOptions
from elegans.hil_tests.lab.results import PRODUCT, SETUP, WRONG_USE
from elegans.hil_tests.lab.run_suite import BoardRun, Suite, exit_code, run_suite
from elegans.hil_tests.reports.publish import Publisher
from elegans.hil_tests.session.build_files import load_build
from elegans.trainer.progress import shown

_WORDS = {0: "ok", PRODUCT: "FAILED", WRONG_USE: "ERROR", SETUP: "ERROR"}


def hil(build: Path, options: HilOptions, reports: Reports) -> int:
    """Run the tests and print the results; returns the exit code.

    It is 0 if all is right, 1 if a board computes something wrong, 3 if one could not be tested,
    and 2 if the command was asked for wrongly. 1 wins if several are true.
    """
    with ends_with(WRONG_USE):  # whatever is wrong before a board is used
        boards = _boards(options)
        if options.junit:
            require_file(options.junit)
        load_build(build)
        publisher = Publisher(build, reports.html, reports.history)
    for sentence in publisher.warnings:
        say(f"warning: {sentence}", err=True)
    suite = Suite(build, options.compiler, options.level, options.tests, options.retries)
    runs = _run(suite, boards)
    publisher.compare(runs)
    if options.lab is not None or len(runs) > 1:
        _print_all(build, runs, publisher, options.as_json)
    else:
        _print_one(build, runs[0], publisher, options.as_json)
    for line in () if options.as_json else publisher.lines():
        say(line)
    with ends_with(exit_code(runs) or SETUP):
        if options.junit:
            write_junit(options.junit, runs)
        publisher.write(runs)
    return exit_code(runs)


def _boards(options: HilOptions) -> dict[str, dict[str, object]]:
    """For each board by its name the options of the pytest plug-in that select it alone."""
    plugin = PluginOptions(
        board=options.boards,
        emulator=options.emulator,
        port=options.port,
        probe=options.probe,
        map=None if options.lab is None else str(options.lab),
        tag=options.tag,
        name=options.names,
    )
    entries = chosen_boards(plugin)
    chosen: dict[str, dict[str, object]]
    if options.lab is not None:
        chosen = {entry.name: {"map": options.lab, "name": entry.name} for entry in entries}
    else:
        reached = {"emulator": options.emulator, "port": options.port, "probe": options.probe}
        chosen = {entry.name: {"board": entry.board, **reached} for entry in entries}
    return {name: {**where, "wait": options.wait} for name, where in chosen.items()}


def _run(suite: Suite, boards: Mapping[str, Mapping[str, object]]) -> list[BoardRun]:
    with shown() as progress:

        def show(runs: Sequence[BoardRun]) -> None:
            done = sum(len(run.tests) for run in runs)
            if done:
                progress("tests", done, sum(run.expected for run in runs), "")
            elif len(runs) == 1 and runs[0].vectors:  # they are compared first, and take longest
                progress("vectors", *runs[0].vectors, "")

        return run_suite(suite, boards, progress=show)


def _print_one(build: Path, run: BoardRun, publisher: Publisher, as_json: bool) -> None:
    reasons = {(test.phase, test.line) for test in run.complaints}
    absent = not any(test.result in ("passed", "failed") for test in run.tests)
    if absent and len(reasons) == 1:
        say(complaint(*reasons.pop()), err=True)  # no test reached the board
        for line in _reasons({}, run):
            say(line, err=True)
    elif not as_json:
        say(_result_text(run))
        print_errors(read_build_folder(build).errors)
    if as_json:
        say(json.dumps(publisher.json(run)))


def _print_all(build: Path, runs: Sequence[BoardRun], publisher: Publisher, as_json: bool) -> None:
    if as_json:
        say(json.dumps({run.name: publisher.json(run) for run in runs}))
        return
    wide = max(14, *(len(run.name) for run in runs))
    for run in runs:
        say(f"{_WORDS[run.exit_code]:<8}{run.name:<{wide}}  {_result_text(run)}")
    print_errors(read_build_folder(build).errors)


def _result_text(run: BoardRun) -> str:
    """The verdict, the number of tests for each result, and each reason once: of a failure, and
    of a test that was tried again."""
    lines = [f"{run.summary}; {run.counted()}" if run.summary else run.counted()]
    reasons: dict[str, list[str]] = {}
    for test in run.complaints:
        reasons.setdefault(f"{test.phase or test.result.upper()}: {test.line}", []).append(
            test.name
        )
    return "\n".join([*lines, *_reasons(reasons, run)])


def _reasons(reasons: dict[str, list[str]], run: BoardRun) -> list[str]:
    """A line for each reason with its tests, and for each of a test that was tried again."""
    for test in run.tests:
        for why in test.retries:
            reasons.setdefault(f"retry {why}", []).append(test.name)
    lines = []
    for reason, names in reasons.items():
        where = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        lines.append(f"  {reason} ({where})")
    return lines
