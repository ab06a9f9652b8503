"""What the tests of pages share: a browser whose page must print no error and ask for nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from elegans.exporter.export import Request, export
from elegans.tests.places import CHECKOUT
from elegans.viewer.pages.rivals import FOLDER

SCREENSHOTS = CHECKOUT / "build" / "screenshots"
"""What each test saw at its end, for people to look at: a file a test."""


@pytest.fixture(params=[390, 1440], ids=lambda width: f"{width}px")
def tab(request: pytest.FixtureRequest, chromium: Any) -> Iterator[Any]:
    """A tab of the browser, as wide as a phone and as a desk.

    At the end of the test it must have reported no error, and requested nothing but the page.
    """
    context = chromium.new_context(viewport={"width": request.param, "height": 844})
    page = context.new_page()
    errors: list[str] = []
    outside: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: outside.append(request.url))
    yield page
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    context.close()
    assert not errors
    own = ("file:", "data:", "blob:", "http://127.0.0.1:", "ws://127.0.0.1:")
    assert not [url for url in outside if not url.startswith(own)]


def opened(tab: Any, file: Path) -> Any:
    """The tab, after it has loaded a file."""
    tab.goto(file.resolve().as_uri())
    return tab


def until(tab: Any, claim: str, seconds: float = 20.0) -> None:
    """Wait until an expression is true. Playwright's own wait needs `eval` in the page."""
    end = time.monotonic() + seconds
    while not tab.evaluate(claim):
        assert time.monotonic() < end, f"not so within {seconds} s: {claim}"
        tab.wait_for_timeout(30)


def serious(tab: Any) -> list[str]:
    """What axe-core finds in the page that is serious or critical."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    program = Path(axe.__file__).with_name("axe.min.js")
    tab.evaluate(program.read_text(encoding="utf-8"))
    found = tab.evaluate("axe.run()")["violations"]
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.fixture(scope="session")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The BUILD of a circuit that steers the lane's car."""
    folder = tmp_path_factory.mktemp("lane") / "BUILD"
    export(Request(FOLDER / "cfc_clean.onnx"), folder)
    return folder
