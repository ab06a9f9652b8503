"""How many small faults the tests notice, in the code that decides about bits.

python -m benchmarks.mutants [--sample 10] [--only exporter/ops] [--seed 302]

A mutant is a copy of the checkout with one token of one file replaced: + by -, < by <=, a number
by the next one. The tests nearest to the file run on it. They should fail; a mutant that they let
pass, a survivor, is printed with its line. Either a test is missing, or the mutant computes what
the original does, as `x < 3` and `x <= 2` do of integers.

One lexer serves Python and C. Libraries for mutants know one language each, and change the working
tree in place.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

_CHECKOUT = Path(__file__).resolve().parents[1]
_TIMEOUT_S = 600.0

# The files that are mutated, as a pattern, and the tests nearest to them.
_TARGETS = {
    "exporter/ops/*.py": "tests/exporter/ops tests/exporter/lowering",
    "exporter/numbers/fixed.py": "tests/exporter/numbers tests/exporter/ops",
    "exporter/lowering/bounds.py": "tests/exporter/lowering tests/exporter/atoms tests/exporter/ir",
    "exporter/lowering/quantise_*.py": "tests/exporter/lowering tests/exporter/test_export.py",
    "hil_tests/session/compare.py": "tests/hil_tests/session/test_compare.py",
    "hil_tests/session/differences.py": "tests/hil_tests/session/test_differences.py",
    "hil_tests/wire/frames.py": "tests/hil_tests/wire",
    "hil_tests/wire/messages.py": "tests/hil_tests/wire",
    "runtime_c/src/*.c": "tests/exporter/ops",
    "runtime_c/include/elegans/el_*.h": "tests/exporter/ops",
    "runtime_c/link/*.c": "tests/boards/firmware/test_link_c.py",
}

_SKIPPED = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    r"|/\*.*?\*/|#(?!if|el|en|de|in)[^\n]*|^#[^\n]*(?:\\\n[^\n]*)*|^(?:from|import) [^\n]*",
    re.DOTALL | re.MULTILINE,
)
"""Strings, comments, directives of the preprocessor, and imports."""

_SWAPPED = {
    "+": "-",
    "-": "+",
    "*": "+",
    "//": "*",
    "/": "*",
    "<<": ">>",
    ">>": "<<",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "&": "|",
    "|": "&",
    "&&": "||",
    "||": "&&",
    "and": "or",
    "or": "and",
    "minimum": "maximum",
    "maximum": "minimum",
    "min": "max",
    "max": "min",
    "el_min": "el_max",
    "el_max": "el_min",
    "lo": "hi",
    "hi": "lo",
}
_TOKEN = re.compile(
    r"(?P<name>[A-Za-z_]\w*)|(?P<number>\b\d+(?![\w.]))|"
    r"(?P<sign>->|\*\*|\+\+|--|\+=|-=|\*=|<<=|>>=|\|=|&=|//|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/<>&|])"
)


@dataclass(frozen=True)
class Mutant:
    """One token of a file, and what replaces it."""

    path: str
    start: int
    end: int
    new: str

    def applied(self, text: str) -> str:
        """The mutated text of the file."""
        return text[: self.start] + self.new + text[self.end :]

    def described(self, text: str) -> str:
        """Place, line and replacement."""
        number = text.count("\n", 0, self.start) + 1
        line = text.splitlines()[number - 1].strip()
        old = text[self.start : self.end]
        return f"{self.path}:{number}: {old} -> {self.new} in: {line}"


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """All mutants of a file of Python or C."""
    blank = _SKIPPED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for token in _TOKEN.finditer(blank):
        old = token[0]
        new = str(int(old) + 1) if token["number"] else _SWAPPED.get(old)
        if new is not None and not _means_something_else(blank, token):
            yield Mutant(path, token.start(), token.end(), new)


def _means_something_else(text: str, token: re.Match[str]) -> bool:
    """Whether a sign is no operator between two values, but a prefix, a pointer or a union, or
    a number is one of a table."""
    before, after = text[: token.start()].rstrip(), text[token.end() :]
    if token["number"]:
        line = text[text.rfind("\n", 0, token.start()) + 1 :].partition("\n")[0]
        return not re.search("[A-Za-z_]", line)
    if token[0] == "|":
        return bool(re.match(r" (?:None|int|float|str|bytes|[A-Z])\b", after))
    if token[0] in ("*", "&", "-", "+"):
        value = before[-1:].isalnum() or before[-1:] in ("_", ")", "]", "}")
        return not value or not after[:1].isspace()
    return False


def _copy(folder: Path) -> Path:
    """The tracked files of the checkout, in a folder that imports as `elegans`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=_CHECKOUT, capture_output=True, text=True, check=True
    )
    tree = folder / "elegans"
    for path in filter(None, listed.stdout.split("\0")):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_CHECKOUT / path, tree / path, follow_symlinks=False)
    return tree


def _killed(tree: Path, tests: str) -> bool:
    """Whether a test fails on the tree, or does not end."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", *tests.split()]
    environment = os.environ | {"PYTHONPATH": str(tree.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", "-p", "no:randomly"],
            cwd=tree,
            env=environment,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


@click.command()
@click.option("--sample", default=10, show_default=True, help="mutants of each row of the table")
@click.option("--only", default="", help="only the rows whose pattern contains this")
@click.option("--seed", default=302, show_default=True, help="of the choice")
def main(sample: int, only: str, seed: int) -> None:
    """Print a row for each pattern of files, and every survivor."""
    chosen = {pattern: tests for pattern, tests in _TARGETS.items() if only in pattern}
    totals = [0, 0]
    click.echo("| files | mutants | tried | killed |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        tree = _copy(Path(scratch))
        for pattern, tests in chosen.items():
            if _killed(tree, tests):
                raise click.ClickException(f"{tests}: fails without any mutant")
            texts = {str(p.relative_to(tree)): p.read_text() for p in sorted(tree.glob(pattern))}
            known = [m for path, text in texts.items() for m in mutants(path, text)]
            tried = random.Random(seed).sample(known, min(sample, len(known)))
            survivors = []
            for mutant in tried:
                file = tree / mutant.path
                file.write_text(mutant.applied(texts[mutant.path]))
                if not _killed(tree, tests):
                    survivors.append(mutant.described(texts[mutant.path]))
                    click.echo(f"survived: {survivors[-1]}", err=True)
                file.write_text(texts[mutant.path])
            killed = len(tried) - len(survivors)
            totals = [totals[0] + len(tried), totals[1] + killed]
            click.echo(f"| {pattern} | {len(known):,} | {len(tried)} | {killed} |")
    click.echo(f"| all | | {totals[0]} | {totals[1]} ({totals[1] / max(totals[0], 1):.0%}) |")


if __name__ == "__main__":
    main()
