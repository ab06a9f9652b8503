"""A board in the terminal: its link, inputs, outputs and states, drawn with rich."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.numbers.fixed import Reals
from elegans.viewer.live.live_board import UP
from elegans.viewer.live.watch import Moment

_BAR, _OTHER = 24, 62  # columns of a bar, and of all beside it
_COLUMNS = (
    *(("", False), ("value", True), ("", False), ("", False)),
    *(("change", True), ("τ", True)),
)
"""The head of each, and whether it is flush right."""
_LEFT = 8  # lines of the terminal that are no rows


def view(moment: Moment, model: Model, lines: int, columns: int) -> RenderableType:
    """A step for a terminal of this size; states for which there is no room are left out."""
    bar = min(max(columns - _OTHER, 1), _BAR)
    values = Table(box=box.SIMPLE, pad_edge=False, expand=False)
    for title, right in _COLUMNS:
        values.add_column(title, justify="right" if right else "left", no_wrap=True)
    unit = model.dt.unit if model.dt else "step"
    rows = [
        *_rows("in", model.inputs, moment.x, None, None, unit, bar),
        *_rows("out", model.outputs, moment.y, None, None, unit, bar),
        *_rows("state", model.states, moment.h, moment.change, moment.tau, unit, bar),
    ]
    room = max(lines - _LEFT, 1)
    for row in rows[:room]:
        values.add_row(*row)
    hidden = len(rows) - room
    foot = f"{hidden} more do not fit; --csv has all" if hidden > 0 else ""
    return Group(*_head(moment, model, unit), values, Text(foot, style="dim"))


def _head(moment: Moment, model: Model, unit: str) -> list[Text]:
    health = moment.health
    state = "connected" if health.state == UP else "lost"
    link = Text.assemble(
        (f"{model.name} ", "bold"),
        (f"{state}", "green" if health.state == UP else "red"),
        f" {health.text}, {health.resent} sent again, {health.damaged} damaged,",
        f" lost {health.lost} ×",
    )
    speed = Text(
        f"step {moment.steps:,}  time {moment.time:.2f} {unit}  {moment.rate:.1f} steps/s  "
        f"{1e3 * moment.latency:.1f} ms a step"
    )
    bits = Text.assemble(
        f"{moment.compared:,} integers compared, ",
        (f"{moment.different} different", "red bold" if moment.different else "green"),
    )
    for line in (link, speed, bits):
        line.no_wrap, line.overflow = True, "ellipsis"
    return [link, speed, bits]


def _rows(
    kind: str,
    channels: Sequence[Channel],
    values: Reals,
    changes: Reals | None,
    taus: Reals | None,
    unit: str,
    bar: int,
) -> list[tuple[str | Text, ...]]:
    rows: list[tuple[str | Text, ...]] = []
    for i, (channel, value) in enumerate(zip(channels, values, strict=True)):
        change = "" if changes is None else f"{changes[i]:+.2f}/{unit}"
        tau = "" if taus is None or np.isnan(taus[i]) else f"{taus[i]:.3g} {unit}"
        name = Text(channel.name, style="" if kind == "state" else "cyan")
        rows.append(
            (name, f"{value:.4g}", channel.unit, _bar(channel, float(value), bar), change, tau)
        )
    return rows


def _bar(channel: Channel, value: float, width: int) -> Text:
    """A bar from zero, or from the least value of a range without zero, to the value."""
    low, high = channel.range
    zero = min(max(0.0, low), high)
    scale = width / (high - low) if high > low else 0.0
    begin, end = sorted(round((v - low) * scale) for v in (zero, min(max(value, low), high)))
    style = "yellow" if value >= zero else "blue"
    dots = " " * begin, "█" * max(end - begin, 1), " " * (width - max(end, begin + 1))
    return Text.assemble(dots[0], (dots[1], style), dots[2])
