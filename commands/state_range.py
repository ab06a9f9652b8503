"""The option `--state-range` of `elegans export`."""

from __future__ import annotations

from typing import Any

import click


class NamedRange(click.ParamType["tuple[str | None, tuple[float, float]]"]):
    """`[NAME=]LO:HI`: the name of states or None, and the range in which they saturate."""

    name = "[NAME=]LO:HI"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str | None, tuple[float, float]]:
        """The name and the range; click's usage error for a text that is neither."""
        from elegans.exporter.errors import ElegansError
        from elegans.exporter.ir.interface import checked_range

        name, _, ends = str(value).rpartition("=")
        try:
            lo, hi = (float(end) for end in ends.split(":"))
            return name or None, checked_range(f"state {name}".rstrip(), (lo, hi))
        except ValueError:
            self.fail(f"{value!r} is not {self.name}, as -8:8 or c=-8:8", param, ctx)
        except ElegansError as error:
            self.fail(str(error), param, ctx)


STATE_RANGE = click.option(
    "--state-range",
    "state_ranges",
    type=NamedRange(),
    multiple=True,
    help="where states saturate that no theorem bounds, as an LSTM's cell: for all of these, or by "
    "NAME= of a state's input in the graph or of its layer in report.txt",
)
