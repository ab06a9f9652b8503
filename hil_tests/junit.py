"""A run as JUnit XML: wrong bits are a *failure*, everything around them an *error*.

So a lab's dashboard tells a bad product from a bad cable without reading a message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.hil_tests.compare import Verdict
from elegans.hil_tests.errors import Phase

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(
    path: Path,
    outcome: Verdict | ElegansError,
    *,
    board: str,
    log: Sequence[str] = (),
    seconds: float = 0.0,
) -> None:
    """One test case for one run on ``board``: its verdict, or the error that ended it.

    ``log`` is the board's own; the verdict's figures become properties of the case.
    """
    suite = Xml.Element("testsuite", name="elegans.hil", tests="1", failures="0", errors="0")
    suite.set("time", f"{seconds:.3f}")
    case = Xml.SubElement(suite, "testcase", classname="elegans.hil", name=board)
    case.set("time", f"{seconds:.3f}")
    if isinstance(outcome, Verdict):
        _properties(case, outcome)
        _difference(suite, case, outcome)
    else:
        phase = str(getattr(outcome, "phase", "ERROR"))
        kind = "failure" if phase == Phase.MISMATCH else "error"
        _problem(suite, case, kind, phase, str(outcome))
    if log:
        Xml.SubElement(case, "system-out").text = _clean("\n".join(log))
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    write_file(path, Xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _properties(case: Xml.Element, verdict: Verdict) -> None:
    properties = Xml.SubElement(case, "properties")
    for name, value in verdict.json().items():
        if isinstance(value, dict):
            for part, number in value.items():
                Xml.SubElement(properties, "property", name=f"{name}.{part}", value=str(number))
        elif value is not None:
            Xml.SubElement(properties, "property", name=name, value=_clean(str(value)))


def _difference(suite: Xml.Element, case: Xml.Element, verdict: Verdict) -> None:
    if verdict.passed:
        return
    text = f"{verdict.mismatches} of {verdict.integers} integers differ"
    _problem(suite, case, "failure", Phase.MISMATCH, f"{text}; first: {verdict.first_difference}")


def _problem(suite: Xml.Element, case: Xml.Element, kind: str, phase: str, text: str) -> None:
    suite.set(f"{kind}s", "1")
    Xml.SubElement(case, kind, type=str(phase), message=_clean(text)).text = _clean(text)


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold; a serial log may have any."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
