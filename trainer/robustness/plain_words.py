"""The result of a study in one paragraph: who errs less, who errs more, and what is alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from elegans.trainer.robustness.effects import NONE
from elegans.trainer.robustness.plan import LOST
from elegans.trainer.robustness.report import ALL, CLOCK, StudyPoint, Summary
from elegans.trainer.robustness.statistics import LEVEL, compare, corrected
from elegans.trainer.robustness.timed_network import TIMED

_NAMES = {"cfc": "CfC", "ltc": "LTC", "ctrnn": "CTRNN", "gru": "GRU", "lstm": "LSTM", "mlp": "MLP"}


def paragraph(summary: Summary) -> str:
    """The result. It says nothing that the rows do not."""
    options = summary.options
    sentences = [
        f"Measured on {summary.world.name} with {options.seeds} seeds a network, "
        f"{summary.world.error}, lower is better; computed with the device's {options.weights}."
    ]
    if options.seeds < 2:
        return f"{sentences[0]} With one seed nothing can be told apart."
    if options.study == "time":
        sentences += _of_time(summary)
    else:
        sentences += [one for size in summary.sizes for one in _of_size(summary, size.label)]
    sentences += _of_integers(summary)
    failed = [lesson for lesson, record in summary.outcome.records if "failure" in record]
    if failed:
        cells = ", ".join(dict.fromkeys(_NAMES[one.cell] for one in failed))
        sentences.append(f"{len(failed)} networks could not be measured ({cells}).")
    sentences.append(
        f"Better and worse are differences from {_NAMES[options.cells[0]]} by Welch's t test, "
        "corrected for all comparisons (Benjamini and Hochberg), of which at most "
        f"{1.0 - LEVEL:.0%} are expected to be chance."
    )
    return " ".join(sentences)


def _of_size(summary: Summary, size: str) -> list[str]:
    numbers = summary.options.weights
    found, alike = [], []
    for cell in summary.options.cells[1:]:
        verdicts: dict[str, list[str]] = {"better": [], "worse": [], "alike": []}
        for name in summary.names(numbers):
            row = summary.row(StudyPoint(size, numbers, name, None), cell)
            if row is not None and row.comparison is not None:
                verdicts[row.comparison.verdict].append(_under(name))
        parts = [
            f"{word} {_listed(verdicts[key])}"
            for key, word in (("better", "better"), ("worse", "worse"))
            if verdicts[key]
        ]
        if not parts:
            alike.append(_NAMES[cell])
            continue
        text = f"{_NAMES[cell]} is {' and '.join(parts)}"
        found.append(text + (", and cannot be told apart elsewhere" if verdicts["alike"] else ""))
    if alike:
        found.append(f"{_listed(alike)} cannot be told apart from it anywhere")
    first = _NAMES[summary.options.cells[0]]
    return [f"At {size}, compared with {first}: {'; '.join(found)}.", *_ranked(summary, size)]


def _under(name: str) -> str:
    return {NONE: "undisturbed", ALL: "over all disturbances"}.get(name, f"under {name}")


def _ranked(summary: Summary, size: str) -> list[str]:
    rows = [
        (row.estimate.mean, cell)
        for cell in summary.options.cells
        if (row := summary.row(StudyPoint(size, summary.options.weights, ALL, None), cell))
    ]
    if len(rows) < 2:
        return []
    order = ", ".join(f"{_NAMES[cell]} {mean:.3f}" for mean, cell in sorted(rows))
    return [f"The mean errors over all disturbances, in order: {order}."]


def _of_time(summary: Summary) -> list[str]:
    """From which share of lost samples on time helps a cell, and a cell with time beats others."""
    numbers, size = summary.options.weights, summary.sizes[0].label
    cells = summary.options.cells

    def errors(cell: str, mode: str, lost: float) -> Sequence[float]:
        row = summary.row(StudyPoint(size, numbers, CLOCK + mode, lost), cell)
        return row.errors if row is not None else ()

    shares = [share for share in LOST if errors(cells[0], "given", share)]
    told = [(cell, "given", cell, "withheld") for cell in cells]
    against = [
        (cell, "given", other, mode)
        for cell in cells
        if cell in TIMED
        for other in cells
        if other not in TIMED
        for mode in ("withheld", "given")
    ]
    questions = [(pair, share) for pair in (*told, *against) for share in shares]
    answers = [
        (pair, share, compare(errors(pair[0], pair[1], share), errors(pair[2], pair[3], share)))
        for pair, share in questions
        if errors(pair[0], pair[1], share) and errors(pair[2], pair[3], share)
    ]
    verdicts = corrected([answer[2] for answer in answers])
    wins: dict[tuple[str, str, str, str], list[float]] = {}
    losses: dict[tuple[str, str, str, str], list[float]] = {}
    for (pair, share, _), verdict in zip(answers, verdicts, strict=True):
        if verdict.verdict != "alike":
            (wins if verdict.verdict == "better" else losses).setdefault(pair, []).append(share)
    helped = [f"{_NAMES[p[0]]} {_at(wins[p])}" for p in told if p in wins]
    harmed = [f"{_NAMES[p[0]]} {_at(losses[p])}" for p in told if p in losses]
    effects = [f"lowers the error of {_listed(helped)}"] if helped else []
    effects += [f"raises that of {_listed(harmed)}"] if harmed else []
    nothing = "makes no difference that can be told apart from chance"
    sentences = [
        "Being told the elapsed time, against a constant in its place, "
        + (f"{' and '.join(effects)}; elsewhere it {nothing}." if effects else f"{nothing}.")
    ]
    for mode, words in (("withheld", "not told it"), ("given", "told it as an input")):
        pairs = [pair for pair in against if pair[3] == mode]
        won = [f"{_NAMES[p[0]]} beats {_NAMES[p[2]]} {_at(wins[p])}" for p in pairs if p in wins]
        lost = [
            f"{_NAMES[p[0]]} loses to {_NAMES[p[2]]} {_at(losses[p])}" for p in pairs if p in losses
        ]
        sentences.append(
            f"Cells with time in their equations against cells that are {words}: "
            f"{_listed([*won, *lost]) or 'nothing can be told apart'}."
        )
    return sentences


def _at(shares: Iterable[float]) -> str:
    return "at " + "/".join(f"{share:.0%}" for share in shares) + " lost"


def _of_integers(summary: Summary) -> list[str]:
    """How far the integers' means are from those in float."""
    worst, where = 0.0, ""
    for row in summary.rows:
        if row.place.numbers == "float":
            other = summary.row(row.place._replace(numbers=summary.options.weights), row.cell)
            if other is not None and row.estimate.mean > 0:
                off = abs(other.estimate.mean / row.estimate.mean - 1.0)
                if off > worst:
                    worst, where = off, f"{_NAMES[row.cell]}, {_under(row.place.condition)}"
    if not where:
        return ["The integers give the same errors as float."]
    return [f"The integers change no mean by more than {worst:.1%} of float's ({where})."]


def _listed(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
