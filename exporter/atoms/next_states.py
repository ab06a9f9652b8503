"""Next states that an affine form makes: what of them is old states, carried on in 32 bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from elegans.exporter.atoms.activations.fraction import FractionActivation
from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.relu import clipped
from elegans.exporter.atoms.activations.soft_relu import unfolded
from elegans.exporter.atoms.gates.advance import AdvanceGate
from elegans.exporter.atoms.gates.keep import KeepGate
from elegans.exporter.atoms.gates.phase import PhaseGate
from elegans.exporter.atoms.gates.product import ProductGate
from elegans.exporter.atoms.gates.remember import RememberGate
from elegans.exporter.atoms.gates.turn import TurnGate
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Gate
from elegans.exporter.ir.builder import AtomTable
from elegans.exporter.ir.fixed_model import Window

_MINUS = np.array([-1.0])
_MOST_CHANGED = 0.125
"""Of its old value that a state may lose at once, so that the change has digits to spare."""
_LARGEST_MEMORY = 128  # states; a larger matrix would take more flash than all else


@dataclass(frozen=True)
class _Part:
    """What row i of next states has of the old one `state + i`: element `at + i` of a product's
    vector, or a constant multiple if that is None."""

    product: str | None
    at: int
    state: int


@dataclass(frozen=True)
class _Row:
    """What the rows of one piece share: how they have old states, and the vectors they read.

    parts   as factors or, if these are few, as constants
    near    whether a row is its own old state and a little more
    memory  whether it is a sum of many old states of its piece
    gate    that carries the old state on, and is added to
    """

    parts: tuple[_Part, ...]
    near: bool
    memory: bool
    reads: frozenset[str]
    gate: str | None = None

    @property
    def carries(self) -> bool:
        """Whether the rows carry old states on."""
        return bool(self.parts) or self.near or self.memory or self.gate is not None

    def from_row(self, lo: int) -> _Row:
        """The same, with rows counted from row lo on."""
        moved = (replace(part, at=part.at + lo, state=part.state + lo) for part in self.parts)
        return replace(self, parts=tuple(moved))


def advanced(atoms: AtomTable, affine: Affine, start: int) -> tuple[Window, ...]:
    """The states from `start` on, made by an affine form, piece by piece."""
    carried = _carried_on(atoms, affine, start)
    if carried is not None:
        return (carried,)
    rows = [_row(atoms, affine, i, start) for i in range(affine.size)]
    pieces = [
        (affine.pick(np.arange(lo, hi)), start + lo, rows[lo].from_row(lo))
        for lo, hi in _runs(rows)
    ]
    if not any(row.carries or p.window() or clipped(atoms.found, p) for p, _, row in pieces):
        return (atoms.map(affine),)  # one map is faster than several
    return tuple(_piece(atoms, *piece) for piece in pieces)


def _carried_on(atoms: AtomTable, affine: Affine, start: int) -> Window | None:
    """States that a gate carries on, and a change that is added to what it makes."""
    old = Window("h", start, start + affine.size)
    for vector, matrix in affine.terms.items():
        gate = atoms.found.get(vector)
        carries = isinstance(gate, Gate) and old in (getattr(gate, r) for r in gate.carriers)
        if carries and matrix.shape[1] == affine.size and np.all(matrix.diagonal() == 1.0):
            whole = Window(vector, 0, affine.size)
            change = affine.plus(atoms.of(whole).scaled(_MINUS))
            return atoms.add(AdvanceGate(whole, atoms.map(change))) if change.terms else None
    return None


def kept(atoms: AtomTable, window: Window, start: int) -> Window:
    """A next state that is a product of its old one, or of what is carried on from it, as a state
    that keeps a part of itself; any other as it is."""
    gate = atoms.found.get(window.vector)
    old = Window("h", start, start + window.size)
    if isinstance(gate, FractionActivation):
        return _phase(atoms, gate, window, old)
    whole = isinstance(gate, (ProductGate, VectorProductGate)) and window.size == gate.size
    if not isinstance(gate, (ProductGate, VectorProductGate)) or not whole:
        return window
    for h, u in (gate.parts, gate.parts[::-1]):
        if _leads_to(atoms, h, old) and not _leads_to(atoms, u, old):
            nothing = atoms.map(Affine.constant(np.zeros(window.size)))
            return atoms.add(KeepGate(h, nothing, u))
        drive = getattr(atoms.found.get(h.vector), "drive", None) if h.size == gate.size else None
        if isinstance(atoms.found.get(h.vector), LinearMapActivation) and drive is not None:
            rest = drive.plus(atoms.of(old).scaled(_MINUS))
            if "h" in drive.terms and "h" not in rest.terms:  # u (h + c) is u h + u c
                incoming = VectorProductGate.of(atoms, atoms.of(u), rest)
                return atoms.add(KeepGate(old, atoms.map(incoming), u))
    return window


def _phase(atoms: AtomTable, fraction: FractionActivation, window: Window, old: Window) -> Window:
    """The fraction of the old state and a change that reads no states, as a phase of 32 bits."""
    if window.size != fraction.size or fraction.drive.window() is None:
        return window
    drive = unfolded(atoms, fraction.drive)
    change = drive.plus(atoms.of(old).scaled(_MINUS))
    if "h" not in drive.terms or "h" in change.terms or not change.terms:
        return window
    return atoms.add(PhaseGate(old, atoms.map(change)))


def _leads_to(atoms: AtomTable, window: Window, old: Window) -> bool:
    """Whether a window is the old state, or a whole gate that carries it on."""
    if window == old:
        return True
    gate = atoms.found.get(window.vector)
    if not isinstance(gate, Gate) or window.size != gate.size:
        return False
    return any(_leads_to(atoms, getattr(gate, role), old) for role in gate.carriers)


def _runs(rows: Sequence[_Row]) -> Iterator[tuple[int, int]]:
    at = 0
    for _, group in groupby(rows):
        size = len(list(group))
        yield at, at + size
        at += size


def _row(atoms: AtomTable, affine: Affine, i: int, start: int) -> _Row:
    linear: dict[int, float] = {}
    products: list[_Part] = []
    for vector, matrix in affine.terms.items():
        columns = matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]
        values = matrix.data[matrix.indptr[i] : matrix.indptr[i + 1]]
        if vector == "h":
            linear = dict(zip((int(c) - start - i for c in columns), values, strict=True))
            continue
        gate = atoms.found.get(vector)
        if isinstance(gate, (ProductGate, VectorProductGate)):
            for column in map(int, columns):
                products += _of_product(vector, gate, column, i)
    reads = frozenset(v for v, m in affine.terms.items() if m.indptr[i] < m.indptr[i + 1])
    own = [part for part in products if part.state == start]
    if own:
        others = [part for part in products if part.state != start]
        return _Row((own[0], *others[:1]), False, False, reads)
    change = sum(abs(value) for value in linear.values()) - abs(linear.get(0, 0.0))
    change += abs(linear.get(0, 0.0) - 1.0)
    near = 0 in linear and change <= _MOST_CHANGED
    if near or 0 not in linear:
        carrying = None if near else _carrying(atoms, affine, i, start)
        return _Row((), near, False, reads, carrying)
    if len(linear) <= 2:
        offsets = sorted(linear, key=abs)
        return _Row(tuple(_Part(None, 0, start + at) for at in offsets), False, False, reads)
    return _Row((), False, True, reads)


def _carrying(atoms: AtomTable, affine: Affine, i: int, start: int) -> str | None:
    """The gate that carries the old state of row i on, and whose element row i adds to."""
    for vector, matrix in affine.terms.items():
        gate = atoms.found.get(vector)
        columns = matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]
        if isinstance(gate, Gate) and len(columns) == 1 and start + i >= columns[0]:
            old = Window("h", start + i - int(columns[0]), start + i - int(columns[0]) + gate.size)
            if old in (getattr(gate, role) for role in gate.carriers):
                return vector
    return None


def _of_product(
    name: str, gate: ProductGate | VectorProductGate, column: int, i: int
) -> Iterator[_Part]:
    """A product of a state and anything else than states."""
    for h, u in (gate.parts, gate.parts[::-1]):
        if h.vector == "h" and u.vector != "h":
            yield _Part(name, column - i, h.lo + column - i)


def _piece(atoms: AtomTable, part: Affine, start: int, row: _Row) -> Window:
    size = part.size
    own = Window("h", start, start + size)
    found = clipped(atoms.found, part)
    if found is not None and found[1][0] <= 0.0 <= found[1][1]:  # 0 is where a state begins
        return _held(atoms, part, own, *found)
    if row.near:
        change = part.plus(atoms.of(own).scaled(_MINUS))
        return atoms.add(AdvanceGate(own, atoms.map(change))) if change.terms else own
    if row.memory and 1 < size <= _LARGEST_MEMORY:
        return _memory(atoms, part, own)
    if not row.parts:
        carried = None if row.gate is None else _carried_on(atoms, part, start)
        return atoms.map(part) if carried is None else carried
    factors = [_factor(atoms, part, p) for p in row.parts]
    rest = part
    for _, _, taken in factors:
        rest = rest.plus(taken.scaled(_MINUS))
    c = atoms.map(rest)
    (h, u, _), *others = factors
    if not others:
        return atoms.add(KeepGate(h, c, u))
    g, v, _ = others[0]
    return atoms.add(TurnGate(h, c, u, g, v))


def _held(
    atoms: AtomTable, part: Affine, own: Window, z: Affine, ends: tuple[float, float]
) -> Window:
    """A clipped state: its old value and a change, held between the ends, in 32 bits."""
    made = advanced(atoms, z, own.lo) if z.window() is None else ()
    gate = atoms.found.get(made[0].vector) if len(made) == 1 else None
    if not isinstance(gate, AdvanceGate) or gate.h != own:
        return atoms.map(part)
    return atoms.add(replace(gate, ends=ends))


def _memory(atoms: AtomTable, part: Affine, own: Window) -> Window:
    matrix = part.terms["h"][:, own.lo : own.hi].toarray()
    remembered = atoms.of(own).times(matrix)
    c = atoms.map(part.plus(remembered.scaled(_MINUS)))
    return atoms.add(RememberGate(own, c, tuple(tuple(map(float, row)) for row in matrix)))


def _factor(atoms: AtomTable, form: Affine, part: _Part) -> tuple[Window, Window, Affine]:
    """(h, u, u h): a state, its factor as a vector, and both as the form has them, a constant
    multiple of the state included."""
    rows = np.arange(form.size)
    h = Window("h", part.state, part.state + form.size)
    states = form.terms.get("h")
    constant = np.zeros(form.size)
    if states is not None:
        constant = np.asarray(states[rows, rows + part.state]).reshape(-1)
    factor, taken = Affine.constant(constant), atoms.of(h).scaled(constant)
    if part.product is not None:
        gate = atoms.found[part.product]
        assert isinstance(gate, (ProductGate, VectorProductGate))
        (u,) = (w for w in gate.parts if w.vector != "h")
        each = np.asarray(form.terms[part.product][rows, rows + part.at]).reshape(-1)
        element = Window(part.product, part.at, part.at + form.size)
        taken = taken.plus(atoms.of(element).scaled(each))
        factor = factor.plus(
            atoms.of(Window(u.vector, u.lo + part.at, u.lo + part.at + form.size)).scaled(each)
        )
    return h, atoms.map(factor), taken
