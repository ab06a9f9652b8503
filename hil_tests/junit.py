"""A run as JUnit XML: wrong bits are a *failure*, everything around them an *error*.

So a lab's dashboard tells a bad product from a bad cable without reading a message.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as Xml

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.hil_tests.compare import Verdict
from elegans.hil_tests.errors import Phase

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class Case:
    """One run on one board: its verdict or the error that ended it, and the board's log."""

    name: str
    outcome: Verdict | ElegansError | None = None
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of what is inside the ``with``."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds = time.monotonic() - began

    @property
    def phase(self) -> str:
        """Where the run ended, if not well: a `Phase`, or ERROR for a user's mistake."""
        return str(getattr(self.outcome, "phase", "ERROR"))

    def told(self) -> str:
        """The outcome in a line."""
        if isinstance(self.outcome, Verdict):
            return self.outcome.summary()
        return f"{self.phase}: {self.outcome}"

    def json(self) -> dict[str, object]:
        """The outcome as a JSON object."""
        if isinstance(self.outcome, Verdict):
            return self.outcome.json()
        return {"phase": self.phase, "error": str(self.outcome)}


def write_junit(path: Path, cases: Sequence[Case]) -> None:
    """A test case for each run. A verdict's figures become properties of its case."""
    suite = Xml.Element("testsuite", name="elegans.hil", tests=str(len(cases)))
    suite.set("time", f"{sum(case.seconds for case in cases):.3f}")
    count = {"failure": 0, "error": 0}
    for case in cases:
        element = Xml.SubElement(suite, "testcase", classname="elegans.hil", name=case.name)
        element.set("time", f"{case.seconds:.3f}")
        if kind := _outcome(element, case):
            count[kind] += 1
        if case.log:
            Xml.SubElement(element, "system-out").text = _clean("\n".join(case.log))
    for kind, number in count.items():
        suite.set(f"{kind}s", str(number))
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    write_file(path, Xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _outcome(element: Xml.Element, case: Case) -> str | None:
    """Write how a run ended, and return what JUnit calls that: nothing when it is well."""
    if isinstance(case.outcome, Verdict):
        _properties(element, case.outcome)
        if case.outcome.passed:
            return None
        verdict, phase, kind = case.outcome, str(Phase.MISMATCH), "failure"
        text = f"{verdict.mismatches} of {verdict.integers} integers differ"
        text = f"{text}; first: {verdict.first_difference}"
    else:
        phase, text = case.phase, str(case.outcome)
        kind = "failure" if phase == Phase.MISMATCH else "error"
    Xml.SubElement(element, kind, type=phase, message=_clean(text)).text = _clean(text)
    return kind


def _properties(case: Xml.Element, verdict: Verdict) -> None:
    properties = Xml.SubElement(case, "properties")
    for name, value in verdict.json().items():
        if isinstance(value, dict):
            for part, number in value.items():
                Xml.SubElement(properties, "property", name=f"{name}.{part}", value=str(number))
        elif value is not None:
            Xml.SubElement(properties, "property", name=name, value=_clean(str(value)))


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold; a serial log may have any."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
