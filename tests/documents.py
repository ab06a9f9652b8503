"""The documents, and the commands that they print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elegans.tests.places import CHECKOUT

# The order in which a newcomer reads them; a command that comes twice is executed where it comes
# first.
DOCUMENTS = [
    CHECKOUT / "docs" / "tutorial.md",
    CHECKOUT / "README.md",
    *sorted((CHECKOUT / "docs" / "howto").glob("*.md")),
    *sorted(p for p in (CHECKOUT / "docs").glob("*.md") if p.name != "tutorial.md"),
    *sorted((CHECKOUT / "examples").glob("*.md")),
    CHECKOUT / "CONTRIBUTING.md",
]
_PROGRAMS = ("elegans", "python", "pytest", "make", "git", "cd", "pip", "twine", ".")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r".*(?:/|\.(?:onnx|npz|csv|toml|xml|html|json|png|py)$).*")


@dataclass(frozen=True)
class Command:
    """A command of a document, and whether it stands in a block of its own."""

    document: Path
    text: str
    block: bool

    @property
    def words(self) -> list[str]:
        """Program and arguments."""
        return shlex.split(self.text, comments=True)

    @property
    def form(self) -> str:
        """The command without the names of its files and folders."""
        return " ".join("PATH" if _PATH.match(word) else word for word in self.words)


def name(document: Path) -> str:
    """Its path in the checkout."""
    return document.relative_to(CHECKOUT).as_posix()


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks of a document in a language; "" for those without one."""
    return [text for kind, text in _FENCED.findall(document.read_text()) if kind == language]


def commands(document: Path) -> Iterator[Command]:
    """Every command of a document: in blocks without a language, indented, and in the text."""
    text = document.read_text()
    lines = [line for block in blocks(document, "") for line in block.splitlines()]
    rest = _FENCED.sub("", text)
    lines += [line[4:] for line in rest.splitlines() if line.startswith("    ")]
    for line in lines:
        line = line.removeprefix("$ ")
        if line.split(" ")[0] in _PROGRAMS:
            yield Command(document, line, block=True)
    for code in re.findall(r"`([^`\n]+)`", rest):
        if re.match(r"(elegans|make|pytest|python -m|python \w+/|pip install) ?[\w'-]", code):
            yield Command(document, code.replace("\\|", "|"), block=False)


def table(document: Path, heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without its head."""
    part = document.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[1:]]
