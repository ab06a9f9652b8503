"""How cores lay out the tables of layers and solvers, and the words that these are.

The tables are written as C, in macros that each core defines for itself: `EL_PAIR` and `EL_TAIL` in
its `core.h`, `EL_BYTES4_1` and the like for `el_bytes.h`, `EL_SYNAPSES1` and the like for
`el_unfolds.h`. Here are the same macros for the files of a block of weights. A test compares the
two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

_ITEM = re.compile(r"EL_PAIR\((-?\d+), (-?\d+)\)|(-?\d+)")
_COMMENT = re.compile(r"/\*.*?\*/")
_CALL = re.compile(
    r"EL_(INPUT|POTENTIAL|ROUNDS|NEURON|SYNAPSES[12]|BYTES[34]_[1-4]|POWERS)\(([-\d, ]+)\)"
)
_SIZED = ("EL_PAIR", "EL_SYNAPSES1", "EL_SYNAPSES2")
_SIZED_CALL = re.compile(rf"(?:{'|'.join(_SIZED)})\((?:[^()]|\([^()]*\))*\)")


@dataclass(frozen=True)
class TableLayout:
    """How cores lay out tables: `EL_TABLES` in their `core.h`.

    pair      words of the weights of two inputs
    tail      words of zero behind the weights
    bytes     whether a solver's synapse has its place in bytes, not as an index
    synapses  of a solver whose weights share words: 0, 1 (its own two) or 2
    rows      whether int8 weights of a row lie beside each other
    """

    number: int
    name: str
    pair: int
    tail: int
    bytes: bool = True
    synapses: int = 0
    rows: bool = False


TABLE_LAYOUTS = (
    TableLayout(1, "pairs", pair=1, tail=1, bytes=False),
    TableLayout(2, "words", pair=2, tail=1),
    TableLayout(3, "vectors", pair=1, tail=16, synapses=1, rows=True),
    TableLayout(4, "dsp", pair=1, tail=1, synapses=2),
    TableLayout(5, "looped", pair=1, tail=1),
)
"""All that there are; the C of a core says which one it has. M0 and M3 have "looped" where layers
are loops over inputs."""

ANY = TableLayout(0, "", pair=1, tail=1)
"""That of a model without such tables, whose block is the same for every core."""


def words_of(rows: Sequence[str], layout: TableLayout) -> list[int]:
    """The words of a table, as the macros of a core lay them out."""
    found: list[int] = []
    for line in rows:
        if line == "EL_TAIL":
            found += [0] * layout.tail
            continue
        for even, odd, plain in _ITEM.findall(_expanded(line, layout)):
            if plain:
                found.append(int(plain))
            elif layout.pair == 1:
                word = (int(odd) * 65536 + (int(even) & 0xFFFF)) & 0xFFFFFFFF
                found.append(word - (word >> 31 << 32))
            else:
                found += [int(even), int(odd)]
    return found


def words_size(rows: Sequence[str]) -> str:
    """How many words a table and its tail are, as C that each core computes for itself."""
    text = " ".join(_COMMENT.sub("", line) for line in rows)
    counts = {name: text.count(f"{name}(") for name in _SIZED}
    plain = len(words_of([_SIZED_CALL.sub("", text)], TABLE_LAYOUTS[0]))
    sized = [f"({count}U * {name}_WORDS)" for name, count in counts.items() if count]
    return " + ".join([f"{plain}U", *sized, "EL_TAIL_WORDS"])


def _expanded(line: str, layout: TableLayout) -> str:
    """A line with numbers, and `EL_PAIR`, in place of the other macros."""
    line, before = _COMMENT.sub("", line), ""
    while line != before:
        before, line = line, _CALL.sub(partial(_expansion, layout=layout), line)
    return line


def _expansion(call: re.Match[str], layout: TableLayout) -> str:
    numbers = [int(number) for number in call[2].split(",")]
    if call[1].startswith("BYTES"):
        return ", ".join(map(str, _bytes(numbers, int(call[1][5]), layout)))
    if call[1] == "POWERS":
        return str(_word(numbers))
    if call[1].startswith("SYNAPSES"):
        return ", ".join(map(str, _synapses(numbers, layout)))
    if call[1] == "NEURON":
        current, conductance, lo, hi, at, one = numbers
        return f"{current}, {conductance}, {lo}, {hi - lo}, {hi}, {4 * at}, {one}"
    (n,) = numbers
    if call[1] == "ROUNDS":
        return str((n + 1) // 2 if layout.synapses == 2 else n)
    if not layout.bytes:
        return str(n)
    return str(2 * n if call[1] == "INPUT" else 4 * n + 2)


def _bytes(numbers: list[int], rows: int, layout: TableLayout) -> list[int]:
    """The words of int8 weights, given row by row: `cores/*/bytes.h`."""
    count = len(numbers) // rows
    if layout.rows:
        padded = numbers + [0] * (-len(numbers) % 4)
        return [_word(padded[i : i + 4]) for i in range(0, len(padded), 4)]
    row = [numbers[r * count : (r + 1) * count] for r in range(rows)]
    f, g, t, *last = row
    words = []
    for p in range(0, count, 2):
        words.append(_word([f[p], g[p], f[p + 1], g[p + 1]]))
        if last:
            words.append(_word([t[p], last[0][p], t[p + 1], last[0][p + 1]]))
        elif p % 4 == 2:
            words.append(_word([t[p - 2], t[p], t[p - 1], t[p + 1]]))
        elif p + 2 == count:
            words.append(_word([t[p], 0, t[p + 1], 0]))
    return words


def _word(numbers: list[int]) -> int:
    """Four bytes as one word, the first in the lowest one."""
    return int.from_bytes(bytes(n & 0xFF for n in numbers), "little", signed=True)


def _synapses(numbers: list[int], layout: TableLayout) -> list[int | str]:
    """The words of one or two synapses."""
    found: list[int | str] = []
    if layout.synapses == 2:
        bias, weight, at, *shares = zip(numbers[:5], numbers[5:] or [0] * 5, strict=True)
        pairs = [f"EL_PAIR({a}, {b})" for a, b in (weight, *shares)]
        return [*bias, pairs[0], *at, *pairs[1:]]
    for i in range(0, len(numbers), 5):
        *argument, current, conductance = numbers[i : i + 5]
        pair = f"EL_PAIR({current}, {conductance})"
        found += [*argument, *([pair] if layout.synapses else [current, conductance])]
    return found
