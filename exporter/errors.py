"""The one error a user sees: where it happened, what is so, and what to do about it."""

from __future__ import annotations


class ElegansError(Exception):
    """A failure that the user can act on.

    The command line prints it as ``place: fact; remedy`` and exits with 1. Anything
    else that escapes is a bug of ours and keeps its traceback.
    """

    def __init__(self, place: object, fact: str, remedy: str) -> None:
        super().__init__(f"{place}: {fact}; {remedy}")
        self.place = str(place)
        self.fact = fact
        self.remedy = remedy
