"""Limits of what a network may cost, and what is taken from it to keep to them.

Synapses that are removed save time where the device's code is one line a synapse, as in an LTC. A
layer of CfC neurons is dense code, which gets smaller and faster with its neurons only.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from elegans.exporter.codegen.plan import plan
from elegans.exporter.cost.cores import CORES
from elegans.exporter.cost.estimate import Cost, estimate
from elegans.exporter.errors import ElegansError
from elegans.exporter.lowering.lower import Lowered
from elegans.trainer.chip_aware.neurons import circuit, removable, weakest_first, without
from elegans.trainer.chip_aware.on_device import OnDevice
from elegans.trainer.chip_aware.pruning import Synapses
from elegans.trainer.chip_aware.relowering import Write, lowered_file
from elegans.trainer.chip_aware.settings import ChipSettings

_TRIED = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.22, 0.16, 0.12, 0.09, 0.06, 0.04, 0.02, 0.01)
"""Shares of the synapses that are tried for a limit of time or flash: the first that keeps it is
refined. Time does not fall with each synapse: a layer that is mostly zeros has other kernels."""
_REFINED = 4  # halvings between the first share that keeps a limit and the last that does not
_SPARE = 0.01  # of a limit, since training moves shifts and saturations a little
_FEWER = 0.95  # of the synapses, where the finished network needs more than it did when pruned


@dataclass(frozen=True)
class Limits:
    """The most that a network may cost; None for no limit.

    synapses      as `pruning` counts them
    instructions  of a step, on `core`
    flash         bytes of the model's code, tables and weights, on `core`
    core          one of `exporter.cost.estimate.CORES`

    Raises ElegansError for no limit at all, for one below 1, and for another core.
    """

    synapses: int | None = None
    instructions: int | None = None
    flash: int | None = None
    core: str = "m4"

    def __post_init__(self) -> None:
        given = [n for n in (self.synapses, self.instructions, self.flash) if n is not None]
        if not given or min(given) < 1:
            raise ElegansError("limits", f"are {given or 'none'}", "give at least one, above 0")
        if self.core not in CORES:
            raise ElegansError(
                "limits", f"no core {self.core!r}", f"choose from {', '.join(CORES)}"
            )

    @property
    def measured(self) -> bool:
        """Whether the cost on a core is limited."""
        return self.instructions is not None or self.flash is not None

    def kept_by(self, cost: Cost, spare: float = 0.0) -> bool:
        """Whether instructions and flash are within the limits, with a part of them to spare."""
        most = 1.0 - spare
        fast = self.instructions is None or cost.instructions <= most * self.instructions
        return fast and (self.flash is None or cost.flash <= most * self.flash)


def limits_of(settings: ChipSettings) -> Limits | None:
    """The limits of a command line; None for no limit."""
    if not settings.limited:
        return None
    most = settings.max_synapses, settings.max_instructions, settings.max_flash
    return Limits(*most, core=settings.core)


def fitted(network: nn.Module, write: Write, weights: str, limits: Limits) -> nn.Module:
    """The network with so few neurons that it keeps its limits of instructions and flash.

    Only circuits lose neurons (`neurons.circuit`), the weakest first, never an output; any other
    network is returned as it is, and so is one that keeps its limits. Raises ElegansError where
    one neuron a layer is too many.
    """
    cell = circuit(network)
    if cell is None or not limits.measured:
        return network
    order = weakest_first(cell)

    def smaller(count: int) -> tuple[nn.Module, Cost]:
        found = without(network, removable(cell, order, count)) if count else network
        return found, cost_of(lowered_file(found, write, weights), limits.core)

    found, cost = smaller(0)
    if limits.kept_by(cost):
        return network
    few, many = 0, sum(size - 1 for size in cell.sizes[:-1])
    found, cost = smaller(many)
    if not limits.kept_by(cost, _SPARE):
        raise _too_much("one neuron in each layer but the last", cost, limits.core)
    while many - few > 1:
        middle = (few + many) // 2
        tried, cost = smaller(middle)
        if limits.kept_by(cost, _SPARE):
            found, many = tried, middle
        else:
            few = middle
    return found


def _too_much(what: str, cost: Cost, core: str) -> ElegansError:
    return ElegansError(
        "limits",
        f"{what} still take {cost.instructions} instructions and {cost.flash} bytes on {core}",
        "raise the limit, or train fewer neurons",
    )


class Tailor:
    """Removes the synapses of a network that is being trained, until it keeps to limits.

    updates  over which they are removed, many at first and few at last (Zhu and Gupta 2017)

    Raises ElegansError where the fewest synapses with which every neuron has an input and an
    output are too many.
    """

    def __init__(self, device: OnDevice, limits: Limits, updates: int) -> None:
        self.synapses = Synapses(device.network)
        self._device, self._limits, self._updates = device, limits, max(updates, 1)
        self._first, self.updates_done = self.synapses.count, 0
        self._goal = self._found_goal()

    @property
    def done(self) -> bool:
        """Whether no more synapses will be removed, but for a limit that is exceeded at last."""
        return self.updates_done >= self._updates

    def advance(self) -> None:
        """Remove what is due before the next update, and zero again what the last one moved."""
        self.updates_done += 1
        left = (1.0 - min(self.updates_done / self._updates, 1.0)) ** 3
        self.synapses.prune(self._goal + round((self._first - self._goal) * left))

    def finish(self) -> None:
        """Make sure of the limits after the last update. Raises ElegansError if it cannot."""
        while True:
            self.synapses.prune(self._goal)
            if not self._limits.measured or self._limits.kept_by(self._cost()):
                return
            if self._goal <= self.synapses.fewest():
                raise self._impossible()
            self._goal = int(self._goal * _FEWER)

    def _found_goal(self) -> int:
        """The most synapses that keep the limits, by the present weights."""
        fewest, most = self.synapses.fewest(), self.synapses.count
        if self._limits.synapses is not None:
            most = min(most, self._limits.synapses)
            if most < fewest:
                raise self._impossible()
        if not self._limits.measured:
            return most
        before, found = most, None
        for share in _TRIED:
            count = max(round(share * most), fewest)
            if self._keeps(count):
                found = count
                break
            before = count
        if found is None:
            raise self._impossible()
        for _ in range(_REFINED):
            middle = (found + before) // 2
            if middle in (found, before):
                break
            found, before = (middle, before) if self._keeps(middle) else (found, middle)
        return found

    def _keeps(self, count: int) -> bool:
        snapshot = self.synapses.snapshot()
        self.synapses.prune(count)
        cost = self._cost()
        self.synapses.restore(snapshot)
        return self._limits.kept_by(cost)

    def _cost(self) -> Cost:
        return cost_of(self._device.relowering.lowered(), self._limits.core)

    def _impossible(self) -> ElegansError:
        snapshot = self.synapses.snapshot()
        self.synapses.prune(self.synapses.fewest())
        cost, count = self._cost(), self.synapses.count
        self.synapses.restore(snapshot)
        what = f"{count} synapses, the fewest with which every neuron has an input and an output,"
        return _too_much(what, cost, self._limits.core)


def cost_of(lowered: Lowered, core: str) -> Cost:
    """What a lowered network would cost on a core."""
    return estimate(plan(lowered.model, lowered.bounds), core)
