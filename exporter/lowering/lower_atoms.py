"""One atom to fixed-point steps: each function and each gate in its own formats."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import DT, Activation, Atom, Gate
from elegans.exporter.lowering.bounds import window_span
from elegans.exporter.lowering.builder import Lowering
from elegans.exporter.lowering.formats import (
    ACTIVATIONS,
    FIXED_GATES,
    GATE_FRAC,
    gate_frac,
    hull_ends,
)
from elegans.exporter.lowering.vector_names import Layer
from elegans.exporter.numbers.fixed import Integers, RangeError, q_name, quantise
from elegans.exporter.ops import Op
from elegans.exporter.ops.absolute import Absolute
from elegans.exporter.ops.decay import Decay
from elegans.exporter.ops.fused_step import FusedStep
from elegans.exporter.ops.gated_drive import GatedDrive
from elegans.exporter.ops.gated_sum import GatedSum
from elegans.exporter.ops.lstm_cell import LstmCell
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.product import Product
from elegans.exporter.ops.quotient import Quotient
from elegans.exporter.ops.relu import Relu
from elegans.exporter.ops.time_gate import TimeGate

_LOG2_E = math.log2(math.e)
_ONE_FRAC = 14  # of a constant 1.0
_CAPACITY_BITS = 30


def lower_atom(to: Lowering, name: str, atom: Atom) -> None:
    """Add the steps of one atom; its vector is then known under its layer's name."""
    layer = to.layers[name]
    to.names[name] = layer.name
    if isinstance(atom, Gate):
        _GATES[atom.kind](to, name, atom, layer)
    elif atom.function in ACTIVATIONS:
        _tabled(to, atom, layer)
    elif atom.function == "exp":
        _decay(to, atom, layer)
    elif atom.function in ("relu", "abs"):
        _folded(to, atom, layer)
    elif atom.function == "fraction":
        to.linear(layer.name, layer.group, atom.drive, np.full(atom.size, GATE_FRAC))
    else:
        frac = to.wanted.get(name)
        to.linear(
            layer.name, layer.group, atom.drive, to.even(atom.drive) if frac is None else frac
        )


def _tabled(to: Lowering, atom: Activation, layer: Layer) -> None:
    """tanh, sigmoid and Phi: tables of one format."""
    op, z_frac, out_frac, gain = ACTIVATIONS[atom.function]
    name = f"{layer.name}_sum"
    frac = np.full(atom.size, z_frac)
    drive = atom.drive.scaled(np.array([gain]))
    window = drive.window()
    if atom.rate is not None and atom.factor is not None:
        rate = atom.rate.scaled(np.array([gain]))
        z = to.timed(name, layer.group, drive, rate, z_frac) if atom.factor == DT else None
        z = z or _gated(to, name, layer, drive, rate, atom.factor, z_frac)
    elif window is not None:
        z = to.rescaled(name, layer.group, to.renamed(window), frac)
    else:
        z = to.linear(name, layer.group, drive, frac, tabled=True)
    to.step(layer.name, layer.group, op, ((z,),), np.full(atom.size, out_frac))


def _folded(to: Lowering, atom: Activation, layer: Layer) -> None:
    """relu and |x|: at the scale of their argument."""
    op: Op = Relu() if atom.function == "relu" else Absolute()
    window = atom.drive.window()
    if window is not None:
        z = to.renamed(window)
    else:
        z = to.linear(f"{layer.name}_sum", layer.group, atom.drive, to.even(atom.drive))
    to.step(layer.name, layer.group, op, ((z,),), to.fracs(z))


def _decay(to: Lowering, atom: Activation, layer: Layer) -> None:
    """exp(-rate dt) = 2^-(rate log2(e) dt)."""
    assert atom.rate is not None
    if atom.factor is None:
        dt = to.linear(
            f"{layer.name}_one", layer.group, Affine.constant(np.ones(1)), np.full(1, _ONE_FRAC)
        )
    else:
        dt = to.renamed(atom.factor)
    dt_frac = int(to.fracs(dt)[0])
    rate = atom.rate.scaled(np.array([_LOG2_E]))
    frac = min(int(to.even(rate)[0]), 45 - dt_frac)
    shift = frac + dt_frac - 15
    if shift < 0:
        raise ElegansError(
            layer.name,
            "decays over more than 2^15 halvings in one step",
            "declare a shorter --dt-range, or train with longer time constants",
        )
    a = to.linear(f"{layer.name}_rate", layer.group, rate, np.full(rate.size, frac))
    to.step(layer.name, layer.group, Decay(shift), ((a,), (dt,)), np.full(rate.size, GATE_FRAC))


def _gated(
    to: Lowering,
    name: str,
    layer: Layer,
    drive: Affine,
    rate: Affine,
    factor: Window,
    z_frac: int,
) -> Window:
    """`rate * factor + drive`, with the rate as fine as the int32 sum allows.

    The drive is never finer than the product, to whose scale it is brought.
    """
    u = to.renamed(factor)
    u_frac = int(to.fracs(u)[0])
    finest_a, finest_b = int(to.widest(rate).min()), int(to.widest(drive).min())
    before = len(to.steps)
    for a_frac in range(finest_a, z_frac - u_frac - 1, -1):
        product_frac = a_frac + u_frac
        b_frac = min(finest_b, product_frac)
        align, shift = product_frac - b_frac, product_frac - z_frac
        if align > 15 or shift > 30:
            continue
        b = to.linear(f"{layer.name}_b", layer.group, drive, np.full(drive.size, b_frac))
        a = to.linear(f"{layer.name}_a", layer.group, rate, np.full(rate.size, a_frac))
        op: Op = TimeGate(align, shift) if factor == DT else GatedDrive(align, shift)
        args = ((a,), (b,), (u,))
        try:
            op.range(*(to.interval(w) for (w,) in args))
        except RangeError:
            del to.steps[before:]
            continue
        return to.step(name, layer.group, op, args, np.full(b.size, z_frac))
    lo, hi = to.network.interface.dt.range or (0.0, 0.0)
    raise ElegansError(
        f"{layer.name}, the time gate",
        f"no format holds its product with dt in {lo:g}:{hi:g}",
        "declare a narrower --dt-range, or another unit of time",
    )


def _parts(to: Lowering, gate: Gate, layer: Layer, wanted: tuple[int, ...]) -> list[Window]:
    """The parts of a gate. Raises ElegansError unless they have the formats it takes."""
    parts = [to.renamed(w) for w in gate.parts]
    for part, frac in zip(parts, wanted, strict=True):
        if set(to.fracs(part).tolist()) != {frac}:
            raise ElegansError(
                f"{layer.name} ({gate.kind})",
                f"takes {part.vector!r}, which is not in {q_name(frac)}",
                "use the cell's own tanh and sigmoid heads",
            )
    return parts


def _mix(to: Lowering, name: str, gate: Gate, layer: Layer) -> None:
    out = np.full(gate.size, gate_frac(gate, to.spans, to.spans[name]))
    f, g, t = (to.renamed(w) for w in gate.parts)
    f = to.rescaled(f"{layer.name}_f", layer.group, f, out)
    g = to.rescaled(f"{layer.name}_g", layer.group, g, out)
    to.step(layer.name, layer.group, Mix(), ((f,), (g,), (t,)), out)


def _fixed(op: Op) -> Callable[[Lowering, str, Gate, Layer], None]:
    def lower(to: Lowering, name: str, gate: Gate, layer: Layer) -> None:
        wanted, frac = FIXED_GATES[gate.kind]
        parts = _parts(to, gate, layer, wanted)
        args = tuple((part,) for part in parts)
        to.step(layer.name, layer.group, op, args, np.full(gate.size, frac))

    return lower


def _product(to: Lowering, name: str, gate: Gate, layer: Layer) -> None:
    """u v; where v is damped, as in CfC's pure mode, the result has a finer scale than v."""
    u, v = (to.renamed(w) for w in gate.parts)
    v = to.rescaled(f"{layer.name}_v", layer.group, v, np.full(v.size, to.fracs(v).min()))
    v_frac = int(to.fracs(v)[0])
    frac = min(max(gate_frac(gate, to.spans, to.spans[name]), v_frac), v_frac + GATE_FRAC)
    op = Product(v_frac + GATE_FRAC - frac)
    to.step(layer.name, layer.group, op, ((u,), (v,)), np.full(gate.size, frac))


def _fused_step(to: Lowering, name: str, gate: Gate, layer: Layer) -> None:
    """(C v + dt I) / (C + dt G), with C at the scale of dt G, 2^lift coarser where need be."""
    v, current, conductance, dt = (to.renamed(w) for w in gate.parts)
    frac = gate_frac(gate, to.spans, to.spans[name])
    v = to.rescaled(f"{layer.name}_v", layer.group, v, np.full(v.size, _in_range(layer, frac)))
    scale = to.fracs(conductance) + int(to.fracs(dt)[0])
    exact = np.ldexp(np.array(gate.constants), scale)
    lift = np.maximum(np.ceil(np.log2(exact)).astype(np.int64) - _CAPACITY_BITS, 0)
    lo, hi = _hull(to, name, frac)
    op = FusedStep(quantise(exact, -lift), lift, frac, lo, hi)
    args = ((v,), (current,), (conductance,), (dt,))
    to.step(layer.name, layer.group, op, args, np.full(gate.size, frac))


def _quotient(to: Lowering, name: str, gate: Gate, layer: Layer) -> None:
    over, under = (to.renamed(w) for w in gate.parts)
    frac = _in_range(layer, gate_frac(gate, to.spans, to.spans[name]))
    lo, hi = _hull(to, name, frac)
    op = Quotient(frac, lo, hi)
    to.step(layer.name, layer.group, op, ((over,), (under,)), np.full(gate.size, frac))


def _in_range(layer: Layer, frac: int) -> int:
    if frac < 0:
        raise ElegansError(
            layer.name,
            "its reversal potentials or inputs reach beyond 32768",
            "scale them down: a neuron's potential is around 1",
        )
    return frac


def _hull(to: Lowering, name: str, frac: int) -> tuple[Integers, Integers]:
    """The hull that bounds each neuron, in integers."""
    whole = Window(name, 0, to.network.atoms[name].size)
    ends = [
        hull_ends(frac, float(lo), float(hi))
        for lo, hi in zip(*window_span(whole, to.spans), strict=True)
    ]
    return np.array([lo for lo, _ in ends]), np.array([hi for _, hi in ends])


_GATES: dict[str, Callable[[Lowering, str, Gate, Layer], None]] = {
    "mix": _mix,
    "gated_sum": _fixed(GatedSum()),
    "product": _product,
    "lstm_cell": _fixed(LstmCell(4)),
    "fused_step": _fused_step,
    "quotient": _quotient,
}
