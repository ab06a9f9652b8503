"""Docstrings of this project as Markdown: their aligned lists of arguments become lists.

A docstring lists arguments in two columns, the names and, two spaces or more behind them, what
they mean; lines that go on are indented. Markdown would make one paragraph of that.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ENTRY = re.compile(r"^(\w[\w.*()\[\], ]*?(?:,\s+\w+)*)\s{2,}(\S.*)$")
_NAMES = re.compile(r"^[a-z]\w*(?:, \w+)*,?$")


def as_markdown(text: str) -> str:
    """A docstring, its lists of arguments written as definition lists."""
    return "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", text))


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if not _begins(lines[0], lines[1:]):
        return text
    found: list[tuple[str, list[str]]] = []
    column = next((m.start(2) for m in map(_ENTRY.match, lines) if m), 0)
    for line in lines:
        entry = _ENTRY.match(line)
        if entry:
            found.append((entry[1], [entry[2]]))
        elif line[column - 1 : column] == " " and _NAMES.match(line[: column - 1]):
            found.append((line[: column - 1], [line[column:]]))  # a name as wide as its column
        elif line.startswith(" ") and found:
            found[-1][1].append(line.strip())
        elif _NAMES.match(line):  # names alone: they share, or begin, what stands beside them
            found.append((line, []))
        else:
            return text  # prose after all
    for (_, own), (_, before) in zip(found[1:], found, strict=False):
        if not own:
            own += before  # names that share the meaning of those above
    return "\n\n".join(f"`{names.rstrip(',')}`\n:   {' '.join(said)}" for names, said in found)


def _begins(first: str, rest: list[str]) -> bool:
    """Whether a paragraph is such a list: its first line is an entry, or names above one."""
    if first.startswith(" "):
        return False
    return bool(_ENTRY.match(first)) or bool(
        _NAMES.match(first) and rest and rest[0].startswith("  ")
    )


class Columns(griffe.Extension):
    """Rewrites every docstring when it is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
