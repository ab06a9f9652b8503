"""The documentation as a site: built without a warning, whole, and without a request to outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from elegans import trainer
from elegans.cli import main
from elegans.exporter.export import Request
from elegans.tests.documents import DOCUMENTS, blocks, name
from elegans.tests.places import CHECKOUT
from elegans.tests.shared import locked
from elegans.tests.viewer.conftest import opened

pytest.importorskip("mkdocs", reason="mkdocs is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def site(shared):
    """The folder of the site, which is built once for all workers."""
    folder = shared / "site"
    with locked(folder):
        if not folder.exists():
            command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)]
            quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
            done = subprocess.run(command, cwd=CHECKOUT, env=quiet, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert "WARNING" not in done.stderr
    return folder


def _pages(site: Path) -> list[Path]:
    found = sorted(p for p in site.rglob("*.html") if p.name != "404.html")  # of a server
    assert len(found) > 30
    return found


def test_no_page_loads_anything_from_outside(site):
    for page in _pages(site):
        text = page.read_text()
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?([^\">\s]+)", text)
        loaded += re.findall(r"<link[^>]*rel=\"?(?:stylesheet|icon|preconnect)[^>]*>", text)
        assert not [target for target in loaded if "//" in target], page.name
    for sheet in site.rglob("*.css"):
        assert "//fonts." not in sheet.read_text(), sheet


def test_every_document_is_a_page_and_its_first_heading_is_there(site):
    for document in DOCUMENTS:
        place = {"README.md": "index.md"}.get(name(document), name(document).removeprefix("docs/"))
        page = (site / place).with_suffix(".html").read_text()
        heading = re.search(r"^# (.+)$", document.read_text(), re.MULTILINE)[1]
        assert heading.split("`")[0] in page, place


def test_a_file_that_a_document_links_to_is_shown_and_the_link_leads_there(site):
    page = (site / "howto" / "ncps.html").read_text()
    assert 'href="../files/examples/from_ncps_py.html"' in page
    assert "oscillations" in (site / "files" / "examples" / "from_ncps_py.html").read_text()


@pytest.mark.parametrize("verb", [*main.commands, "boards scan"])
def test_every_option_of_a_command_is_in_the_reference(site, verb):
    page = (site / "reference" / "cli.html").read_text()
    command = main
    for word in verb.split():
        command = command.commands[word]
    part = page.split(f'id="elegans-{verb.replace(" ", "-")}"')[1].split("<h2")[0]
    for parameter in command.params:
        hidden = parameter.param_type_name == "argument" or getattr(parameter, "hidden", False)
        for option in [] if hidden else parameter.opts:
            assert option in part, option


def test_every_public_name_of_the_trainer_is_in_the_reference_with_a_text(site):
    page = (site / "reference" / "trainer.html").read_text()
    for public, place in trainer._PLACES.items():
        part = page.split(f'id="elegans.trainer.{place}.{public}"')
        assert len(part) == 2, public
        assert re.search(r"<p>.{20,}", part[1].split("<h2")[0]), public


def test_the_arguments_of_a_docstring_are_a_list(site):
    page = (site / "reference" / "exporter.html").read_text()
    part = page.split('id="elegans.exporter.export.Request"')[1].split("<h2")[0]
    listed = re.findall(r"<dt><code>(\w+)</code></dt>", part)
    assert listed == [field.name for field in fields(Request)]


def test_what_a_document_imports_is_in_the_reference(site):
    pages = "".join(p.read_text() for p in (site / "reference").glob("*.html"))
    known = set(re.findall(r'id="elegans\.([\w.]+)"', pages))
    for document in DOCUMENTS:
        for text in blocks(document, "python"):
            for module, names in re.findall(r"^from elegans\.([\w.]+) import (.+)$", text, re.M):
                for imported in names.split("  #")[0].split(", "):
                    short = module == "trainer" and trainer._PLACES.get(imported)
                    full = f"{module}.{short}.{imported}" if short else f"{module}.{imported}"
                    assert full in known, f"{name(document)}: {full}"


def test_every_page_opens_without_an_error_and_is_as_wide_as_the_screen(site, chromium):
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    errors: list[str] = []
    page = context.new_page()
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: _note_outside(request.url, errors))
    for file in _pages(site):
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(file.as_uri(), wait_until="load")
        assert not errors, file
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, file
    context.close()


def _note_outside(url: str, errors: list[str]) -> None:
    if not url.startswith(("file:", "data:", "blob:")):
        errors.append(url)


def test_the_search_finds_a_word_without_a_server(site, chromium):
    context = chromium.new_context(viewport={"width": 1440, "height": 844})
    page = context.new_page()
    outside: list[str] = []
    page.on("request", lambda request: _note_outside(request.url, outside))
    opened(page, site / "index.html")
    page.get_by_role("textbox", name="Search").fill("hull")
    page.wait_for_selector(".md-search-result__item a")
    found = page.locator(".md-search-result__item a").evaluate_all("all => all.map((a) => a.href)")
    assert any("mathematics.html" in target for target in found)
    assert not outside
    context.close()
