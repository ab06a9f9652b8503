"""Compares two BUILDs, or two reports of `elegans hil --json`; no board is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from elegans.exporter.build_folder import is_build_folder
from elegans.exporter.errors import ElegansError
from elegans.hil_tests.reports.compare_builds import compare_builds
from elegans.hil_tests.reports.compare_reports import compare_reports, read_report
from elegans.hil_tests.reports.figures import Change


@dataclass(frozen=True)
class Compared:
    """What two BUILDs or two reports have different.

    kind    BUILD or report
    groups  the changes by what they belong to: a board of reports, or a part of BUILDs
    """

    kind: str
    old: Path
    new: Path
    groups: dict[str, list[Change]]

    @property
    def equal(self) -> bool:
        """Whether nothing differs but what the serial line lost: that is not the product."""
        return all(change.of_line for changes in self.groups.values() for change in changes)

    def text(self) -> str:
        """The changes for people, a line each."""
        lines = [f"{self.kind} {self.old} -> {self.new}: {'equal' if self.equal else 'different'}"]
        for name, changes in self.groups.items():
            if changes:
                lines += [f"{name}:", *(f"  {change}" for change in changes)]
        return "\n".join(lines)

    def json(self) -> str:
        """The same as one JSON object."""
        groups = {name: [c.json() for c in changes] for name, changes in self.groups.items()}
        return json.dumps({"kind": self.kind, "equal": self.equal, "changes": groups})


def compare_paths(old: Path, new: Path) -> Compared:
    """Compare what is at two paths. Raises `ElegansError` if one is neither a BUILD nor a report,
    or if they are not of the same kind."""
    kinds = [_kind(path) for path in (old, new)]
    if kinds[0] != kinds[1]:
        fact = f"is a {kinds[1]}, and {old} is a {kinds[0]}"
        raise ElegansError(new, fact, "compare two BUILDs or two reports")
    if kinds[0] == "BUILD":
        return Compared("BUILD", old, new, compare_builds(old, new))
    return Compared("report", old, new, compare_reports(read_report(old), read_report(new)))


def _kind(path: Path) -> str:
    if path.is_file():
        return "file"
    if not path.exists():
        raise ElegansError(path, "is not there", "give a BUILD, or a file with a report")
    if is_build_folder(path):
        return "BUILD"
    raise ElegansError(path, "is no BUILD", "give the folder that `elegans export` wrote")
