"""`elegans inspect`: what a network does and why, as one page, or one of its figures."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

from elegans.commands.edge import say
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.files import require_new_file, write_file
from elegans.viewer.analysis.account import account
from elegans.viewer.analysis.subject import Inspected, read_subject
from elegans.viewer.pages.inspect import inspect_page
from elegans.viewer.pages.inspect_figures import figure_bytes


def inspect(
    source: Path,
    output: Path,
    recording: Path | None,
    clip: bool,
    figure: tuple[str, str] | None,
    options: dict[str, Any],
) -> None:
    """Write the page of a BUILD or an ONNX file to `output`, or a figure in a format.

    recording  as `elegans run` takes it, or None for the golden vectors
    options    of an export, the fields of a `Request`, where `source` is an ONNX file

    Raises `ElegansError`; `output` is then as it was.
    """
    require_new_file(output, source)
    if figure is not None and figure[1] != "json" and not importlib.util.find_spec("matplotlib"):
        remedy = "pip install 'elegans[train]', or take --format json"
        raise ElegansError("matplotlib", "is not installed", remedy)
    say(f"reading {source} ...", err=True)
    subject = _subject(source, recording, clip, options)
    for change in subject.changes:
        say(change, err=True)
    found = account(subject)
    content = figure_bytes(found, *figure) if figure else inspect_page(found).encode()
    write_file(output, content)
    what = "page" if figure is None else f"figure {figure[0]!r}"
    model = found["model"]
    say(f"{output}: the {what} of {model['name']}, {model['steps']} steps of {model['source']}")


def _subject(
    source: Path, recording: Path | None, clip: bool, options: dict[str, Any]
) -> Inspected:
    """The subject in a BUILD, or in an ONNX file that is exported to a folder of its own."""
    if not source.is_file():
        return read_subject(source, recording, clip)
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        build = Path(scratch) / "build"
        export(
            Request(source=source, **options), build, lambda stage: say(f"{stage} ...", err=True)
        )
        return read_subject(build, recording, clip)
