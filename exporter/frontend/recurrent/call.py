"""A node as its rule sees it, and what a walk through a graph collects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.recurrent.series.values import ONE_STEP, Shape, Value, known

Scope = dict[str, Value]
_MOST_WORK = 1 << 14  # visits of nodes; some seconds


class Work:
    """What reading a file of so many nodes may cost: visits of nodes in all its readings, and
    thousands of elements that they move or compute."""

    def __init__(self, nodes: int) -> None:
        self._left = float(_MOST_WORK + 4 * nodes)

    def spend(self, place: str, nodes: int = 1, elements: int = 0) -> None:
        """Count some work. Raises `ElegansError` if a file takes far more than a network does."""
        self._left -= nodes + elements / 1000
        if self._left < 0:
            raise ElegansError(place, "takes too many rounds or elements", ONE_STEP)


@dataclass(frozen=True, eq=False)
class Call:
    """A node, its place for errors, its inputs, its attributes, and the names that it sees."""

    place: str
    node: onnx.NodeProto
    inputs: tuple[Value | None, ...]
    given: Mapping[str, Any]
    scope: Scope

    @property
    def present(self) -> list[Value]:
        """The inputs that it has."""
        return [value for value in self.inputs if value is not None]

    def error(self, fact: str, remedy: str = ONE_STEP) -> ElegansError:
        """An error about this node."""
        return ElegansError(self.place, fact, remedy)


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A state that a node keeps from one step to the next.

    name     of its tensor in the step graph
    initial  the tensor that it starts from; None if that is 0
    after    the tensor of its next value
    rank     its number among the states of its node
    """

    place: str
    name: str
    shape: Shape
    initial: str | None
    after: str
    rank: int = 0


def constants(graph: onnx.GraphProto, path: Path) -> Scope:
    """The constants of a graph or of a body. Raises `ElegansError` for damaged ones."""
    found = {}
    for tensor in graph.initializer:
        try:
            found[tensor.name] = known(numpy_helper.to_array(tensor), tensor.data_type)
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            place = f"{path}, tensor {tensor.name!r}"
            raise ElegansError(place, f"is damaged ({error})", "export it again") from None
    return found


def value_of(place: str, scope: Scope, name: str) -> Value:
    """A tensor by its name. Raises `ElegansError` if there is none."""
    if name not in scope:
        fact = f"reads {name!r:.80}, which no earlier node computes"
        raise ElegansError(place, fact, "export the model again")
    return scope[name]
