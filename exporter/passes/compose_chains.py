"""Chains of functions become one: `softplus(tanh(x))`, `exp(-x * x)`, `x * sigmoid(1.7 * x)`.

Each function that is computed by itself is rounded, and its result rounded again by the next one.
Where a vector is, element by element, one function of one argument, however many atoms it takes, it
can be one table (`atoms.activations.any_function`), which is within a unit of the exact result.
What is worth it is not decided here (`lowering.rewrites.chains`): this is only how it is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, proportion
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.expressions import MOST_NODES, Expression
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.passes.eliminate_dead import pruned

_ARGUMENT = re.compile(r"\bz\b")
_NOTHING = 1e-12  # relative, of a difference that only rounding leaves
_SAME = 1e-6  # relative, which allows for constants in float32


@dataclass(frozen=True)
class Chain:
    """A vector as a function of one argument, element by element.

    root   the argument [n]; None where the vector is one number
    text   the function, as an expression of z
    atoms  the names of the atoms that it is made of
    """

    root: Affine | None
    text: str
    atoms: frozenset[str] = frozenset()

    def pick(self, rows: np.ndarray) -> Chain:
        """The elements at these indices."""
        return self if self.root is None else replace(self, root=self.root.pick(rows))

    def scaled(self, factor: float) -> Chain:
        """A multiple of the vector."""
        return self if factor == 1.0 else replace(self, text=f"({factor!r} * {self.text})")


def found_chains(network: Network) -> dict[str, Chain]:
    """By name, the vectors of a network that more than one function of one argument computes."""
    sizes = {name: atom.size for name, atom in network.atoms.items()}
    sizes |= {"x": len(network.interface.inputs), "dt": 1}
    sizes["h"] = sum(window.size for window in network.h_next)
    finder = _Finder(network.atoms, sizes)
    for name in network.atoms:
        finder.add(name)
    functions = {n for n, a in network.atoms.items() if not isinstance(a, LinearMapActivation)}
    return {
        name: chain
        for name, chain in finder.known.items()
        if name in functions and chain.root is not None and len(chain.atoms & functions) > 1
    }


def composed(network: Network, chains: dict[str, Chain]) -> Network:
    """The network with these chains as single functions, and without what nothing reads then."""
    if not chains:
        return network
    atoms = dict(network.atoms)
    for name, chain in chains.items():
        assert chain.root is not None
        place = getattr(atoms[name], "place", "")
        atoms[name] = AnyFunctionActivation(chain.root, kind=chain.text, place=place)
    result = pruned(replace(network, atoms=atoms))
    return replace(result, atoms=_with_shared_maps(result.atoms))


def _with_shared_maps(atoms: dict[str, Atom]) -> dict[str, Atom]:
    """Arguments that are a vector of the network read it, instead of being computed again."""
    maps: dict[str, LinearMapActivation] = {}
    found: dict[str, Atom] = {}
    for name, atom in atoms.items():
        if isinstance(atom, LinearMapActivation):
            maps[name] = atom
        elif isinstance(atom, AnyFunctionActivation) and atom.drive.factor() is None:
            for vector, known in maps.items():
                line = _line(known.drive, atom.drive)
                if line is not None:
                    again = Affine.of(Window(vector, 0, known.size)).scaled(np.array([line[0]]))
                    drive = again.plus(Affine.constant(np.full(known.size, line[1])))
                    atom = replace(atom, drive=drive)
                    break
        found[name] = atom
    return found


def _line(one: Affine, other: Affine) -> tuple[float, float] | None:
    """(c, d) with `other = c one + d` in every row; None if there are none."""
    if one.size != other.size or one.terms.keys() != other.terms.keys():
        return None
    still = [replace(form, bias=np.zeros(form.size)) for form in (one, other)]
    c = _number(proportion(still[1], still[0]))
    if c is None or c == 0.0 or not still[1].close_to(still[0].scaled(np.array([c]))):
        return None
    scale = float(np.abs(other.bias).max(initial=0.0))
    d = _number(other.bias - c * one.bias, scale)
    return None if d is None else (c, d if abs(d) > _NOTHING * scale else 0.0)


def _number(values: Reals, scale: float = 0.0) -> float | None:
    """The number that all values are; None if they are not the same."""
    middle = float(values[0])
    near = np.abs(values - middle) <= _SAME * max(abs(middle), scale)
    return middle if np.all(near) else None


class _Finder:
    """The chains of the atoms so far, by name. What is no function of one argument is absent."""

    def __init__(self, atoms: dict[str, Atom], sizes: dict[str, int]) -> None:
        self.atoms = atoms
        self._sizes = sizes
        self.known: dict[str, Chain] = {}

    def add(self, name: str) -> None:
        """Find the chain of an atom whose vectors have been looked at."""
        atom = self.atoms[name]
        if atom.formula is None or atom.jumps:
            return
        parts: dict[str, Chain | None]
        if isinstance(atom, Gate):
            parts = {role: self._window(getattr(atom, role)) for role in atom.roles()}
        else:
            assert isinstance(atom, Activation)
            parts = {"z": self._argument(atom)}
        chain = self._joined(atom.formula, parts)
        if chain is not None and _is_short(chain.text):
            self.known[name] = replace(chain, atoms=chain.atoms | {name})

    def _argument(self, atom: Activation) -> Chain | None:
        drive = atom.drive
        if atom.rate is not None and atom.factor is None:
            drive = drive.plus(atom.rate)
        if atom.rate is None or atom.factor is None:
            return self._form(drive)
        parts = {
            "drive": self._form(drive),
            "rate": self._form(atom.rate),
            "factor": self._window(atom.factor),
        }
        if atom.factor.size != atom.size:
            return None
        return self._joined("(drive + rate * factor)", parts)

    def _window(self, window: Window) -> Chain:
        known = self.known.get(window.vector)
        if known is None:
            return Chain(Affine.of(window, self._sizes[window.vector]), "z")
        return known.pick(np.arange(window.lo, window.hi))

    def _form(self, form: Affine) -> Chain | None:
        """An affine form as a function of what its vectors are functions of, if that is one
        argument; else the form is the argument itself."""
        parts: dict[str, Chain | None] = {}
        rest = form
        for vector, matrix in form.terms.items():
            known = self.known.get(vector)
            if known is None or np.any(np.diff(matrix.indptr) != 1):
                continue
            factor = _number(matrix.data)
            if factor is not None:
                parts[f"v{len(parts)}"] = known.pick(matrix.indices).scaled(factor)
                rest = rest.without(vector)
        whole = Chain(form, "z") if form.terms else self._constant(form)
        if not parts:
            return whole
        left = Chain(rest, "z") if rest.terms else self._constant(rest)
        found = None
        if left is not None:
            names = [*parts, *(["rest"] if rest.terms or rest.bias[0] else [])]
            found = self._joined(f"({' + '.join(names)})", {**parts, "rest": left})
        return whole if found is None else found

    def _constant(self, form: Affine) -> Chain | None:
        number = _number(form.bias)
        return None if number is None else Chain(None, repr(number))

    def _joined(self, formula: str, parts: dict[str, Chain | None]) -> Chain | None:
        """A formula of parts that are all functions of one argument."""
        root: Affine | None = None
        texts: dict[str, str] = {}
        atoms: frozenset[str] = frozenset()
        for role, part in parts.items():
            if part is None:
                return None
            atoms |= part.atoms
            texts[role] = part.text
            if part.root is None:
                continue
            line = (1.0, 0.0) if root is None else _line(root, part.root)
            if line is None:
                return None
            root = part.root if root is None else root
            texts[role] = _ARGUMENT.sub(_of_line(*line), part.text)
        pattern = "|".join(rf"\b{role}\b" for role in texts)
        return Chain(root, re.sub(pattern, lambda found: texts[found[0]], formula), atoms)


def _is_short(text: str) -> bool:
    """Whether an expression has no more parts than one may have, and no number that is infinite."""
    try:
        return Expression(text).nodes <= MOST_NODES
    except ElegansError:
        return False


def _of_line(c: float, d: float) -> str:
    """c z + d as an expression."""
    scaled = "z" if c == 1.0 else f"{c!r} * z"
    return scaled if (c, d) == (1.0, 0.0) else f"({scaled} + {d!r})" if d else f"({scaled})"
