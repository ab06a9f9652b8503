"""How every template of the house is read: strictly, and looking like the file that it makes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

FIRMWARE = Path(__file__).resolve().parents[1] / "firmware_templates"


@cache
def environment(folder: Path = FIRMWARE, escape: bool = False) -> jinja2.Environment:
    """Templates below `folder`; an unknown name is an error. `escape` is for HTML."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=escape,
    )
