"""A page in one file: its text, its data, its style and its script, and nothing from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from elegans.exporter.templates import environment

HERE = Path(__file__).resolve().parent
_BUNDLES = HERE / "bundles"


def page(name: str, title: str, values: dict[str, Any], data: Any, connect: str = "'none'") -> str:
    """The HTML of page `name`, whose text is the template `NAME.html.j2`.

    Its script is `bundles/NAME.js`, its style `bundles/NAME.css` (both made by `viewer/web`).

    values   what the template shows; escaped
    data     what the script reads; JSON without NaN or infinity
    connect  where the script may connect to, as a source list of a Content-Security-Policy

    Raises `ValueError` for data with a NaN or an infinity.
    """
    text = environment(HERE, escape=True).get_template(f"{name}.html.j2").render(values)
    return (
        environment(HERE)
        .get_template("page.html.j2")
        .render(
            title=_escaped(title),
            style=(_BUNDLES / f"{name}.css").read_text(encoding="utf-8"),
            body=text,
            data=json_in_html(data),
            script=(_BUNDLES / f"{name}.js").read_text(encoding="utf-8"),
            connect=connect,
        )
    )


def json_in_html(data: Any) -> str:
    """JSON that may stand inside a script element: no `<` can end the element early."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
