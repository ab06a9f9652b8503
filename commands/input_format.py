"""The option `--input-format` of `elegans export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from elegans.exporter.errors import ElegansError

if TYPE_CHECKING:
    from elegans.exporter.ir.raw_format import RawFormat


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


INPUT_FORMAT = click.option(
    "--input-format",
    "input_formats",
    type=NamedFormat(),
    multiple=True,
    help="inputs that are raw counts of a sensor, standing for LO to HI (by default for the range "
    "of the input), as uint12:985:1041 or int16:-2:2; uint1 to uint15 and int2 to int16; once for "
    "all inputs, once for each in their order, or by NAME=",
)
