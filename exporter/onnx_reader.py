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
        """The form as an affine one: products of a gate become a state of their own."""
        settled = self.settled(form)
        if settled.products:
            raise ElegansError(
                place,
                "multiplies vectors in a way that is neither f + t (g - f) nor f + t g",
                "use CfC's mode default or no_gate",
            )
        return settled.affine

    def affine_output(self, name: str) -> Affine:
        place = f"{self.path}, {name!r}"
        try:
            return self.affine(place, self.form(name))
        except ValueError as error:
            raise ElegansError(place, str(error), "export the model again") from None

    def settled(self, form: Form) -> Form:
        """The state that the form is, if it is a gate's; otherwise the form itself."""
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
        return Form.of(self._add(Gate(kind, f, g, t)))

    def is_gate(self, window: Window) -> bool:
        """Elapsed time, or a sigmoid: what a liquid cell multiplies by."""
        atom = self.atoms.get(window.vector)
        return window.vector == "dt" or (
            isinstance(atom, Activation) and atom.function == "sigmoid"
        )

    def activate(self, place: str, function: str, form: Form) -> Form:
        drive, rate = form.affine, None
        if set(form.products) == {Window("dt", 0, 1)}:
            rate = form.products[Window("dt", 0, 1)].widened(form.size)
            drive = drive.widened(form.size)
        elif form.products:
            drive = self.affine(place, form)
        return Form.of(self._add(Activation(function, drive, rate)))

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
