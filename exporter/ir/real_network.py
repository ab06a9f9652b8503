"""What an imported graph says, before any number format: neurons and what feeds them."""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.interface import Interface

DT = Window("dt", 0, 1)

# What an activation can be. `normal_cdf` is Phi, so that gelu(x) = x Phi(x); `exp` is
# exp(-rate dt), a decay; `fraction` is dt / tau, the share of an Euler step, in [0, 1].
FUNCTIONS = ("tanh", "sigmoid", "relu", "abs", "normal_cdf", "exp", "fraction", "identity")
# The functions whose result lies in [0, 1]: what a cell multiplies a vector by.
GATE_FUNCTIONS = ("sigmoid", "normal_cdf", "exp", "fraction")


@dataclass(frozen=True, eq=False)
class Activation:
    """`function(drive)`, or `function(drive + rate * factor)` where a rate is given.

    The factor is elapsed time (CfC) or a gate (GRU's reset).
    """

    function: str
    drive: Affine
    rate: Affine | None = None
    factor: Window | None = None

    @property
    def size(self) -> int:
        return self.drive.size

    def vectors(self) -> frozenset[str]:
        """The vectors that this is computed from."""
        rate = () if self.rate is None else (*self.rate.terms,)
        factor = () if self.factor is None else (self.factor.vector,)
        return frozenset((*self.drive.terms, *rate, *factor))


# What a gate is computed from, in the order of its op's inputs.
GATES: dict[str, tuple[str, ...]] = {
    "mix": ("f", "g", "t"),  # f + t (g - f): CfC, GRU, CTRNN
    "gated_sum": ("f", "g", "t"),  # f + t g: CfC without the complementary gate
    "product": ("u", "v"),  # u v: LSTM's output, silu, gelu
    "lstm_cell": ("f", "c", "i", "g"),  # f c + i g
    # (C v + dt I) / (C + dt G): one unfold of LTC's fused solver
    "fused_step": ("v", "current", "conductance", "dt"),
    "quotient": ("numerator", "denominator"),  # the same with a fixed sample period
}


@dataclass(frozen=True)
class Gate:
    """Vectors multiplied element by element; `GATES` says what the parts of a kind are.

    A `fused_step` has the neurons' capacities C (times the number of unfolds) as constants.
    """

    kind: str
    parts: tuple[Window, ...]
    constants: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        return self.parts[0].size

    def vectors(self) -> frozenset[str]:
        """The vectors that this is computed from."""
        return frozenset(w.vector for w in self.parts)


Atom = Activation | Gate


@dataclass(frozen=True)
class Network:
    """A step of real numbers: named atoms in the order of their computation.

    Affine forms and windows refer to atoms by name, and to the given vectors `x`, `h`
    and `dt`.
    """

    interface: Interface
    atoms: dict[str, Atom]
    y: Affine
    h_next: tuple[Window, ...]

    @property
    def timed(self) -> bool:
        """Whether elapsed time is read anywhere, as a factor or as one more input."""
        return "dt" in self.y.terms or any("dt" in a.vectors() for a in self.atoms.values())
