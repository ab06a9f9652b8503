"""Search the 32 parabolas of `exporter/ops/tanh.py`: python -m benchmarks.tanh_table

Each segment starts from the parabola through its Chebyshev nodes. Its slope and bend are
varied by a few units, and its value is shifted, until the rounded curve starts where the
segment before ends, is monotone, and is odd although it is computed with floors. A beam
search keeps the choices with the least worst error, and among them the least sum of errors.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
import numpy as np
from numpy.typing import NDArray

from elegans.exporter.ops.tanh import GAIN

Piece = tuple[int, int, int]
Ints = NDArray[np.int64]
Beam = tuple[float, float, tuple[Piece, ...]]  # the worst error, the sum of all, the pieces

_SEGMENTS, _WIDTH, _BEAMS, _LARGEST, _TRIES = 32, 1024, 4, 32766, 200
_J = np.arange(-_WIDTH // 2, _WIDTH // 2)
_NODES = _WIDTH / 2 * np.cos(np.pi * (2 * np.arange(3) + 1) / 6)


def fine(c0: int, c1: int, c2: int) -> Ints:
    """The curve of one segment in Q0.31, including the half unit of Q0.15 that rounds it."""
    bend = c2 * _J
    return np.asarray(c0 + c1 * _J * 64 + ((bend * _J + (bend >> 6)) >> 4) + (1 << 15))


def rounded(*piece: int) -> Ints:
    """The curve in Q0.15."""
    return fine(*piece) >> 16


def halved(*piece: int) -> Ints:
    """The curve of sigmoid, less its constant 1/2, in Q0.15: half of tanh's, rounded."""
    return ((fine(*piece) >> 1) + (1 << 14)) >> 16


def mirrored(piece: Piece) -> Piece:
    c0, c1, c2 = piece
    return -c0, c1, -c2


def truth(z: NDArray[np.float64] | Ints) -> NDArray[np.float64]:
    return np.asarray(32768 * np.tanh(z / 4096 / GAIN))


def search() -> tuple[float, tuple[Piece, ...]]:
    """The worst error in units of Q0.15, and the coefficients of segments 0..31."""
    _, slope, _ = _ideal(0)
    starts = [(0, slope // 64 + d, 0) for d in range(-4, 5)]
    beams: list[Beam] = [(*_errors(0, piece), (piece,)) for piece in starts if _odd(piece)]
    for i in range(1, _SEGMENTS):
        found: dict[int, Beam] = {}
        for worst, total, path in beams:
            for piece in _candidates(i, _end(path[-1])):
                if not _rises(path[-1], piece):
                    continue
                error, more = _errors(i, piece)
                beam = max(worst, error), total + more, (*path, piece)
                end = _end(piece)
                found[end] = min(found.get(end, beam), beam)
        beams = sorted(found.values())[:_BEAMS]
    return beams[0][0], beams[0][2]


def _ideal(i: int) -> tuple[int, int, int]:
    values = truth(_WIDTH * i + _NODES) * 65536
    bend, slope, value = np.polyfit(_NODES, values, 2)
    return int(bend * 16), int(slope), int(value)


def _errors(i: int, piece: Piece) -> tuple[float, float]:
    errors = np.abs(rounded(*piece) - truth(_WIDTH * i + _J))
    return float(errors.max()), float(errors.sum())


def _odd(piece: Piece) -> bool:
    return bool(np.all(rounded(*piece)[1:] == -rounded(*mirrored(piece))[:0:-1]))


def _end(piece: Piece) -> int:
    """Where the next segment must begin so that the curve is odd: minus the first value of the
    mirrored segment."""
    return -int(rounded(*mirrored(piece))[0])


def _rises(before: Piece, piece: Piece) -> bool:
    """Whether sigmoid is monotone, too, over both segments and their mirror images."""
    there = np.concatenate([halved(*before), halved(*piece)])
    back = np.concatenate([halved(*mirrored(piece)), halved(*mirrored(before))])
    return bool(min(np.diff(there).min(), np.diff(back).min()) >= 0)


def _candidates(i: int, start: int) -> Iterator[Piece]:
    bend, slope, _ = _ideal(i)
    for c1 in range(slope // 64 - 1, slope // 64 + 3):
        for c2 in range(bend - 4, bend + 5):
            piece = _shifted(i, start, c1, c2)
            if piece is not None:
                yield piece


def _shifted(i: int, start: int, c1: int, c2: int) -> Piece | None:
    """The segment with the value that balances the error best among those that start at
    ``start`` and are odd; None if there is none."""
    at = _J * (64 * c1) + ((c2 * _J * _J + (c2 * _J >> 6)) >> 4)
    gap = at / 65536 - truth(_WIDTH * i + _J)
    least = start * 65536 - (1 << 15) - int(at[0]) + 64
    most = least + 65535 - 128
    middle = int(np.clip(round(-(gap.max() + gap.min()) / 2 * 65536), least, most))
    values = sorted(range(least, most, 40), key=lambda c: abs(c - middle))
    for c0 in values[:_TRIES]:
        piece = (c0, c1, c2)
        curve = rounded(*piece)
        fits = curve[0] == start and np.diff(curve).min() >= 0 and curve[-1] <= _LARGEST
        if fits and _odd(piece) and (i < _SEGMENTS - 1 or curve[-1] == _LARGEST):
            return piece
    return None


@click.command()
def main() -> None:
    """Print the table as Python source."""
    worst, pieces = search()
    for i in range(0, _SEGMENTS, 3):
        click.echo("    " + " ".join(f"{piece}," for piece in pieces[i : i + 3]))
    click.echo(f"# worst error {worst:.3f} units")


if __name__ == "__main__":
    main()
