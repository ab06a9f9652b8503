"""What a study found: rows with intervals and effect sizes, a table, a paragraph in plain words."""

from __future__ import annotations

import json
import platform
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

from elegans.trainer.robustness.campaign import StudyOutcome
from elegans.trainer.robustness.effects import NONE
from elegans.trainer.robustness.plan import Size, StudyOptions, as_dict, sizes
from elegans.trainer.robustness.statistics import (
    CellComparison,
    Estimate,
    compare,
    corrected,
    estimate,
)
from elegans.trainer.robustness.world import CUE, World

ALL = "all disturbances"
"""The mean over all disturbances of a task, each the mean over its strengths."""
CLOCK = "time "
"""Before one of `TIME_MODES`: conditions of the study of time; their strength is what is lost."""


class StudyPoint(NamedTuple):
    """Where a network was tested: a size, float or integers, a condition and its strength.

    strength  None for the mean over all strengths above 0
    """

    size: str
    numbers: str
    condition: str
    strength: float | None


@dataclass(frozen=True)
class StudyRow:
    """The errors of one cell at one place, over all seeds, beside the reference's."""

    place: StudyPoint
    cell: str
    errors: tuple[float, ...]
    estimate: Estimate
    comparison: CellComparison | None


@dataclass(frozen=True, eq=False)
class Summary:
    """All rows of a study, and what they are of."""

    world: World
    options: StudyOptions
    outcome: StudyOutcome
    sizes: list[Size]
    rows: list[StudyRow]

    def row(self, place: StudyPoint, cell: str) -> StudyRow | None:
        """The row of a cell at a place, if one of its trainings succeeded."""
        found = [one for one in self.rows if one.place == place and one.cell == cell]
        return found[0] if found else None

    def names(self, numbers: str) -> list[str]:
        """The conditions, in their order."""
        found = dict.fromkeys(
            one.place.condition for one in self.rows if one.place.numbers == numbers
        )
        return list(found)


def summarised(world: World, options: StudyOptions, outcome: StudyOutcome) -> Summary:
    """Means, intervals, effect sizes against the first cell, and their correction.

    The correction is for all comparisons of the means over strengths in the device's integers,
    and apart from them for those in float.
    """
    own = sizes(options, world)
    errors: dict[tuple[StudyPoint, str], dict[int, float]] = defaultdict(dict)
    for place, cell, seed, error in _single(world, options, outcome, own):
        errors[place, cell][seed] = error
    for place, cell, seed, error in [*_means(errors)]:
        errors[place, cell][seed] = error
    rows = []
    for (place, cell), by_seed in errors.items():
        values = tuple(by_seed[seed] for seed in sorted(by_seed))
        reference = errors.get((place, options.cells[0]))
        compared = None
        if reference and cell != options.cells[0] and place.strength is None:
            compared = compare(values, list(reference.values()))
        rows.append(StudyRow(place, cell, values, estimate(values), compared))
    return Summary(world, options, outcome, own, _corrected(rows, options))


def _single(
    world: World, options: StudyOptions, outcome: StudyOutcome, own: Sequence[Size]
) -> Iterator[tuple[StudyPoint, str, int, float]]:
    """Every error that was measured."""
    labels = defaultdict(list)
    for size in own:
        for cell in options.cells:
            labels[cell, size.neurons(cell, world)].append(size.label)
    for lesson, record in outcome.records:
        sized = labels[lesson.cell, lesson.neurons] if "errors" in record else []
        if lesson.cue:  # of the first size alone, also where a network has both
            sized = [label for label in sized if label == own[0].label]
        for label in sized:
            for numbers, measured in record["errors"].items():
                for name, strength, error in measured:
                    if options.study == "time":
                        place = StudyPoint(label, numbers, CLOCK + lesson.time, lesson.lost)
                    elif lesson.cue:
                        place = StudyPoint(label, numbers, CUE, strength)
                    else:
                        place = StudyPoint(label, numbers, name, strength)
                    yield place, lesson.cell, lesson.seed, error


def _means(
    errors: dict[tuple[StudyPoint, str], dict[int, float]],
) -> Iterator[tuple[StudyPoint, str, int, float]]:
    """The mean over the strengths of each disturbance, and over all disturbances."""
    found: dict[tuple[StudyPoint, str, int], list[float]] = defaultdict(list)
    for (place, cell), by_seed in errors.items():
        for seed, error in by_seed.items():
            if place.strength or place.condition == NONE:
                found[place._replace(strength=None), cell, seed].append(error)
    every: dict[tuple[StudyPoint, str, int], list[float]] = defaultdict(list)
    for (place, cell, seed), values in found.items():
        mean = sum(values) / len(values)
        yield place, cell, seed, mean
        if place.condition not in (NONE, CUE) and not place.condition.startswith(CLOCK):
            every[place._replace(condition=ALL), cell, seed].append(mean)
    for (place, cell, seed), values in every.items():
        yield place, cell, seed, sum(values) / len(values)


def _corrected(rows: list[StudyRow], options: StudyOptions) -> list[StudyRow]:
    result = list(rows)
    for numbers in ("float", options.weights):
        where = [
            k
            for k, row in enumerate(rows)
            if row.place.numbers == numbers and row.comparison is not None
        ]
        compared = [c for k in where if (c := rows[k].comparison) is not None]
        for k, comparison in zip(where, corrected(compared), strict=True):
            row = rows[k]
            result[k] = StudyRow(row.place, row.cell, row.errors, row.estimate, comparison)
    return result


def results_json(summary: Summary, paragraph: str) -> bytes:
    """Everything: settings, versions, every error of every seed, and all rows."""
    world, options, outcome = summary.world, summary.options, summary.outcome
    found: dict[str, Any] = {
        "task": world.name,
        "error": world.error,
        "digest": world.digest,
        "settings": {**as_dict(options), "epochs": options.epochs or world.epochs},
        "versions": {
            **{name: version(name) for name in ("elegans", "torch", "numpy", "scipy")},
            "python": platform.python_version(),
        },
        "result": paragraph,
        "tuning": [
            {"cell": cell, "neurons": neurons, "rate": rate, "validation": error}
            for cell, neurons, rate, error in outcome.tried
        ],
        "networks": [{**asdict(lesson), **record} for lesson, record in outcome.records],
        "rows": [_row_json(row) for row in summary.rows],
    }
    return (json.dumps(found, indent=1, sort_keys=True) + "\n").encode()


def _row_json(row: StudyRow) -> dict[str, Any]:
    found = {**row.place._asdict(), "cell": row.cell, "errors": list(row.errors)}
    found |= asdict(row.estimate)
    if row.comparison is not None:
        found |= {**asdict(row.comparison), "verdict": row.comparison.verdict}
    return found


def table(summary: Summary, numbers: str) -> list[list[str]]:
    """The table of a study, its head first: means over seeds with the half of their intervals."""
    options = summary.options
    if options.study == "size":
        return _size_table(summary, numbers)
    head = ["size", "condition", *options.cells]
    lines = [head]
    for size in summary.sizes:
        lines.append([size.label, "parameters", *_costs(summary, size, "parameters")])
        lines.append([size.label, "instructions (M4)", *_costs(summary, size, "instructions")])
        for name in summary.names(numbers):
            places = {
                row.place
                for row in summary.rows
                if row.place[:3] == (size.label, numbers, name)
                and (row.place.strength is not None) == name.startswith(CLOCK)
            }
            for place in sorted(places, key=lambda one: one.strength or 0.0):
                lost = "" if place.strength is None else f", {place.strength:.0%} lost"
                cells = [_cell_text(summary.row(place, cell)) for cell in options.cells]
                lines.append([size.label, name + lost, *cells])
    return lines


def _size_table(summary: Summary, numbers: str) -> list[list[str]]:
    lines = [["budget", "cell", "neurons", "parameters", "instructions (M4)", "flash", NONE, ALL]]
    for size in summary.sizes:
        for cell in summary.options.cells:
            rows = [
                summary.row(StudyPoint(size.label, numbers, name, None), cell)
                for name in (NONE, ALL)
            ]
            costs = [_cost(summary, size, cell, k) for k in ("parameters", "instructions", "flash")]
            neurons = str(size.neurons(cell, summary.world))
            lines.append([size.label, cell, neurons, *costs, *map(_cell_text, rows)])
    return lines


def _costs(summary: Summary, size: Size, what: str) -> list[str]:
    return [_cost(summary, size, cell, what) for cell in summary.options.cells]


def _cost(summary: Summary, size: Size, cell: str, what: str) -> str:
    neurons = size.neurons(cell, summary.world)
    found = [
        record[what]
        for lesson, record in summary.outcome.records
        if (lesson.cell, lesson.neurons, lesson.cue) == (cell, neurons, False) and what in record
    ]
    return f"{found[0]:,}" if found else "-"


_MARKS = {"better": " +", "worse": " -", "alike": ""}


def _cell_text(row: StudyRow | None) -> str:
    if row is None:
        return "failed"
    half = row.estimate.high - row.estimate.mean
    mark = "" if row.comparison is None else _MARKS[row.comparison.verdict]
    return f"{row.estimate.mean:.3f} ± {half:.3f}{mark}"


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table as Markdown."""
    head, *rest = lines
    rows = [head, ["---"] * len(head), *rest]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """The same table as plain text."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in lines
    )
