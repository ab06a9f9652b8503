"""The values of options that click does not know or not check: LO:HI, IN:OUT, NAME=LO:HI, NaN.

What is wrong with a value by itself is found here, before anything is read, and is a usage error.
What is wrong with it beside a file, as the name of an input that the model has not, is a
`WrongUseError` of whoever compares the two. Both end with exit code 2.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from elegans.exporter.errors import ElegansError

if TYPE_CHECKING:
    from elegans.exporter.ir.raw_format import RawFormat


class Number(click.FloatRange):
    """A number within bounds. click takes NaN for one, because no comparison refuses it."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The number; click's usage error for NaN, and for one that is out of bounds."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


class Replaced(click.Path):
    """A file to write, which replaces an earlier one of its kind, and nothing else.

    endings  of the names of its kind, as .html
    """

    def __init__(self, *endings: str) -> None:
        super().__init__(path_type=Path)
        self._endings = endings

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        """The path; click's usage error for a file that is there and has another ending."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.is_file() and path.suffix.lower() not in self._endings:
            kinds = " or ".join(self._endings)
            self.fail(f"{path} is there and is no {kinds} file; give another", param, ctx)
        return path


class Pair(click.ParamType[tuple[Any, Any]]):
    """Two values of one type with a colon between them, written like ``name``: LO:HI, IN:OUT."""

    def __init__(self, name: str, kind: type) -> None:
        self.name, self.kind = name, kind

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, Any]:
        """The two values; click's usage error if there are not two, or not of this type."""
        # Names may have colons of their own, as torch's onnx::Gemm_1 and TensorFlow's x:0.
        parts = re.split("(?<!:):(?!:)", str(value))
        half = max(len(parts) // 2, 1)
        try:
            one, other = (self.kind(":".join(p)) for p in (parts[:half], parts[half:]) if p)
        except ValueError:
            self.fail(f"{value!r} is not {self.name}: give two values with a colon", param, ctx)
        return one, other


class Checked(click.ParamType[Any]):
    """A text that a function of the library reads, written like ``name``: TYPE[:LO:HI], LO:HI.

    read  the text's value; raises `ElegansError`, or ValueError for what is not even written so
    """

    def __init__(self, name: str, read: Callable[[str], Any], example: str = "") -> None:
        self.name, self._read, self._example = name, read, example

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value; click's usage error, with the words of the library, for what is none."""
        try:
            return self._read(str(value))
        except ValueError:
            self.fail(f"{value!r} is not {self.name}, as {self._example}", param, ctx)
        except ElegansError as error:
            self.fail(str(error), param, ctx)


def named_range(what: str) -> Checked:
    """`[NAME=]LO:HI`: the name of states, of an input or of an output, or None, and a range.

    what  the word for it: state, input or output
    """

    def read(text: str) -> tuple[str | None, tuple[float, float]]:
        from elegans.exporter.ir.interface import checked_range

        name, _, ends = text.rpartition("=")
        lo, hi = map(float, ends.split(":"))
        return name or None, checked_range(f"{what} {name}".rstrip(), (lo, hi))

    return Checked("[NAME=]LO:HI", read, "-8:8 or c=-8:8")


def _named_format(text: str) -> tuple[str | None, RawFormat]:
    from elegans.exporter.ir.raw_format import named_format

    return named_format(text)


def _time_range(text: str) -> tuple[float, float]:
    from elegans.exporter.ir.interface import checked_time

    lo, hi = map(float, text.split(":"))
    return checked_time((lo, hi))


def _model_name(text: str) -> str:
    from elegans.exporter.ir.interface import valid_name

    return valid_name(text)


FORMAT = Checked("[NAME=]TYPE[:LO:HI]", _named_format, "uint12:985:1041")
"""The name of an input or None, and the format of its raw counts."""
TIMES = Checked("LO:HI", _time_range, "0.01:0.1")
"""A range of elapsed time."""
MODEL_NAME = Checked("NAME", _model_name)
"""The prefix of all names in the generated C."""
