"""The work of fused layers, by the macros that they are written in.

The macros are in runtime_c/include/elegans/cores, and their loops are written out, so their
numbers say how often each thing happens. All layers with weights of the same width take their sums
with the same macros, so they share the kinds of their work, `layer8` and `layer16`. Not every kind
costs something on every core: only M55 has vectors, only M0 takes instructions to saturate.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from elegans.exporter.codegen.program import BLOCK

_ALONE = 2
"""M55 makes the results of up to so many neurons one by one, else of four at a time."""
_KEPT = 4
"""Vectors of inputs that M55 keeps in registers; more are read again for each neuron."""
_VECTOR = 4  # pairs of inputs


@dataclass(frozen=True)
class WrittenLayer:
    """A layer as it is written: a macro and, if its result is copied, that copy.

    kernel     of the layer, as `cfc_fixed8`
    first      pairs of inputs whose int8 weights have scales of their own, or 0
    pairs      of the other inputs
    rows       of a map
    saturated  how many shifted sums of a neuron, or of a block of rows, can leave int16
    copied     elements that are copied
    aligned    whether they are copied by words
    adjusted   instructions of a round that are there in some layers only: shifts of whole maps, and
               the way from the first inputs to the others
    """

    kernel: str
    first: int
    pairs: int
    rows: int
    saturated: int
    copied: int
    aligned: bool
    adjusted: int

    @property
    def blocks(self) -> int:
        """The rounds of its loop: neurons, or blocks of rows."""
        return self.rows if self._cfc else self.rows // BLOCK

    @property
    def _cfc(self) -> bool:
        return self.kernel.startswith("cfc")

    @property
    def _small(self) -> bool:
        return self.kernel.endswith("8")

    def executed(self) -> Counter[str]:
        """What happens in it."""
        round_, once = self._round(), self._once()
        found = Counter({kind: n * self.blocks for kind, n in round_.items()}) + once
        kept = len(self._vectors()) <= _KEPT
        found["loaded"] = self._loads() * (1 if kept else self.blocks)
        if self._cfc:
            alone = self.rows <= _ALONE
            found["alone" if alone else "mixed"] = self.rows if alone else -(-self.rows // 4)
        return self._named(found)

    def written(self) -> Counter[str]:
        """What is written: a round of its loop once, and on M55 again for neurons that are left."""
        found = self._round() + self._once()
        for kind in ("calls", "length"):  # as often as a round is written
            del found[kind]
        found["loaded"] = self._loads()
        if self._cfc and self.rows > 4 and self.rows % 4:
            found["again"] = 1
            found["again_vectors"], found["again_powers"] = found["vectors"], found["powers"]
        if self._cfc and self.rows <= _ALONE:
            found["alone"] = 1
        return self._named(found)

    def _round(self) -> Counter[str]:
        """A round of its loop: sums for a neuron or for four rows, and their results."""
        maps = 3 if self.kernel.startswith("cfc_fixed") else 4
        pairs = self.first + self.pairs
        found = {
            self.kernel: 1,
            "pairs": pairs,
            "products": maps * pairs,
            "threes": 0 if self._small or maps == 3 else -(-pairs // 3),
            "fours": -(-self.first // 2) - (-self.pairs // 2) if self._small else 0,
            "vectors": maps * len(self._vectors()),
            "powers": maps * (self.first > 0),
            "saturated": self.saturated,
            "adjusted": self.adjusted,
        }
        return +Counter(found)

    def _vectors(self) -> list[int]:
        """The pairs of inputs in each vector."""
        parts = (self.first, self.pairs)
        return [min(_VECTOR, pairs - i) for pairs in parts for i in range(0, pairs, _VECTOR)]

    def _loads(self) -> int:
        """The instructions that load each vector once; one that is not full takes a predicate."""
        return sum(1 if pairs == _VECTOR else 4 for pairs in self._vectors())

    def _once(self) -> Counter[str]:
        """What happens once in it."""
        found = {"calls": 1, "length": self.first + self.pairs, "copies": int(self.copied > 0)}
        if self.aligned:
            found["moves"] = self.copied // 8 + (self.copied % 8).bit_count()
        else:
            found["copied"] = self.copied
        return +Counter(found)

    def _named(self, found: Counter[str]) -> Counter[str]:
        group = "layer8" if self._small else "layer16"
        return Counter({f"{group}.{kind}": n for kind, n in found.items() if n})


def written_layers(macros: list[str]) -> Iterator[tuple[str, WrittenLayer]]:
    """Each layer of a run, and the name of its function in a profile.

    macros  of the run: a layer's lines are its label, its macro and, if there is one, its copy
    """
    at = [i for i, line in enumerate(macros) if line.endswith(":")]
    for begin, end in zip(at, [*at[1:], len(macros)], strict=True):
        kernel, rest = macros[begin + 1].split(" ", 1)
        kernel = kernel.removeprefix("EL_").lower()
        numbers = _numbers(rest)[2:]  # after both offsets
        small, cfc = kernel.endswith("8"), kernel.startswith("cfc")
        first, skip = numbers[:2] if small else (0, 0)
        pairs, rows, *others = numbers[2:] if small else numbers
        saturated = others[3].bit_count() if cfc else others[1] * BLOCK
        adjusted = sum(map(bool, [*others[4:], first and pairs and skip]))
        to, source, copied = _numbers(macros[end - 1]) if end - begin > 2 else (0, 0, 0)
        aligned = (to | source) % 4 == 0
        layer = WrittenLayer(
            kernel, first, pairs, rows, saturated, copied, aligned, adjusted=adjusted
        )
        yield macros[begin][:-1], layer


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"-?\b\d+\b", text)]
