"""The values of an ONNX graph while it is read: constants as arrays, all others as forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from elegans.exporter import onnx_file
from elegans.exporter.algebra import Affine, Form
from elegans.exporter.errors import ElegansError
from elegans.exporter.fixed import Reals
from elegans.exporter.model import Window
from elegans.exporter.network import Activation, Atom, Gate

_LARGEST_CONSTANT = 1 << 26

_FOLDABLE = frozenset(
    (
        *("Constant", "Add", "Sub", "Mul", "Div", "Neg", "Abs", "Exp", "Softplus", "Transpose"),
        *("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast", "Concat", "Slice"),
    )
)


class Reader:
    """The values of the graph so far: constants as arrays, all others as forms."""

    def __init__(
        self,
        path: Path,
        constants: dict[str, Reals],
        shapes: dict[str, list[int | None]],
        sizes: dict[str, int],
        dt: float | None,
    ) -> None:
        self.path = path
        self.atoms: dict[str, Atom] = {}
        self._maps: dict[int, Window] = {}
        self._kept: list[Affine] = []
        self.constants = constants
        self.shapes = shapes
        self.forms: dict[str, Form] = {
            name: Form.of(Window(name, 0, sizes[name]))
            for name in ("x", "h", "dt")
            if name in sizes
        }
        if dt is not None and "dt" in self.forms:
            self.forms["dt"] = Form.constant(np.array([dt]))

    def fold(self, place: str, node: onnx.NodeProto) -> bool:
        """Evaluate a node of constants alone, once and for all; False if it is not one."""
        if not all(name in self.constants for name in node.input if name):
            return False
        inputs = {name: self.constants[name] for name in node.input if name}
        if node.op_type not in _FOLDABLE or _result_size(inputs) > _LARGEST_CONSTANT:
            raise ElegansError(place, "cannot be folded", "fold the constants before exporting")
        try:
            results = ReferenceEvaluator(node).run(None, inputs)
        except Exception as error:
            raise ElegansError(place, f"cannot be folded ({error})", "export it again") from None
        for name, value in zip(node.output, results, strict=True):
            self.constants[name] = onnx_file.finite(np.asarray(value), place)
        return True

    def form(self, name: str) -> Form:
        """The form of a value. Raises ValueError for a constant that is no row vector."""
        if name not in self.constants:
            return self.forms[name]
        value = self.constants[name]
        if value.ndim and value.size != value.shape[-1]:
            raise ValueError(f"{name!r} of shape {list(value.shape)} is no row vector")
        return Form.constant(value.reshape(-1))

    def integers(self, place: str, node: onnx.NodeProto, i: int) -> list[int] | None:
        """Input i of a node, as constant integers; None where it is absent."""
        if i >= len(node.input) or not node.input[i]:
            return None
        if node.input[i] not in self.constants:
            raise ElegansError(
                place, f"input {node.input[i]!r} is not constant", "export with fixed shapes"
            )
        return [int(v) for v in np.atleast_1d(self.constants[node.input[i]])]

    def matrix(self, place: str, name: str) -> Reals:
        """A constant matrix. Raises ValueError for a constant of another rank."""
        matrix = self.constants.get(name)
        if matrix is None:
            raise ElegansError(
                place,
                f"multiplies by {name!r}, which is not constant",
                "elegans needs fixed weights",
            )
        if matrix.ndim != 2:
            raise ValueError(f"{name!r} of shape {list(matrix.shape)} is no matrix")
        return matrix

    def affine(self, place: str, form: Form) -> Affine:
        """The form as an affine one: products become a vector of their own."""
        settled = self.settled(form)
        if settled.products:
            window = self._products(settled)
            if window is None:
                raise ElegansError(
                    place,
                    "multiplies vectors as no cell does",
                    "write a cell with f + t (g - f), f + t g, u v or f c + i g",
                )
            return Affine.of(window)
        return settled.affine

    def affine_output(self, name: str) -> Affine:
        place = f"{self.path}, {name!r}"
        try:
            return self.affine(place, self.form(name))
        except ValueError as error:
            raise ElegansError(place, str(error), "export the model again") from None

    def settled(self, form: Form) -> Form:
        """The blended state that the form is, if it is one; otherwise the form itself."""
        if len(form.products) != 1:
            return form
        ((t, factor),) = form.products.items()
        f, g = form.affine.window(), factor.window()
        kind = "gated_sum"
        if g is None and f is not None:
            g, kind = factor.plus(Affine.of(f)).window(), "mix"
        if f is None or g is None or t.vector == "dt" or not self.is_gate(t):
            return form
        if not f.size == g.size == t.size:  # the kernels do not broadcast
            return form
        return Form.of(self._add(Gate(kind, (f, g, t))))

    def _products(self, form: Form) -> Window | None:
        """`u v` or `f c + i g` with gates u, f and i, as a vector of its own."""
        if form.affine.terms or np.any(form.affine.bias):
            return None
        pairs = list(form.products.items())
        if not all(self.is_gate(u) and u.vector != "dt" for u, _ in pairs):
            return None
        if any(u.size != p.size for u, p in pairs) or len(pairs) > 2:
            return None
        if len(pairs) == 1:
            ((u, p),) = pairs
            return self._add(Gate("product", (u, p.window() or self._map(p))))
        # The cell before is read from the state; what enters it was computed in this step.
        pairs.sort(key=lambda pair: (w := pair[1].window()) is None or w.vector != "h")
        (f, c), (i, g) = ((u, p.window()) for u, p in pairs)
        return None if c is None or g is None else self._add(Gate("lstm_cell", (f, c, i, g)))

    def _map(self, affine: Affine) -> Window:
        """An affine form as a vector; one that several read is computed once."""
        known = self._maps.get(id(affine))
        if known is None:
            known = self._maps[id(affine)] = self._add(Activation("identity", affine))
            self._kept.append(affine)  # its id stays its own
        return known

    def is_gate(self, window: Window) -> bool:
        """Elapsed time, or a sigmoid: what a liquid cell multiplies by."""
        atom = self.atoms.get(window.vector)
        return window.vector == "dt" or (
            isinstance(atom, Activation) and atom.function == "sigmoid"
        )

    def activate(self, place: str, function: str, form: Form) -> Form:
        settled = self.settled(form)
        if len(settled.products) == 1 and settled.affine.terms:
            ((factor, rate),) = settled.products.items()
            size = settled.size
            drive, rate = settled.affine.widened(size), rate.widened(size)
            if factor.size in (1, size) and self.is_gate(factor):
                return Form.of(self._add(Activation(function, drive, rate, factor)))
        if set(settled.products) == {Window("dt", 0, 1)}:
            rate = settled.products[Window("dt", 0, 1)]
            drive = settled.affine.widened(rate.size)
            return Form.of(self._add(Activation(function, drive, rate, Window("dt", 0, 1))))
        return Form.of(self._add(Activation(function, self.affine(place, settled))))

    def _add(self, atom: Atom) -> Window:
        for name, known in self.atoms.items():
            if isinstance(atom, Gate) and known == atom:
                return Window(name, 0, atom.size)
        name = f"a{len(self.atoms)}"
        self.atoms[name] = atom
        return Window(name, 0, atom.size)


def _result_size(inputs: dict[str, Reals]) -> int:
    """An upper bound for the size of anything foldable: that of the broadcast inputs."""
    rank = max((a.ndim for a in inputs.values()), default=0)
    dims = np.ones(rank)
    for a in inputs.values():
        dims[rank - a.ndim :] = np.maximum(dims[rank - a.ndim :], a.shape)
    return int(np.prod(dims)) * max(1, len(inputs))
