"""Names of columns as people write them, `temp [degC]`, and as C and the metadata take them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_UNIT = re.compile(r"(?P<name>.*?)\s*(?:\[(?P<square>[^\]]*)\]|\((?P<round>[^)]*)\))\s*")
_NO_UNIT = re.compile(r"[^A-Za-z0-9/%^²³°µ.() -]")
_LONGEST_UNIT, _LONGEST_NAME = 16, 40


def name_and_unit(text: str) -> tuple[str, str]:
    """`temp [degC]` or `temp (degC)` -> (`temp`, `degC`); the unit is "" where there is none.

    Of the unit, only characters that the metadata of a model takes are kept, at most 16.
    """
    match = _UNIT.fullmatch(text.strip())
    if match is None or not match["name"]:
        return text.strip(), ""
    unit = match["square"] if match["square"] is not None else match["round"]
    return match["name"], _NO_UNIT.sub("", unit.strip())[:_LONGEST_UNIT]


def c_names(names: Iterable[str], before: str = "x") -> list[str]:
    """Names that may stand in C: letters, digits and _, at most 40, no two alike in capitals.

    before  what is put before a name that does not begin with a letter
    """
    found: list[str] = []
    taken: set[str] = set()  # macros; each name has a second one, for the place of its point
    for name in names:
        label = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
        if not label[:1].isalpha():
            label = f"{before}_{label}".rstrip("_")
        label = label[: _LONGEST_NAME - 4]
        count, free = 2, label
        while taken & _macros(free):
            free, count = f"{label}_{count}", count + 1
        found.append(free)
        taken |= _macros(free)
    return found


def _macros(name: str) -> set[str]:
    return {name.upper(), f"{name.upper()}_FRAC"}


def other_spellings(names: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Names by the columns of a table from which C made them: `heart rate [bpm]`: `heart_rate`.

    Only of names that are no column themselves, and that fit one column alone.
    """
    made: dict[str, list[str]] = {}
    for column in columns:
        for name in {*c_names([column]), *c_names([name_and_unit(column)[0]])}:
            made.setdefault(name, []).append(column)
    absent = [name for name in names if name not in columns]
    return {made[name][0]: name for name in absent if len(made.get(name, ())) == 1}
