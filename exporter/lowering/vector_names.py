"""Readable names for a network's vectors: the layers of the wiring, and each one's parts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from elegans.exporter.ir.real_network import GATES, Gate, Network


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
    heads = [w.vector for w in network.h_next if w.vector in network.atoms]
    heads = list(dict.fromkeys(heads))
    declared = network.interface.layers
    sizes = [network.atoms[name].size for name in heads]
    groups = [name.lower() for name, _ in declared]
    if [size for _, size in declared] != sizes or not _apart(groups):
        groups = [f"layer{i}" for i in range(len(heads))]
    found = {name: Layer(group, f"{group}_h") for name, group in zip(heads, groups, strict=True)}
    for head, group in zip(heads, groups, strict=True):
        _name_parts(network, head, group, found)
        for name in _sources(network, head):
            found.setdefault(name, Layer(group, f"{group}_{name}"))
    rest = {name: Layer("layer", name) for name in network.atoms if name not in found}
    return found | rest


def _name_parts(network: Network, head: str, group: str, found: dict[str, Layer]) -> None:
    """A gate's parts after their roles; those of a chain of unfolds are numbered."""
    chain: list[Gate] = []
    atom = network.atoms.get(head)
    while isinstance(atom, Gate):
        chain.insert(0, atom)
        atom = network.atoms.get(atom.parts[0].vector) if atom.kind == "fused_step" else None
    for number, gate in enumerate(chain, 1):
        suffix = str(number) if len(chain) > 1 else ""
        for part, window in zip(GATES[gate.kind], gate.parts, strict=True):
            if window.vector in network.atoms:
                found.setdefault(window.vector, Layer(group, f"{group}_{part}{suffix}"))
        if gate.kind == "fused_step":
            _name_synapses(network, gate, group, suffix, found)


def _name_synapses(
    network: Network, gate: Gate, group: str, suffix: str, found: dict[str, Layer]
) -> None:
    """The sigmoids of a neuron's synapses: those of the sensors, and those of this unfold."""
    current = network.atoms.get(gate.parts[1].vector)
    for vector in current.vectors() if current else ():
        source = network.atoms.get(vector)
        if source is None or vector in found:
            continue
        name = "sensory" if source.vectors() == {"x"} else f"synapses{suffix}"
        if Layer(group, f"{group}_{name}") not in found.values():
            found[vector] = Layer(group, f"{group}_{name}")


def _apart(groups: list[str]) -> bool:
    """Whether no name is another's beginning.

    Every vector and table of a layer is called `<group>_<part>`, so layers `a` and `a_f`
    could both have an `a_f_sum`. The part also keeps C's keywords out.
    """
    stems = sorted(f"{group}_" for group in groups)
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
