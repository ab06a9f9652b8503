"""Readable names for a network's vectors: the layers of the wiring, and each one's parts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from elegans.exporter.network import Activation, Gate, Network


@dataclass(frozen=True)
class Layer:
    """Which layer an atom belongs to, and its name in the generated C."""

    group: str
    name: str


def layers(network: Network) -> dict[str, Layer]:
    """For every atom its layer: a gate's own, and that of what it alone is computed from.

    Names come from the interface (inter, command, motor) where the sizes agree and C can
    tell them apart, otherwise layers are numbered.
    """
    gates = [w.vector for w in network.h_next if isinstance(network.atoms.get(w.vector), Gate)]
    gates = list(dict.fromkeys(gates))
    declared = network.interface.layers
    sizes = [network.atoms[name].size for name in gates]
    groups = [name.lower() for name, _ in declared]
    if [size for _, size in declared] != sizes or not _apart(groups):
        groups = [f"layer{i}" for i in range(len(gates))]
    found: dict[str, Layer] = {}
    for gate_name, group in zip(gates, groups, strict=True):
        gate = network.atoms[gate_name]
        assert isinstance(gate, Gate)
        parts = {"f": gate.f.vector, "g": gate.g.vector, "t": gate.t.vector}
        for part, name in parts.items():
            found.setdefault(name, Layer(group, f"{group}_{part}"))
        for name in _sources(network, list(parts.values())):
            found.setdefault(name, Layer(group, f"{group}_{name}"))
        found[gate_name] = Layer(group, f"{group}_h")
    rest = {name: Layer("layer", name) for name in network.atoms if name not in found}
    return found | rest


def _apart(groups: list[str]) -> bool:
    """Whether no name is another's beginning.

    Every vector and table of a layer is called `<group>_<part>`, so layers `a` and `a_f`
    could both have an `a_f_sum`. The part also keeps C's keywords out.
    """
    stems = sorted(f"{group}_" for group in groups)
    return not any(b.startswith(a) for a, b in itertools.pairwise(stems))


def _sources(network: Network, names: list[str]) -> list[str]:
    """Every activation that these are computed from, in the graph's order."""
    seen: set[str] = set()
    pending = list(names)
    while pending:
        atom = network.atoms.get(pending.pop())
        if not isinstance(atom, Activation):
            continue
        for affine in (atom.drive, atom.rate):
            for window in affine.terms if affine else ():
                if window.vector not in seen:
                    seen.add(window.vector)
                    pending.append(window.vector)
    return [n for n in network.atoms if n in seen and isinstance(network.atoms[n], Activation)]
