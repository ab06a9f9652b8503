"""`Network` to `Model`: every vector gets a format, every weight an integer.

Formats come from proofs, not from samples. Activations have their op's formats, a state is
bounded by theorem or saturates, and everything else has the finest format that its interval
allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import DT
from elegans.exporter.ir.builder import VectorName
from elegans.exporter.ir.fixed_model import Channel, Model, Window
from elegans.exporter.ir.interface import Interface
from elegans.exporter.ir.proof import check_results
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import integer_ends
from elegans.exporter.ir.vector_names import vector_names
from elegans.exporter.lowering.bounds import declared_spans
from elegans.exporter.lowering.builder import ModelBuilder
from elegans.exporter.lowering.formats import Formats, choose_formats
from elegans.exporter.lowering.images.maps import read_elsewhere
from elegans.exporter.lowering.images.ranges import with_ends
from elegans.exporter.lowering.maps.integer_maps import ROOM
from elegans.exporter.lowering.rewrites.chains import with_chains
from elegans.exporter.lowering.rewrites.input_formats import substitute_inputs
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    Integers,
    Interval,
    join_intervals,
    widest_frac,
)
from elegans.exporter.ops.clamp import Clamp

_MOST_FINER = 14
"""Bits by which a declared range may make an output finer: a sum has as many beyond those of its
result, whatever its weights."""


@dataclass(frozen=True)
class Lowered:
    """A model that is proved, the bounds of all its vectors, and their names.

    network  what was lowered: the network with chains of functions as one
    bounds   of every vector of the model, by its name: what `proof.prove` would find
    names    of the network's vectors in the model, by the atoms' names
    formats  from which it was lowered
    """

    model: Model
    network: Network
    bounds: dict[str, Interval]
    names: dict[str, VectorName]
    formats: Formats


def lower(network: Network, weight_bits: int = 16) -> Model:
    """The fixed-point model of a network; see `lower_with_proof`."""
    return lower_with_proof(network, weight_bits).model


def lower_with_proof(
    network: Network,
    weight_bits: int = 16,
    replaceable: bool = False,
    compiled: Lowered | None = None,
    finer: bool = False,
    results: frozenset[str] = frozenset(),
) -> Lowered:
    """The fixed-point model of a network, its weights in 16 or 8 bits, all ranges proved.

    replaceable  whether other weights shall fit the same code: see `integer_maps`
    compiled     the model of that code, whose formats and scales this one takes; it is replaceable
    finer        whether maps that something multiplies in each step have results of 32 bits, where
                 they can: rates of time gates, what a gate inside a drive multiplies, currents of
                 LTC. Of weights of 16 bits that are not replaceable
    results      the atoms of general arithmetic whose results shall have 32 bits, under the same
                 condition

    Raises `ElegansError` for an input without a range, and for a step that cannot be proved.
    """
    # The constants of a chain are in its table, and a block of weights has no tables.
    chained = network if replaceable else with_chains(network)
    free = weight_bits == 16 and not replaceable
    given = weight_bits, replaceable, compiled, finer and free, results if free else frozenset()
    if chained is not network:
        try:
            return _lowered(chained, *given)
        except ElegansError:  # what is wrong is told of the network as it was written
            pass
    return _lowered(network, *given)


def _lowered(
    whole: Network,
    weight_bits: int,
    replaceable: bool,
    compiled: Lowered | None,
    finer: bool,
    results: frozenset[str],
) -> Lowered:
    given = substitute_inputs(whole)
    network = with_ends(given.network, declared_spans(given.network))
    names = vector_names(network)
    chosen = None if compiled is None else compiled.formats
    formats = chosen or choose_formats(network, names, replaceable, results)
    inputs = given.channels(formats.inputs)
    structure = {step.name: step for step in compiled.model.steps} if compiled else {}
    builder = ModelBuilder(network, formats, weight_bits, structure if replaceable else None, finer)
    builder.clamp_input("x", inputs, formats.inputs, read_elsewhere(network))
    if formats.dt and formats.wide.timed:
        builder.add_time(formats.dt)
    elif formats.dt:
        builder.clamp_input("dt", (formats.dt,), (formats.dt,), DT)
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
        outputs=_outputs(builder, network, y, replaceable),
        steps=tuple(builder.steps),
        y=y,
        h_next=h_next,
    )
    check_results(model, builder.bounds)
    return Lowered(model, whole, builder.bounds, names, formats)


def _output(to: ModelBuilder, network: Network) -> tuple[Window, ...]:
    """The outputs; those that are maps saturate where they are declared to."""
    windows = network.y.windows()
    if windows is not None:
        return tuple(found for w in windows for found in to.renamed_all(w))
    ranges = [signal.range for signal in network.interface.outputs]
    wanted = [-np.inf if ends is None else widest_frac(*ends) for ends in ranges]
    widest = to.widest(network.y) - (ROOM if to.structure is not None else 0)
    fracs = np.clip(wanted, widest, widest + _MOST_FINER).astype(np.int64)
    made = to.linear("y_out", "outputs", network.y, fracs)
    fracs = to.fracs(made)
    proved, ends = to.interval(made), _declared_ends(network.interface, fracs)
    declared = any(ends is not None for ends in ranges)
    if proved.within(ends) and not (to.structure is not None and declared):
        return (made,)
    return (to.step("y_held", "outputs", Clamp(ends.lo, ends.hi), ((made,),), fracs),)


def _declared_ends(interface: Interface, fracs: Integers) -> Interval:
    """The declared ranges of the outputs as integers; all of int16 where there is none."""
    ends = [
        (INT16_MIN, INT16_MAX) if s.range is None else integer_ends(int(f), *s.range, zero=False)
        for s, f in zip(interface.outputs, fracs, strict=True)
    ]
    return Interval.of(*np.array(ends).T)


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


def _outputs(
    to: ModelBuilder, network: Network, y: tuple[Window, ...], replaceable: bool
) -> tuple[Channel, ...]:
    """The channels of y. What other weights may give is any int16 of the same format."""
    signals = network.interface.outputs
    bounds = join_intervals([to.interval(w) for w in y])
    fracs = np.concatenate([to.fracs(w) for w in y])
    ends = _declared_ends(network.interface, fracs)
    mapped = network.y.windows() is None
    if replaceable:
        full = np.full(len(signals), INT16_MIN), np.full(len(signals), INT16_MAX)
        bounds = ends if mapped else Interval.of(*full)
    return tuple(
        Channel(
            *(signal.name, signal.unit, int(frac), int(lo), int(hi)),
            saturates=mapped and signal.range is not None and (lo <= least or hi >= most),
        )
        for signal, frac, lo, hi, least, most in zip(
            signals, fracs, bounds.lo, bounds.hi, ends.lo, ends.hi, strict=True
        )
    )
