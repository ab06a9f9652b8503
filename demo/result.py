"""What a run of the demo measured, and what it must show to succeed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.oracles.free_run import FreeRunError
from elegans.hil_tests.session.compare import Verdict
from elegans.trainer.tasks.lane.closed_loop import Drive

_ALLOWED_ERROR = 5e-3
"""Over the recording, as a fraction of the range that a state uses; a good run has about 1e-3."""
_ALLOWED_DRIFT = 0.02
"""Of the board's lateral error against the float network's, as a fraction of the latter."""
_RETRY = "train longer, or with another --seed"


@dataclass(frozen=True)
class Result:
    """All figures of the demo's table and report.

    ``errors`` against the float network are those that the export states, the recording's among
    them. ``drives`` are, in this order, those of the float network, the integer reference, the
    board and the expert. ``loop_integers`` are the integers of 16 bits that reference and
    board computed while they drove, ``loop_different`` of them differ. ``seconds`` is the
    wall-clock time of the whole demo.
    """

    model: Model
    verdict: Verdict
    errors: tuple[FreeRunError, ...]
    drives: dict[str, Drive]
    loop_integers: int
    loop_different: int
    seconds: float

    @property
    def integers(self) -> int:
        """Integers compared: those of the golden vectors and of the closed loop."""
        return self.verdict.integers + self.loop_integers

    @property
    def different(self) -> int:
        """How many of `integers` differ between board and reference."""
        return self.verdict.mismatches + self.loop_different

    @property
    def drift(self) -> float:
        """By what fraction the board's rms lateral error exceeds the float network's."""
        by_float, _, by_board, _ = self.drives.values()
        return by_board.rms / by_float.rms - 1.0

    @property
    def apart(self) -> float:
        """The greatest distance between the board's car and the float network's, m."""
        by_float, _, by_board, _ = self.drives.values()
        gap = np.linalg.norm(by_board.position - by_float.position, axis=1)
        return float(gap.max())

    def require(self) -> None:
        """Raise `ElegansError` if an integer differs, an error is too large or a car left its
        lane."""
        self.verdict.require()
        recorded = max(error.worst for error in self.errors if error.source == "recording")
        for what, found, allowed in (
            ("fixed point against float", recorded, _ALLOWED_ERROR),
            ("the board's lateral error against float's", abs(self.drift), _ALLOWED_DRIFT),
        ):
            if found > allowed:
                raise ElegansError(
                    what, f"is off by {found:.1e}, the limit is {allowed:.0e}", _RETRY
                )
        if self.loop_different:
            raise ElegansError(
                "the closed loop",
                f"{self.loop_different} of {self.loop_integers} integers differ",
                "run 'elegans hil' on the export",
            )
        for name, one in self.drives.items():
            if not one.held:
                fact = f"left its lane, {one.worst:.2f} m from the centreline"
                raise ElegansError(f"the drive by {name}", fact, _RETRY)
