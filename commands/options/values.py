"""The values of options that click does not know or not check: LO:HI, IN:OUT, NAME=LO:HI, NaN."""

from __future__ import annotations

import math
import os
import re
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

    ending  of the names of its kind, as .html
    """

    def __init__(self, ending: str) -> None:
        super().__init__(path_type=Path)
        self._ending = ending

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        """The path; click's usage error for a file that is there and has another ending."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.is_file() and path.suffix.lower() != self._ending:
            self.fail(f"{path} is there and is no {self._ending} file; give another", param, ctx)
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


class NamedFormat(click.ParamType["tuple[str | None, RawFormat]"]):
    """`[NAME=]TYPE[:LO:HI]`: the name of an input or None, and the format of its raw counts."""

    name = "[NAME=]TYPE[:LO:HI]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str | None, RawFormat]:
        """The name and the format; click's usage error for a text that is neither."""
        from elegans.exporter.ir.raw_format import named_format

        try:
            return named_format(str(value))
        except ElegansError as error:
            self.fail(str(error), param, ctx)


class NamedRange(click.ParamType["tuple[str | None, tuple[float, float]]"]):
    """`[NAME=]LO:HI`: the name of states, of an input or of an output, or None, and a range.

    what  the word for it: state, input or output
    """

    name = "[NAME=]LO:HI"

    def __init__(self, what: str) -> None:
        self._what = what

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str | None, tuple[float, float]]:
        """The name and the range; click's usage error for a text that is neither."""
        from elegans.exporter.ir.interface import checked_range

        name, _, ends = str(value).rpartition("=")
        try:
            lo, hi = (float(end) for end in ends.split(":"))
            return name or None, checked_range(f"{self._what} {name}".rstrip(), (lo, hi))
        except ValueError:
            self.fail(f"{value!r} is not {self.name}, as -8:8 or c=-8:8", param, ctx)
        except ElegansError as error:
            self.fail(str(error), param, ctx)
