"""Gradual magnitude pruning of a network's synapses, with its layers kept.

A synapse is a weight of a map, or of an LTC's neuron on another; where a wiring has none, there is
none. Weights are compared by their magnitude, divided by the root mean square of their map, so
that no map is pruned only because its inputs are large. In each map every row and every column
that has a synapse keeps its largest: no neuron loses its last input or its last output.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.cfc import CfCCell
from elegans.trainer.cells.ltc import LTCCell


@dataclass(frozen=True, eq=False)
class SynapseMap:
    """A matrix of synapses.

    weight   the parameter
    present  [as weight] where there is a synapse before pruning
    mask     the buffer by which the network switches synapses off; None where a weight of zero
             does
    """

    weight: Tensor
    present: Tensor
    mask: Tensor | None = None

    @torch.no_grad()
    def keep(self, kept: Tensor) -> None:
        """Remove all synapses but these [as weight]."""
        if self.mask is None:
            self.weight.mul_(kept)
        else:
            self.mask.mul_(kept)

    def alive(self) -> Tensor:
        """[as weight] the synapses that are there."""
        switched = self.weight.detach() if self.mask is None else self.mask
        return self.present & (switched != 0)


class Synapses:
    """The synapses of a network that pruning may remove.

    Raises ElegansError for a network without any that elegans knows.
    """

    def __init__(self, network: nn.Module) -> None:
        self.maps = _maps(network)
        if not self.maps:
            raise ElegansError(
                f"pruning, {type(network).__name__}",
                "has no maps that elegans can prune",
                "build it from the cells of elegans.trainer or torch",
            )
        self.kept = [m.alive() for m in self.maps]
        """[as each map's weight] the synapses that are left."""

    @property
    def count(self) -> int:
        """The number of synapses that are there."""
        return sum(int(k.sum()) for k in self.kept)

    def fewest(self) -> int:
        """The number below which a neuron would lose its last input or output."""
        return sum(int(p.sum()) for p in self._needed(self._scores()))

    def prune(self, count: int) -> None:
        """Remove the weakest synapses but `count`, or but the fewest; what was removed stays so.

        To be called after each update as well, which moves weights away from zero.
        """
        scores = self._scores()
        needed = self._needed(scores)
        flat = torch.cat([s.flatten() for s in scores])
        order = torch.where(torch.cat([n.flatten() for n in needed]), torch.inf, flat)
        count = min(max(count, int(torch.isinf(order).sum())), self.count)
        kept = torch.zeros_like(flat, dtype=torch.bool)
        kept[torch.argsort(order, descending=True, stable=True)[:count]] = True
        kept &= torch.cat([k.flatten() for k in self.kept])
        parts = torch.split(kept, [s.numel() for s in scores])
        self.kept = [k.view_as(s) for k, s in zip(parts, scores, strict=True)]
        for one, mine in zip(self.maps, self.kept, strict=True):
            one.keep(mine)

    def snapshot(self) -> tuple[list[Tensor], list[Tensor]]:
        """The weights and the synapses of the moment, for `restore`."""
        tensors = [m.weight.detach() if m.mask is None else m.mask for m in self.maps]
        return [t.clone() for t in tensors], list(self.kept)

    @torch.no_grad()
    def restore(self, snapshot: tuple[list[Tensor], list[Tensor]]) -> None:
        """Put back what `snapshot` gave."""
        tensors, self.kept = snapshot[0], list(snapshot[1])
        for one, tensor in zip(self.maps, tensors, strict=True):
            (one.weight if one.mask is None else one.mask).copy_(tensor)

    def _scores(self) -> list[Tensor]:
        """The magnitudes by which synapses are compared, -1 where there is none."""
        found = []
        for one, kept in zip(self.maps, self.kept, strict=True):
            size = one.weight.detach().abs()
            own = size[kept].square().mean().sqrt() if kept.any() else size.new_ones(())
            found.append(torch.where(kept, size / own.clamp(min=1e-12), -1.0))
        return found

    def _needed(self, scores: list[Tensor]) -> list[Tensor]:
        """The largest synapse of each row and each column."""
        found = []
        for score, kept in zip(scores, self.kept, strict=True):
            needed = torch.zeros_like(kept)
            for dim in (0, 1):
                best = score.argmax(dim, keepdim=True)
                needed.scatter_(dim, best, True)
            found.append(needed & kept)
        return found


def _maps(network: nn.Module) -> list[SynapseMap]:
    found: list[SynapseMap] = []
    wired: dict[int, Tensor] = {}
    for module in network.modules():
        if isinstance(module, CfCCell) and module.sparsity_mask is not None:
            wired |= {id(m): module.sparsity_mask != 0 for m in (module.ff1, module.ff2)}
        if isinstance(module, LTCCell):
            for prefix in ("", "sensory_"):
                weight, mask = getattr(module, f"{prefix}w"), getattr(module, f"{prefix}mask")
                found.append(SynapseMap(weight, mask != 0, mask))
        if isinstance(module, nn.Linear):
            present = wired.get(id(module), torch.ones_like(module.weight, dtype=torch.bool))
            found.append(SynapseMap(module.weight, present))
        if isinstance(module, nn.RNNCellBase):
            for weight in (module.weight_ih, module.weight_hh):
                found.append(SynapseMap(weight, torch.ones_like(weight, dtype=torch.bool)))
    return [one for one in found if one.weight.requires_grad and one.alive().any()]
