"""Time and energy of a step on a real board, estimated from its cycles and its descriptor.

A model, not a measurement. The least time is that of memory without wait states: all of the code
is in a cache, or prefetched. The most adds the wait states of each line of flash that the model
takes, once a step: nothing is left in the cache from the step before. Tables that are read more
often than they are kept may take longer still. The current is the published one of a running core,
whose own code is another.
"""

from __future__ import annotations

from dataclasses import dataclass

from elegans.boards.descriptors.board import Board

Span = tuple[float, float]

CELL_MAH, CELL_V = 225, 3.0
"""A CR2032: 225 mAh from 3.0 V down to 2.0 V (en.wikipedia.org/wiki/CR2032_battery, its table)."""

_CELL_UJ = CELL_MAH * 3.6 * CELL_V * 1e6
_DAYS = 365


@dataclass(frozen=True)
class StepEstimate:
    """The least and the most of a step: microseconds, and microjoules or None where the board's
    descriptor has no current."""

    microseconds: Span
    microjoules: Span | None

    @property
    def steps_a_day(self) -> Span | None:
        """How many steps a day a CR2032 pays for during a year, sleep not counted."""
        if self.microjoules is None:
            return None
        least, most = self.microjoules
        return _CELL_UJ / _DAYS / most, _CELL_UJ / _DAYS / least


def estimate(board: Board, cycles: Span, flash_bytes: int) -> StepEstimate | None:
    """Of a step of so many cycles on a board; None if its descriptor has no [timing].

    cycles       the least and the most, without wait states
    flash_bytes  what the model takes: code, tables and weights
    """
    timing = board.timing
    if timing is None:
        return None
    lines = -(-flash_bytes // timing.line_bytes)
    clocks = cycles[0], cycles[1] + lines * timing.wait_states
    least, most = (1e6 * count / timing.hz for count in clocks)
    current = board.current
    if current is None:
        return StepEstimate((least, most), None)
    # 1 uA/MHz is 1 pC a cycle.
    joules = [1e-9 * current.millivolts * current.ua_per_mhz * count for count in clocks]
    return StepEstimate((least, most), (joules[0], joules[1]))
