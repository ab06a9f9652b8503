"""Writes runs as JUnit XML: wrong bits are a *failure*, all other problems an *error*.

So the dashboard of a lab can tell a wrong product from a bad cable by the kind of element.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from elegans.exporter.files import write_file
from elegans.hil_tests.lab.run_suite import BoardRun, Outcome

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENT = {"failed": "failure", "error": "error", "skipped": "skipped"}


def write_junit(path: Path, runs: Sequence[BoardRun]) -> None:
    """Write a test suite for each board, with the verdict's figures as its properties. Raises
    `ElegansError` if ``path`` cannot be written."""
    root = Xml.Element("testsuites")
    for run in runs:
        suite = Xml.SubElement(root, "testsuite", name=run.name, tests=str(len(run.tests)))
        for name, result in (("failures", "failed"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(name, str(sum(test.result == result for test in run.tests)))
        suite.set("time", f"{sum(test.seconds for test in run.tests):.3f}")
        if run.figures is not None:
            _properties(suite, run.figures)
        for test in run.tests:
            _case(suite, run.name, test)
    Xml.indent(root)
    write_file(path, Xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _case(suite: Xml.Element, board: str, test: Outcome) -> None:
    case = Xml.SubElement(suite, "testcase", classname=f"elegans.hil.{board}", name=test.name)
    case.set("time", f"{test.seconds:.3f}")
    if test.retries:
        properties = Xml.SubElement(case, "properties")
        for why in test.retries:
            Xml.SubElement(properties, "property", name="retry", value=_clean(why))
    if element := _ELEMENT.get(test.result):
        problem = Xml.SubElement(case, element, message=_clean(test.line))
        if not test.good:
            problem.set("type", test.phase or "ERROR")
            problem.text = _clean(test.text)
    if test.log:
        Xml.SubElement(case, "system-out").text = _clean(test.log)


def _properties(suite: Xml.Element, figures: dict[str, Any]) -> None:
    properties = Xml.SubElement(suite, "properties")
    for name, value in figures.items():
        if isinstance(value, dict):
            for part, number in value.items():
                Xml.SubElement(properties, "property", name=f"{name}.{part}", value=str(number))
        elif value is not None:
            Xml.SubElement(properties, "property", name=name, value=_clean(str(value)))


def _clean(text: str) -> str:
    """Replaces the characters that XML 1.0 does not allow; a serial log may contain any."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
