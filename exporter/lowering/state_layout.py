"""Where the states lie in the vector `h` of a model: piece by piece, 32-bit ones in halves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.ir.fixed_model import Channel, Piece, Window
from elegans.exporter.numbers.fixed import Integers, Interval, join_intervals


@dataclass(frozen=True)
class StateLayout:
    """The pieces of the state, as `Model.pieces` has them when the model is complete.

    fracs      the fractional bits of each element of h
    bounds     of h
    saturates  whether an element is of a state that nothing else bounds
    """

    pieces: tuple[Piece, ...]
    fracs: Integers
    bounds: Interval
    saturates: NDArray[np.bool_]

    @staticmethod
    def of(
        h_next: tuple[Window, ...], wide: tuple[bool, ...], states: tuple[Channel, ...]
    ) -> StateLayout:
        """The layout of states that the windows `h_next` make, 32-bit ones where `wide` says so."""
        pieces: list[Piece] = []
        fracs, bounds, flags = [np.zeros(0, np.int64)], list[Interval](), [np.zeros(0, np.bool_)]
        start = at = 0
        for window, carried in zip(h_next, wide, strict=True):
            own = states[start : start + window.size]
            frac = np.array([s.frac for s in own])
            ends = Interval.of([s.lo for s in own], [s.hi for s in own])
            pieces.append(Piece(start, window.size, at, carried))
            fracs += [frac - 16, frac] if carried else [frac]
            bounds += ends.halves() if carried else (ends,)
            flags += [np.array([s.saturates for s in own])] * (2 if carried else 1)
            start, at = start + window.size, at + window.size * (2 if carried else 1)
        joined = (np.concatenate(fracs), join_intervals(bounds), np.concatenate(flags))
        return StateLayout(tuple(pieces), *joined)

    @property
    def windows(self) -> list[Window]:
        """The pieces as windows of the real network's h."""
        return [Window("h", p.start, p.start + p.size) for p in self.pieces]

    @property
    def wide(self) -> bool:
        """Whether any state has 32 bits."""
        return any(piece.wide for piece in self.pieces)

    def placed(self, window: Window) -> tuple[Window, ...]:
        """A window of the real network's h in the model's: of 32-bit states the upper halves."""
        found: list[Window] = []
        for piece in self.pieces:
            lo, hi = max(window.lo, piece.start), min(window.hi, piece.start + piece.size)
            if lo >= hi:
                continue
            moved = Window("h", lo + piece.at - piece.start, hi + piece.at - piece.start)
            if found and found[-1].hi == moved.lo:
                moved = Window("h", found.pop().lo, moved.hi)
            found.append(moved)
        return tuple(found)

    def halves(self, window: Window) -> Window | None:
        """A whole piece of 32-bit states with both halves; None for any other window."""
        for piece in self.pieces:
            if piece.wide and window == Window("h", piece.start, piece.start + piece.size):
                return Window("h", piece.at, piece.at + 2 * piece.size)
        return None
