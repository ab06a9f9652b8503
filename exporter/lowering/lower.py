"""`Network` to `Model`: every vector gets a format, every weight an integer.

Formats come from proofs, not from samples. Activations know theirs, a state is bounded
by theorem or saturates, and everything else takes the finest scale that its interval allows.
"""

from __future__ import annotations

from elegans.exporter.ir.fixed_model import Model, prove
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.builder import Lowering
from elegans.exporter.lowering.lower_atoms import lower_atom


def lower(network: Network, weight_bits: int = 16) -> Model:
    """The fixed-point model of a network, its weights in 16 or 8 bits, all ranges proved.

    Raises `ElegansError` for an input without a range, and for a step that cannot be
    proved.
    """
    lowering = Lowering(network, weight_bits)
    for name, atom in network.atoms.items():
        lower_atom(lowering, name, atom)
    model = lowering.model()
    prove(model)
    return model
