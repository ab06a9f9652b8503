"""Readable names for a network's vectors: the layers of the wiring, and each one's parts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from elegans.exporter.ir.atom import Gate
from elegans.exporter.ir.builder import VectorName
from elegans.exporter.ir.fixed_model import Channel
from elegans.exporter.ir.real_network import Network

_PIXELS = 512
"""Inputs in a row that are alike, from which on they are pixels, which nobody wants to read one by
one."""


def pixel_runs(channels: Sequence[Channel]) -> list[tuple[Channel, ...]]:
    """Channels one by one, but pixels, which differ in nothing but their names, as one run."""
    found: list[tuple[Channel, ...]] = []
    for _, group in itertools.groupby(channels, lambda c: replace(c, name="")):
        alike = tuple(group)
        found += [alike] if len(alike) >= _PIXELS else [(channel,) for channel in alike]
    return found


def vector_names(network: Network) -> dict[str, VectorName]:
    """The layer and the name of every atom's vector, by the atom's name.

    A layer is an atom that makes a part of the state, with all that it alone is computed from.
    Layers are named by the interface (inter, command, motor) where the sizes agree and C can
    tell the names apart, otherwise they are numbered.
    """
    heads = [w.vector for w in network.h_next if w.vector in network.atoms]
    heads = list(dict.fromkeys(heads))
    declared = network.interface.layers
    sizes = [network.atoms[name].size for name in heads]
    layers = [name.lower() for name, _ in declared]
    if [size for _, size in declared] != sizes or not _apart(layers):
        layers = [f"layer{i}" for i in range(len(heads))]
    found = {
        name: VectorName(layer, f"{layer}_h") for name, layer in zip(heads, layers, strict=True)
    }
    for head, layer in zip(heads, layers, strict=True):
        _name_parts(network, head, layer, found)
    for head, layer in zip(heads, layers, strict=True):
        for name in _sources(network, head):
            found.setdefault(name, VectorName(layer, f"{layer}_{name}"))
    rest = {name: VectorName("layer", name) for name in network.atoms if name not in found}
    return found | rest


def _name_parts(network: Network, head: str, layer: str, found: dict[str, VectorName]) -> None:
    """Names a gate's parts after their roles; those of a chain of unfolds are numbered."""
    chain: list[Gate] = []
    found_head = network.atoms.get(head)
    atom = found_head if isinstance(found_head, Gate) else None
    while atom is not None:
        chain.insert(0, atom)
        atom = _earlier(network, atom)
    for number, gate in enumerate(chain, 1):
        suffix = str(number) if len(chain) > 1 else ""
        for role, window in zip(gate.names(network.atoms), gate.parts, strict=True):
            if window.vector in network.atoms:
                found.setdefault(window.vector, VectorName(layer, f"{layer}_{role}{suffix}"))
        if gate.synapses:
            _name_synapses(network, getattr(gate, gate.synapses).vector, layer, suffix, found)


def _earlier(network: Network, gate: Gate) -> Gate | None:
    """The gate of the same kind whose result this one carries on: the unfold before it."""
    parts = (network.atoms.get(getattr(gate, role).vector) for role in gate.carriers)
    return next((p for p in parts if isinstance(p, Gate) and type(p) is type(gate)), None)


def _name_synapses(
    network: Network, total: str, layer: str, suffix: str, found: dict[str, VectorName]
) -> None:
    """Names what the sum `total` reads: the synapses of the sensors, and those of this unfold."""
    atom = network.atoms.get(total)
    for vector in atom.vectors() if atom else ():
        source = network.atoms.get(vector)
        if source is None or vector in found:
            continue
        name = "sensory" if source.vectors() == {"x"} else f"synapses{suffix}"
        if VectorName(layer, f"{layer}_{name}") not in found.values():
            found[vector] = VectorName(layer, f"{layer}_{name}")


def _apart(layers: list[str]) -> bool:
    """Whether no layer's name and underscore are the beginning of another's.

    Every vector and table of a layer is called `<layer>_<part>`, so layers `a` and `a_f` could
    both have an `a_f_sum`. The part also keeps C's keywords out.
    """
    stems = sorted(f"{layer}_" for layer in layers)
    return not any(b.startswith(a) for a, b in itertools.pairwise(stems))


def _sources(network: Network, head: str) -> list[str]:
    """Every atom that this one is computed from, in the graph's order."""
    seen: set[str] = set()
    pending = [head]
    while pending:
        atom = network.atoms.get(pending.pop())
        for vector in atom.vectors() - seen if atom else ():
            seen.add(vector)
            pending.append(vector)
    return [name for name in network.atoms if name in seen]
