"""Mutants of a file of Python or C: copies in which one token is replaced by another.

One lexer serves both languages. Libraries for mutants know one language each, and change the
working tree in place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")

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
    "+=": "-=",
    "-=": "+=",
    "&=": "|=",
    "|=": "&=",
    "++": "--",
    "--": "++",
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

    def change(self, text: str) -> tuple[str, str]:
        """The line as it is, and as it is mutated."""
        first = text.rfind("\n", 0, self.start) + 1
        line = text[first:].partition("\n")[0]
        at = self.start - first
        mutated = line[:at] + self.new + line[at + self.end - self.start :]
        return line.strip(), mutated.strip()

    def described(self, text: str) -> str:
        """Place, line and replacement."""
        number = text.count("\n", 0, self.start) + 1
        old = text[self.start : self.end]
        return f"{self.path}:{number}: {old} -> {self.new} in: {self.change(text)[0]}"


@dataclass(frozen=True)
class Equivalent:
    """A mutant that no test can tell from the original, and why.

    It is named by its file, its line, and its line as it is mutated, so that it does not hide what
    is written there later. ``place`` counts from 1 where the file has several such mutants, and
    is 0 where it has one.
    """

    path: str
    line: str
    mutated: str
    reason: str
    place: int = 0


def equivalent_mutants() -> list[Equivalent]:
    """The table of `equivalent_mutants.toml`."""
    return [Equivalent(**row) for row in tomllib.loads(_EQUIVALENT.read_text())["mutant"]]


def found(named: Equivalent, known: Iterable[Mutant], text: str) -> Mutant:
    """The mutant that an entry names, among all of its file. Raises LookupError if there is none,
    or more than one."""
    same = [m for m in known if m.change(text) == (named.line, named.mutated)]
    if (len(same) != 1) if named.place == 0 else (not 0 < named.place <= len(same)):
        fact = f"has {len(same)} such mutants: {named.line} -> {named.mutated}"
        raise LookupError(f"{named.path} {fact}")
    return same[max(named.place, 1) - 1]


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
