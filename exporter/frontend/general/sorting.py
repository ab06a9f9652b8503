"""The k greatest or least elements and their places, in order: `TopK`, of which a sort is one.

Values go through Batcher's network of exchanges (Knuth, The Art of Computer Programming, vol. 3,
algorithm 5.2.2M), whose maxima and minima are exact and stay in the range of what is sorted. The
place of an element is the number of those before it, which comparisons of all pairs count: of
equal ones the first comes first, as in ONNX.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.general.choices import above, extremum
from elegans.exporter.frontend.general.reductions import groups
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.numbers.fixed import Integers

_MOST_PAIRS = 4096  # that one node compares: 91 elements
_Exchanges = list[tuple[int, int]]


def top(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """The values and the places of the first k in order."""
    count = reader.constants.get(node.input[1])
    if count is None or count.size != 1:
        fact = "takes a number of elements that the step computes"
        raise ElegansError(place, fact, "take a constant number of them")
    z, shape = reader.affine(place, node.input[0])
    k, axis = int(count.reshape(-1)[0]), int(given.get("axis", -1)) % len(shape)
    n = shape[axis]
    rows = groups(place, shape, (axis,))
    pairs = len(rows) * n * (n - 1) // 2
    if not 0 < k <= n:
        raise ElegansError(place, f"takes {k} of {n} elements", "correct the number")
    if pairs > _MOST_PAIRS:
        fact = f"sorts {n} elements, which takes {pairs:,} comparisons of {_MOST_PAIRS:,} at most"
        remedy = "give all of them, or the greatest one by ArgMax or TopK of 1"
        raise ElegansError(place, fact, remedy)
    sign = 1 if given.get("largest", 1) else -1
    whole = reader.atoms.of(reader.atoms.map(z)).pick(rows.reshape(-1))
    made = (_values(reader, whole, n, k, sign), _places(reader, whole, n, k, sign))
    if len(node.output) > 1:
        reader.whole.add(node.output[1])
    left = (*(size for i, size in enumerate(shape) if i != axis), k)
    order = np.moveaxis(np.arange(len(rows) * k).reshape(left), -1, axis)
    outputs = [ShapedForm(Form(part.pick(order.reshape(-1)), {}), order.shape) for part in made]
    return outputs[: len(node.output)]


def _values(reader: Reader, z: Affine, n: int, k: int, sign: int) -> Affine:
    """[groups * k]: the first k of each group of n elements."""
    starts = np.arange(0, z.size, n)[:, None]
    for layer in _needed(list(_network(n)), k):
        first, second = ((starts + at).reshape(-1) for at in np.array(layer, np.int64).T)
        before, after = z.pick(first), z.pick(second)
        parts = [z, *(extremum(reader, before, after, side) for side in (sign, -sign))]
        order = np.arange(z.size)
        order[first] = z.size + np.arange(len(first))
        order[second] = z.size + len(first) + np.arange(len(first))
        z = Affine.joined(parts).pick(order)
    return z.pick((starts + np.arange(k)).reshape(-1))


def _network(n: int) -> Iterator[_Exchanges]:
    """Exchanges that sort n elements, in layers of pairs that have no element in common."""
    top = 1 << max(math.ceil(math.log2(n)) - 1, 0)
    p = top
    while p and n > 1:
        q, r, d = top, 0, p
        while d:
            yield [(i, i + d) for i in range(n - d) if i & p == r]
            d, q, r = q - p, q >> 1, p
        p >>= 1


def _needed(layers: list[_Exchanges], k: int) -> list[_Exchanges]:
    """The same without exchanges that the first k elements do not depend on."""
    read, kept = set(range(k)), []
    for layer in reversed(layers):
        pairs = [pair for pair in layer if read & {*pair}]
        read |= {i for pair in pairs for i in pair}
        kept.append(pairs)
    return [pairs for pairs in reversed(kept) if pairs]


def _places(reader: Reader, z: Affine, n: int, k: int, sign: int) -> Affine:
    """[groups * k]: the places of the first k in each group of n elements."""
    count = z.size // n
    first, second = np.triu_indices(n, 1)
    starts = np.arange(0, z.size, n)[:, None]
    before, after = (z.pick((starts + i).reshape(-1)) for i in (first, second))
    overtakes = above(
        reader, after.plus(before.scaled(np.array([-1.0]))).scaled(np.array([float(sign)]))
    )
    each = np.arange(len(first))
    moves = sparse.csr_array(
        (np.repeat([1.0, -1.0], len(first)), (np.r_[first, second], np.r_[each, each])),
        (n, len(first)),
    )
    rank = overtakes.times(sparse.kron(sparse.eye_array(count), moves, "csr"))
    rank = rank.plus(Affine.constant(np.tile(np.arange(n, dtype=np.float64), count)))
    wide: Integers = np.repeat(np.arange(z.size).reshape(count, n), k, axis=0).reshape(-1)
    asked = np.tile(np.repeat(np.arange(k, dtype=np.float64), n), count)
    found = above(reader, rank.pick(wide).plus(Affine.constant(-asked)), "equal")
    summed = sparse.kron(sparse.eye_array(count * k), np.arange(n)[None].astype(float), "csr")
    return found.times(summed)
