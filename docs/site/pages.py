"""Self-contained pages as files of the site, and the frames that show them on their documents.

The network that drives and is inspected is `docs/data/lane.onnx`, which `elegans train lane` writes
as model.onnx.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from mkdocs.structure.files import File, Files

from elegans.exporter.export import Request, export
from elegans.trainer.tasks.lane.closed_loop import drive_expert
from elegans.viewer.analysis.account import account
from elegans.viewer.analysis.subject import read_subject
from elegans.viewer.pages.drive import drive_page
from elegans.viewer.pages.inspect import inspect_page
from elegans.viewer.pages.playground import playground

_SECONDS, _SEED = 20.0, 8999  # of the drive that is inspected, on a road that nobody learned
# The document that shows a page, by the page's name; a document marks the place by `<!-- NAME -->`.
_SHOWN = {
    "playground": ("playground.md", "The playground"),
    "drive": ("drive.md", "Nineteen neurons that drive"),
    "inspect": ("inspect.md", "A circuit, inspected"),
}


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages, each one file of HTML."""
    folder = Path(config.docs_dir)
    pages = {"playground": playground(sorted(folder.glob("data/**/results.json")))}
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        build = Path(scratch) / "lane"
        export(Request(folder / "data" / "lane.onnx"), build)
        pages["drive"] = drive_page(build)
        recording = Path(scratch) / "drive.npz"
        driven = drive_expert(_SECONDS, _SEED)
        np.savez(recording, x=driven.x, dt=driven.dt)
        pages["inspect"] = inspect_page(account(read_subject(build, recording)))
    for name, content in pages.items():
        files.append(File.generated(config, _place(name), content=content))
    return files


def on_page_content(html: str, *, page: Any, config: Any, files: Files) -> str:
    """Put the frame where the document has its mark."""
    del config, files
    for name, (document, title) in _SHOWN.items():
        if page.file.src_uri == document:
            html = html.replace(f"<!-- {name} -->", _frame(name, title))
    return html


def _place(name: str) -> str:
    return f"pages/{name}.html"


def _frame(name: str, title: str) -> str:
    place = _place(name)
    return (
        f'<iframe class="page" src="{place}" title="{title}" loading="lazy"></iframe>\n\n'
        f'<a href="{place}">Open it in a window of its own</a>'
    )
