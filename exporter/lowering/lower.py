"""`Network` to `Model`: every vector gets a format, every weight an integer.

Formats come from proofs, not from samples. Activations have their op's formats, a state is
bounded by theorem or saturates, and everything else has the finest format that its interval
allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.ir.builder import VectorName
from elegans.exporter.ir.fixed_model import Channel, Model, Window
from elegans.exporter.ir.interface import Interface
from elegans.exporter.ir.proof import check_results
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.vector_names import vector_names
from elegans.exporter.lowering.builder import ModelBuilder
from elegans.exporter.lowering.formats import choose_formats
from elegans.exporter.lowering.input_formats import substitute_inputs
from elegans.exporter.numbers.fixed import Interval, join_intervals


@dataclass(frozen=True)
class Lowered:
    """A model that is proved, the bounds of all its vectors, and their names.

    bounds  of every vector of the model, by its name: what `proof.prove` would find
    names   of the network's vectors in the model, by the atoms' names
    """

    model: Model
    bounds: dict[str, Interval]
    names: dict[str, VectorName]


def lower(network: Network, weight_bits: int = 16) -> Model:
    """The fixed-point model of a network; see `lower_with_proof`."""
    return lower_with_proof(network, weight_bits).model


def lower_with_proof(network: Network, weight_bits: int = 16) -> Lowered:
    """The fixed-point model of a network, its weights in 16 or 8 bits, all ranges proved.

    Raises `ElegansError` for an input without a range, and for a step that cannot be proved.
    """
    given = substitute_inputs(network)
    network = given.network
    names = vector_names(network)
    formats = choose_formats(network, names)
    inputs = given.channels(formats.inputs)
    builder = ModelBuilder(network, formats, weight_bits)
    builder.clamp_input("x", inputs, formats.inputs)
    if formats.dt and formats.wide.timed:
        builder.add_time(formats.dt)
    elif formats.dt:
        builder.clamp_input("dt", (formats.dt,), (formats.dt,))
    for name, atom in network.atoms.items():
        builder.name(name, names[name])
        if name not in formats.wide.unread:
            atom.lower(builder, name, names[name])
    y = _output(builder, network)
    h_next = _h_next(builder, network, formats.wide.pieces)
    interface = network.interface
    model = Model(
        name=interface.name,
        inputs=inputs,
        dt=formats.dt,
        states=formats.states,
        outputs=_outputs(builder, interface, y),
        steps=tuple(builder.steps),
        y=y,
        h_next=h_next,
    )
    check_results(model, builder.bounds)
    return Lowered(model, builder.bounds, names)


def _output(to: ModelBuilder, network: Network) -> tuple[Window, ...]:
    windows = network.y.windows()
    if windows is not None:
        return tuple(found for w in windows for found in to.renamed_all(w))
    return (to.linear("y_out", "outputs", network.y, to.widest(network.y)),)


def _h_next(to: ModelBuilder, network: Network, wide: tuple[bool, ...]) -> tuple[Window, ...]:
    """The next states, each in the format of its channel."""
    windows: list[Window] = []
    start = 0
    for window, carried in zip(network.h_next, wide, strict=True):
        if carried:
            windows.append(to.halves("", "", window, 0))
            start += 2 * window.size
            continue
        for source in to.renamed_all(window):
            frac = to.frac["h"][start : start + source.size]
            found = to.rescaled(f"{source.vector}_state", "states", source, frac)
            windows.append(to.held(f"{source.vector}_held", found, start))
            start += source.size
    return tuple(windows)


def _outputs(to: ModelBuilder, interface: Interface, y: tuple[Window, ...]) -> tuple[Channel, ...]:
    bounds = join_intervals([to.interval(w) for w in y])
    frac = np.concatenate([to.fracs(w) for w in y])
    return tuple(
        Channel(signal.name, signal.unit, int(f), int(lo), int(hi))
        for signal, f, lo, hi in zip(interface.outputs, frac, bounds.lo, bounds.hi, strict=True)
    )
