"""The node tests that onnx ships: how many of each operator's pass, and why the others do not.

python -m benchmarks.node_table [--write docs/doors.md] [--only Softmax,Pow]
"""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from collections import Counter
from itertools import groupby
from pathlib import Path

import click

from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.benchmarks.node_cases import NodeCase, Outcome, cases, tried

HEAD = ("operator", "tests", "passed", "coarse", "refused", "not applicable", "why")
TOTAL = "all"


def _row(name: str, outcomes: list[Outcome]) -> str:
    found = Counter(outcome.verdict for outcome in outcomes)
    reasons = dict.fromkeys(o.why for o in outcomes if o.verdict == "refused")
    numbers = (found[verdict] for verdict in ("passed", "coarse", "refused", "not applicable"))
    why = "; ".join(reason.replace("|", "/")[:100] for reason in reasons)
    return markdown((name, str(len(outcomes)), *map(str, numbers), why))


def _operator(case: NodeCase) -> str:
    return case.operator


@click.command(epilog="Example: python -m benchmarks.node_table --write docs/doors.md")
@click.option(
    "--write",
    "document",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put the rows into this document",
)
@click.option("--only", default="", help="operators, separated by commas")
def main(document: Path | None, only: str) -> None:
    """Print the table as Markdown. It ends with 1 if a test is wrong."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    wanted = set(filter(None, only.split(",")))
    found = sorted(cases(), key=_operator)
    names = [*dict.fromkeys(map(_operator, found)), TOTAL]
    chosen = [case for case in found if not wanted or case.operator in wanted]
    every: list[Outcome] = []
    rows: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for operator, group in groupby(chosen, _operator):
            outcomes = [tried(case, Path(folder)) for case in group]
            rows[operator] = _row(operator, outcomes)
            every += outcomes
    if not wanted:
        rows[TOTAL] = _row(TOTAL, [Outcome(outcome.verdict) for outcome in every])
    click.echo("\n".join([*heading(HEAD), *rows.values()]))
    for row in rows.values() if document else ():
        assert document is not None
        write_row(document, "nodes", HEAD, row, names)
    wrong = [o.why for o in every if o.verdict == "wrong"]
    for why in wrong:
        click.echo(f"wrong: {why}", err=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
