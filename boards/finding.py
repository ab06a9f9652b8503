"""What `elegans doctor` prints: one thing that was looked for, and how to get it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A program, a package or a permission that was looked for.

    ``needed`` says that no board can be emulated without it. ``detail`` is its version, or what
    else was found; None if it is missing. ``remedy`` says how to get it.
    """

    name: str
    purpose: str
    needed: bool
    detail: str | None
    remedy: str

    @property
    def present(self) -> bool:
        """Whether it is there."""
        return self.detail is not None

    def __str__(self) -> str:
        if self.present:
            return finding_line("ok", self.name, self.detail)
        status = "missing" if self.needed else "absent"
        return finding_line(status, self.name, f"{self.purpose}; {self.remedy}")


def finding_line(status: str, name: str, text: object) -> str:
    """A line of the list, in columns that hold the longest name of a program."""
    return f"{status:<9}{name:<25}{text}"
