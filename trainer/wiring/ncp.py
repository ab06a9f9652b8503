"""Neural circuit policies: who is connected to whom, and with which sign.

Four groups of neurons in a row. Sensory neurons (the inputs) excite or inhibit inter
neurons, those command neurons, those motor neurons (the outputs); command neurons also
talk among themselves. Synapses are drawn at random but reproducibly: the draws come in
the order in which ncps 1.0.1 makes them, so the same arguments and seed give the very
same circuit there and here.

A neuron's index is its place in the state vector: inter first, then command, then motor.
(ncps numbers motor neurons first and its CfC reorders them; here one order serves all.)
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
    """A finished circuit: layers in state order and the synapses between them."""

    layers: tuple[tuple[str, int], ...]
    """Name and size of each layer: inter, command, motor."""
    sensory: Polarity
    """[inputs, neurons]"""
    adjacency: Polarity
    """[neurons, neurons]"""

    @staticmethod
    def of(
        sensory: npt.ArrayLike,
        adjacency: npt.ArrayLike,
        layers: tuple[tuple[str, int], ...] | None = None,
    ) -> Wiring:
        """A circuit of one's own: sensory [inputs, neurons], adjacency [neurons, neurons].

        -1 inhibits, +1 excites, 0 is no synapse, indexed [from, to]. `layers` names the
        neurons in their order and sizes; the last of them is read out (without: all are).
        """
        senses, inner = np.asarray(sensory), np.asarray(adjacency)
        neurons = inner.shape[0] if inner.ndim else 0
        if inner.shape != (neurons, neurons) or not neurons:
            raise _bad(f"adjacency has shape {list(inner.shape)}", "give a square matrix")
        if senses.ndim != 2 or senses.shape[1] != neurons or not senses.shape[0]:
            raise _bad(f"sensory has shape {list(senses.shape)}", f"give [inputs, {neurons}]")
        for name, matrix in (("sensory", senses), ("adjacency", inner)):
            if not np.isin(matrix, (-1, 0, 1)).all():
                raise _bad(f"{name} holds more than polarities", "give -1, 0 and +1 only")
        named = layers or (("neurons", neurons),)
        if sum(size for _, size in named) != neurons or min(size for _, size in named) < 1:
            raise _bad(f"layers {named} are not {neurons} neurons", "let their sizes add up")
        return Wiring(named, senses.astype(np.int32), inner.astype(np.int32))

    @property
    def inputs(self) -> int:
        return int(self.sensory.shape[0])

    @property
    def neurons(self) -> int:
        return int(self.adjacency.shape[0])

    @property
    def outputs(self) -> int:
        return self.layers[-1][1]

    @property
    def synapses(self) -> int:
        """Synapses of every kind, sensory ones included."""
        return int(np.count_nonzero(self.sensory) + np.count_nonzero(self.adjacency))

    @property
    def spans(self) -> tuple[slice, ...]:
        """Where each layer lies in the state vector."""
        ends = np.cumsum([size for _, size in self.layers]).tolist()
        return tuple(
            slice(end - size, end) for end, (_, size) in zip(ends, self.layers, strict=True)
        )

    def feed_forward(self, layer: int) -> Polarity:
        """Synapses [sources, size] into a layer from the one before it, or from the inputs."""
        spans = self.spans
        source = self.sensory if layer == 0 else self.adjacency[spans[layer - 1]]
        return source[:, spans[layer]]


@dataclass(frozen=True)
class NCP:
    """The plan of a circuit; `build` draws its synapses once the inputs are counted.

    Fan-outs and fan-in count synapses a neuron; `recurrent_command_synapses` is a total.
    Raises ElegansError where a fan is larger than the layer it reaches into.
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
            size, room = getattr(self, fan), getattr(self, layer)
            if not 1 <= size <= room:
                raise _bad(f"{fan} is {size}", f"give 1 to {room}, the number of {layer}")
        if self.recurrent_command_synapses < 0:
            raise _bad("recurrent_command_synapses is negative", "give 0 or more")
        if not 0 <= self.seed < 2**32:
            raise _bad(f"seed is {self.seed}", "give 0 to 4294967295")

    @classmethod
    def auto(
        cls, units: int, output_size: int, sparsity_level: float = 0.5, seed: int = 22222
    ) -> NCP:
        """A plan from two sizes: `units` neurons in all, `output_size` of them motor neurons.

        `sparsity_level` runs from 0.1 (nearly dense) to 1.0 (one synapse a neuron).
        """
        if output_size < 1 or output_size >= units - 2:
            raise _bad(
                f"{output_size} outputs of {units} units leave no circuit",
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
        return self.inter_neurons + self.command_neurons + self.motor_neurons

    def build(self, inputs: int) -> Wiring:
        """Draw the synapses of this plan for `inputs` sensory neurons (1 or more)."""
        if inputs < 1:
            raise _bad(f"{inputs} inputs", "give at least 1")
        first_motor = self.inter_neurons + self.command_neurons
        sense = range(inputs)
        inter = range(self.inter_neurons)
        command = range(self.inter_neurons, first_motor)
        motor = range(first_motor, self.units)
        sensory = np.zeros((inputs, self.units), np.int32)
        adjacency = np.zeros((self.units, self.units), np.int32)

        draw = _Draw(self.seed)
        draw.fan_out(sensory, sense, inter, self.sensory_fanout, most=inputs)
        draw.fan_out(adjacency, inter, command, self.inter_fanout, most=self.command_neurons)
        for _ in range(self.recurrent_command_synapses):
            source, target = draw.one(command), draw.one(command)
            adjacency[source, target] = draw.sign()
        # From the motor neurons' side: the same fan-out on the matrix turned over.
        draw.fan_out(adjacency.T, motor, command, self.motor_fanin, most=self.motor_neurons)
        layers = (
            ("inter", self.inter_neurons),
            ("command", self.command_neurons),
            ("motor", self.motor_neurons),
        )
        return Wiring(layers, sensory, adjacency)


AutoNCP = NCP.auto


class _Draw:
    """The one stream of random numbers a circuit is drawn from."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.RandomState(seed)

    def sign(self) -> int:
        return int(self._random.choice([-1, 1]))

    def one(self, neurons: Sequence[int]) -> int:
        return int(self._random.choice(neurons))

    def some(self, neurons: Sequence[int], count: int) -> list[int]:
        chosen: Any = self._random.choice(neurons, size=count, replace=False)
        return [int(neuron) for neuron in chosen]

    def fan_out(self, synapses: Polarity, near: range, far: range, fan: int, *, most: int) -> None:
        """Give each near neuron `fan` partners, then every far neuron left out its share.

        The share is the far neurons' mean number of partners, from 1 to `most`: never
        more than there are near neurons, because `fan` is at most the number of far ones.
        """
        forgotten = list(far)
        for one in near:
            for other in self.some(far, fan):
                if other in forgotten:
                    forgotten.remove(other)
                synapses[one, other] = self.sign()
        share = min(max(int(len(near) * fan / len(far)), 1), most)
        for other in forgotten:
            for one in self.some(near, share):
                synapses[one, other] = self.sign()


def _bad(fact: str, remedy: str) -> ElegansError:
    return ElegansError("wiring", fact, remedy)
