"""What gates share whose op leaves no choice of formats."""

from __future__ import annotations

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import Builder, Gate, VectorName
from elegans.exporter.ir.fixed_model import Argument
from elegans.exporter.numbers.fixed import q_name
from elegans.exporter.ops import Op


def parts_in_formats(
    gate: Gate, op: Op, to: Builder, called: VectorName, fracs: tuple[int, ...]
) -> tuple[Argument, ...]:
    """The parts of a gate as its op's arguments.

    Raises ElegansError unless each part has the fractional bits that `fracs` demands of it.
    """
    parts = [to.renamed(window) for window in gate.parts]
    for part, frac in zip(parts, fracs, strict=True):
        if set(to.fracs(part).tolist()) != {frac}:
            raise ElegansError(
                f"{called.name} ({op.kernel})",
                f"takes {part.vector!r}, which is not in {q_name(frac)}",
                "use the cell's own tanh and sigmoid heads",
            )
    return tuple((part,) for part in parts)
