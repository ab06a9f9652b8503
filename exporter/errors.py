"""The error type for everything that a user can put right."""

from __future__ import annotations


class ElegansError(Exception):
    """A failure that the user can put right, in three parts.

    place   where: a file, a node, a step, an option
    fact    what is wrong there
    remedy  what to do about it

    The command line prints ``place: fact; remedy`` and exits with `exit_code`. Any other
    exception that reaches the user is a bug in elegans: one line says where, and how to report it.
    """

    exit_code = 1

    def __init__(self, place: object, fact: str, remedy: str) -> None:
        super().__init__(f"{place}: {fact}; {remedy}")
        self.place = str(place)
        self.fact = fact
        self.remedy = remedy


class WrongUseError(ElegansError):
    """The command was asked for wrongly: an unknown name, an empty range, no such file."""

    exit_code = 2
