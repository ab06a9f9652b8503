"""relu(z) = max(z, 0): the backbones of CfC, and heads in front of a cell."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared.rectified import RectifiedActivation
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops import Op
from elegans.exporter.ops.convolution import Convolve
from elegans.exporter.ops.depthwise import Depthwise
from elegans.exporter.ops.relu import Relu

_SAME = 1e-6  # relative, between ends of one number in float32


@dataclass(frozen=True, eq=False)
class ReluActivation(RectifiedActivation):
    """max(z, 0)."""

    operator: ClassVar[str | None] = "Relu"
    effort: ClassVar[int] = 7
    reason: ClassVar[str] = "relu"

    @property
    def formula(self) -> str:
        return "relu(z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        return np.maximum(z, 0.0)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        return np.maximum(lo, 0.0), np.maximum(hi, 0.0)

    @staticmethod
    def op() -> Op:
        return Relu()

    def within(self, op: Op) -> Op | None:
        return replace(op, least=0) if isinstance(op, Convolve | Depthwise) else None


def clipped(atoms: dict[str, Atom], form: Affine) -> tuple[Affine, tuple[float, float]] | None:
    """z and the ends that a form clips it to: lo + relu(z - lo) - relu(z - hi), or without hi.

    None for any other form.
    """
    arguments: dict[float, Affine] = {}
    for vector, matrix in form.terms.items():
        atom = atoms.get(vector)
        if not isinstance(atom, ReluActivation) or np.any(np.diff(matrix.indptr) != 1):
            return None
        if np.any(matrix.data != matrix.data[0]) or matrix.data[0] in arguments:
            return None
        arguments[float(matrix.data[0])] = atom.drive.pick(matrix.indices)
    lo, hi = float(form.bias[0]), math.inf
    if 1.0 not in arguments or not arguments.keys() <= {1.0, -1.0} or np.any(form.bias != lo):
        return None
    z = arguments[1.0].plus(Affine.constant(form.bias))
    if -1.0 in arguments:
        beyond = z.plus(arguments[-1.0].scaled(np.array([-1.0])))
        hi = float(beyond.bias[0])
        if beyond.terms or np.any(np.abs(beyond.bias - hi) > _SAME * max(abs(hi), 1.0)):
            return None
    return z, (lo, hi)


ACTIVATION = ReluActivation
