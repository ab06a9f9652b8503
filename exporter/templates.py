"""The Jinja environment of every template: the firmware's and the demo's report."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

FIRMWARE = Path(__file__).resolve().parents[1] / "firmware_templates"


@cache
def environment(folder: Path = FIRMWARE, escape: bool = False) -> jinja2.Environment:
    """The environment for templates in `folder`. An undefined name in a template is an error.

    escape  whether values are escaped for HTML
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=escape,
    )
