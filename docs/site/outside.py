"""Documents outside docs/ become pages, and so does every file that a document links to.

A document is written once, with links that work on GitHub. README.md becomes the first page;
other Markdown files keep their paths; of any other file, and of a folder, a page shows the text.
"""

from __future__ import annotations

import html
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(?=[)#\s])")
_CELL = re.compile(r"`([^`\n]*\\\|[^`\n]*)`")
_ITEM = re.compile(r"(- |\d+\. )")
_ALWAYS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/from_csv.md")
_LANGUAGES = {".py": "python", ".yml": "yaml", ".toml": "toml", ".c": "c", ".h": "c"}

_sources: dict[str, str] = {}
"""By the page's place in the site: the document's path in the checkout."""


def page_of(path: str) -> str:
    """Where in the site a file of the checkout is, as its source would be named in docs/."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path == "README.md":
        return "index.md"
    return path if path.endswith(".md") else f"files/{path.replace('.', '_')}.md"


def links(text: str, path: str) -> list[tuple[str, str]]:
    """Each link of a document to a file: as it is written, and its path in the checkout."""
    folder = posixpath.dirname(path)
    return [
        (target, posixpath.normpath(posixpath.join(folder, target)))
        for target in _LINK.findall(text)
    ]


def on_files(files: Files, *, config: Any) -> Files:
    """Add a page for every document outside docs/, and for what documents link to there."""
    root = Path(config.config_file_path).parent
    _sources.clear()
    _sources.update({f.src_uri: f"docs/{f.src_uri}" for f in files.documentation_pages()})
    waiting = [*_sources.values(), *_ALWAYS]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        place = page_of(path)
        if not path.startswith("docs/"):
            _sources[place] = path
            files.append(_page(root / path, path, place, config))
        if path.endswith(".md"):
            linked = {p for _, p in links((root / path).read_text(encoding="utf-8"), path)}
            fresh = {p for p in linked - seen if not p.startswith("docs/")}
            seen |= fresh
            waiting += sorted(fresh)
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Let the links of a document lead to the pages of the site."""
    del config, files
    path = _sources.get(page.file.src_uri)
    if path is None or not path.endswith(".md"):
        return markdown
    folder = posixpath.dirname(page.file.src_uri)
    found = dict(links(markdown, path))
    text = _LINK.sub(
        lambda match: posixpath.relpath(page_of(found[match[1]]), folder or "."), markdown
    )
    return _for_python_markdown(_CELL.sub(_code, text))


def _for_python_markdown(text: str) -> str:
    """Lists as they read on GitHub. What belongs to an item of a list stands four spaces
    deep for Python-Markdown, two or three on GitHub; and a list needs an empty line before it."""
    lines: list[str] = []
    fenced = inside = False
    for line in text.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        depth = len(line) - len(line.lstrip())
        if not fenced and line and not depth:
            before = lines[-1] if lines else ""
            if _ITEM.match(line) and before and (not inside or before.startswith("    ")):
                lines.append("")
            inside = bool(_ITEM.match(line))
        lines.append("  " * (2 if depth < 4 else 4) + line.lstrip() if inside and depth else line)
    return "\n".join(lines)


def _code(match: re.Match[str]) -> str:
    """Code in a cell of a table, whose bars GitHub wants escaped and Python-Markdown does not."""
    return f"<code>{html.escape(match[1]).replace(chr(92) + '|', '&#124;')}</code>"


def _page(file: Path, path: str, place: str, config: Any) -> File:
    """The page of a file outside docs/; raises FileNotFoundError if it is not there."""
    if path.endswith(".md"):
        return File.generated(config, place, abs_src_path=str(file))
    shown = sorted(p for p in file.iterdir() if p.is_file()) if file.is_dir() else [file]
    parts = [f"# {path}", *(_shown(p, file.is_dir()) for p in shown)]
    return File.generated(config, place, content="\n\n".join(parts) + "\n")


def _shown(file: Path, titled: bool) -> str:
    text = file.read_text(encoding="utf-8").rstrip("\n")
    code = f"~~~{_LANGUAGES.get(file.suffix, 'text')}\n{text}\n~~~"
    return f"## {file.name}\n\n{code}" if titled else code
