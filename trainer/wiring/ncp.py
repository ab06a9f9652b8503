"""Neural circuit policies (Lechner et al. 2020): which neurons are connected, and how.

Four groups of neurons in a row: sensory neurons (the inputs) feed inter neurons, these feed
command neurons, and these feed motor neurons (the outputs); command neurons also feed each
other. A synapse excites or inhibits. Synapses are drawn at random in the order in which ncps
1.0.1 draws them, so the same arguments and seed give the same circuit in both.

A neuron's index is its place in the state vector: inter first, then command, then motor.
(ncps numbers motor neurons first, and its CfC reorders them.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError

Polarity = npt.NDArray[np.int32]
"""A matrix of -1 (inhibits), 0 (no synapse) and +1 (excites), indexed [from, to]."""


@dataclass(frozen=True, eq=False)
class Wiring:
    """The layers of a circuit, in the order of the state, and the synapses between them."""

    layers: tuple[tuple[str, int], ...]
    """Name and size of each layer; the last layer is the outputs."""
    sensory: Polarity
    """[inputs, neurons]: synapses from the inputs."""
    adjacency: Polarity
    """[neurons, neurons]: synapses between neurons."""

    @staticmethod
    def of(
        sensory: npt.ArrayLike,
        adjacency: npt.ArrayLike,
        layers: tuple[tuple[str, int], ...] | None = None,
    ) -> Wiring:
        """A wiring from your own matrices.

        sensory    [inputs, neurons] of -1, 0 and +1, indexed [from, to]
        adjacency  [neurons, neurons] of the same
        layers     names and sizes, in the order of the neurons; the last layer is the outputs.
                   Default: one layer, all of whose neurons are outputs

        Raises ElegansError for other shapes or values, or sizes that do not add up.
        """
        from_inputs, inner = np.asarray(sensory), np.asarray(adjacency)
        neurons = inner.shape[0] if inner.ndim else 0
        if inner.shape != (neurons, neurons) or not neurons:
            raise _bad(f"adjacency has shape {list(inner.shape)}", "give a square matrix")
        if from_inputs.ndim != 2 or from_inputs.shape[1] != neurons or not from_inputs.shape[0]:
            raise _bad(f"sensory has shape {list(from_inputs.shape)}", f"give [inputs, {neurons}]")
        for name, matrix in (("sensory", from_inputs), ("adjacency", inner)):
            if not np.isin(matrix, (-1, 0, 1)).all():
                raise _bad(f"{name} holds other values than polarities", "give -1, 0 and +1 only")
        named = layers or (("neurons", neurons),)
        if sum(size for _, size in named) != neurons or min(size for _, size in named) < 1:
            raise _bad(f"layers {named} are not {neurons} neurons", "let their sizes add up")
        return Wiring(named, from_inputs.astype(np.int32), inner.astype(np.int32))

    @property
    def inputs(self) -> int:
        """The number of sensory neurons."""
        return int(self.sensory.shape[0])

    @property
    def neurons(self) -> int:
        """The number of neurons of all layers, without sensory ones."""
        return int(self.adjacency.shape[0])

    @property
    def outputs(self) -> int:
        """The number of neurons of the last layer."""
        return self.layers[-1][1]

    @property
    def synapses(self) -> int:
        """The number of synapses, those from the inputs included."""
        return int(np.count_nonzero(self.sensory) + np.count_nonzero(self.adjacency))

    @property
    def spans(self) -> tuple[slice, ...]:
        """The part of the state vector that each layer takes."""
        ends = np.cumsum([size for _, size in self.layers]).tolist()
        return tuple(
            slice(end - size, end) for end, (_, size) in zip(ends, self.layers, strict=True)
        )

    def feed_forward(self, layer: int) -> Polarity:
        """Polarities [sources, size] into a layer from the layer before it.

        layer  0 is the first, whose sources are the inputs
        """
        spans = self.spans
        source = self.sensory if layer == 0 else self.adjacency[spans[layer - 1]]
        return source[:, spans[layer]]


@dataclass(frozen=True)
class NCP:
    """The plan of a circuit: how many neurons, and how many synapses `build` draws.

    Fan-outs and the fan-in are synapses of each neuron; `recurrent_command_synapses` is the
    number of draws between command neurons (a pair may be drawn twice). Raises ElegansError
    for a layer without neurons, or a fan larger than the layer that it leads to or comes from.
    """

    inter_neurons: int
    command_neurons: int
    motor_neurons: int
    sensory_fanout: int
    inter_fanout: int
    recurrent_command_synapses: int
    motor_fanin: int
    seed: int = 22222

    def __post_init__(self) -> None:
        for layer in ("inter_neurons", "command_neurons", "motor_neurons"):
            if getattr(self, layer) < 1:
                raise _bad(f"{layer} is {getattr(self, layer)}", "a layer needs at least 1 neuron")
        for fan, layer in (
            ("sensory_fanout", "inter_neurons"),
            ("inter_fanout", "command_neurons"),
            ("motor_fanin", "command_neurons"),
        ):
            size, most = getattr(self, fan), getattr(self, layer)
            if not 1 <= size <= most:
                raise _bad(f"{fan} is {size}", f"give 1 to {most}, the number of {layer}")
        if self.recurrent_command_synapses < 0:
            raise _bad("recurrent_command_synapses is negative", "give 0 or more")
        if not 0 <= self.seed < 2**32:
            raise _bad(f"seed is {self.seed}", "give 0 to 4294967295")

    @classmethod
    def auto(
        cls, units: int, output_size: int, sparsity_level: float = 0.5, seed: int = 22222
    ) -> NCP:
        """ncps' AutoNCP: a plan for `units` neurons, `output_size` of which are motor neurons.

        `sparsity_level` runs from 0.1 (nearly dense) to 1.0 (one synapse for each neuron).
        Raises ElegansError for another level, or sizes that leave a layer empty.
        """
        if output_size < 1 or output_size >= units - 2:
            raise _bad(
                f"{output_size} outputs of {units} units leave no inter or command neurons",
                "give 1 <= output_size < units - 2",
            )
        if not 0.1 <= sparsity_level <= 1.0:
            raise _bad(f"sparsity_level is {sparsity_level}", "give 0.1 to 1.0")
        density = 1.0 - sparsity_level
        command = max(int(0.4 * (units - output_size)), 1)
        inter = units - output_size - command
        return cls(
            inter_neurons=inter,
            command_neurons=command,
            motor_neurons=output_size,
            sensory_fanout=max(int(inter * density), 1),
            inter_fanout=max(int(command * density), 1),
            recurrent_command_synapses=max(int(command * density * 2), 1),
            motor_fanin=max(int(command * density), 1),
            seed=seed,
        )

    @property
    def units(self) -> int:
        """The number of neurons of all layers, without sensory ones."""
        return self.inter_neurons + self.command_neurons + self.motor_neurons

    def build(self, inputs: int) -> Wiring:
        """Draw the synapses for `inputs` sensory neurons (1 or more, else ElegansError)."""
        if inputs < 1:
            raise _bad(f"{inputs} inputs", "give at least 1")
        first_motor = self.inter_neurons + self.command_neurons
        sense = range(inputs)
        inter = range(self.inter_neurons)
        command = range(self.inter_neurons, first_motor)
        motor = range(first_motor, self.units)
        sensory = np.zeros((inputs, self.units), np.int32)
        adjacency = np.zeros((self.units, self.units), np.int32)

        draw = _Draws(self.seed)
        draw.fan_out(sensory, sense, inter, self.sensory_fanout, most=inputs)
        draw.fan_out(adjacency, inter, command, self.inter_fanout, most=self.command_neurons)
        for _ in range(self.recurrent_command_synapses):
            source, target = draw.one(command), draw.one(command)
            adjacency[source, target] = draw.sign()
        # Fan-in is fan-out from the motor neurons, on the transposed matrix.
        draw.fan_out(adjacency.T, motor, command, self.motor_fanin, most=self.motor_neurons)
        layers = (
            ("inter", self.inter_neurons),
            ("command", self.command_neurons),
            ("motor", self.motor_neurons),
        )
        return Wiring(layers, sensory, adjacency)


AutoNCP = NCP.auto
"""`NCP.auto` under the name that it has in ncps."""


class _Draws:
    """Random choices from one stream of numbers, in ncps' order."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.RandomState(seed)

    def sign(self) -> int:
        """-1 or +1, equally likely."""
        return int(self._random.choice([-1, 1]))

    def one(self, neurons: Sequence[int]) -> int:
        """One of `neurons`, all equally likely."""
        return int(self._random.choice(neurons))

    def some(self, neurons: Sequence[int], count: int) -> list[int]:
        """`count` different ones of `neurons`."""
        chosen: Any = self._random.choice(neurons, size=count, replace=False)
        return [int(neuron) for neuron in chosen]

    def fan_out(self, synapses: Polarity, near: range, far: range, fan: int, *, most: int) -> None:
        """Connect each near neuron to `fan` far ones, then connect the far ones left out.

        synapses  [near, far], written in place
        most      limits how many near neurons a far neuron left out is connected to. That is
                  the far neurons' mean, at least 1; it is never more than there are near
                  neurons, because fan <= len(far)
        """
        left_out = list(far)
        for source in near:
            for target in self.some(far, fan):
                if target in left_out:
                    left_out.remove(target)
                synapses[source, target] = self.sign()
        mean = min(max(int(len(near) * fan / len(far)), 1), most)
        for target in left_out:
            for source in self.some(near, mean):
                synapses[source, target] = self.sign()


def _bad(fact: str, remedy: str) -> ElegansError:
    return ElegansError("wiring", fact, remedy)
