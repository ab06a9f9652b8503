"""The playground as a file of the site, and the frame that shows it on its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from elegans.viewer.pages.playground import playground

_PLACE = "pages/playground.html"
_MARK = "<!-- playground -->"
_FRAME = (
    f'<iframe class="playground" src="{_PLACE}" title="The playground"></iframe>\n\n'
    f'<a href="{_PLACE}">Open it in a window of its own</a>'
)


def on_files(files: Files, *, config: Any) -> Files:
    """Add the page, which is one file of HTML."""
    studies = sorted(Path(config.docs_dir).glob("data/**/results.json"))
    files.append(File.generated(config, _PLACE, content=playground(studies)))
    return files


def on_page_content(html: str, *, page: Any, config: Any, files: Files) -> str:
    """Put the frame where the document has its mark."""
    del config, files
    return html.replace(_MARK, _FRAME) if page.file.src_uri == "playground.md" else html
