"""The errors about states that names and dataflow leave open, or that contradict each other.

Each shows the options that would answer it.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.dataflow import Dataflow
from elegans.exporter.frontend.open_file import EXPORT_ONE_STEP
from elegans.exporter.frontend.ports.names import (
    PortSizes,
    alike,
    is_state_name,
    is_surely_state_name,
)

_LISTED = 12  # candidates in an error
_MOST = 64  # pairs of which each is compared with each


def undecided(
    ports: PortSizes,
    pairs: dict[str, str],
    left: Sequence[tuple[str, str]],
    likely: Sequence[tuple[str, str]],
    path: Path,
) -> ElegansError:
    """The error that asks: all candidates, and the options for one way to pair them.

    pairs   what has been decided
    left    the candidates (input, output) about which nothing is decided
    likely  those of them that are likelier to be states than sensors
    """
    guess = dict(pairs)
    by_name = [p for p in alike(ports.inputs, ports.outputs) if p[0] != p[1]]
    for i, o in (*by_name, *reversed(likely or left)):  # sensors usually come first
        free = i not in guess and o not in guess.values()
        if free and len(guess) + 1 < len(ports.inputs):
            guess[i] = o
    listed = ", ".join(f"{i}:{o}" for i, o in left[:_LISTED])
    more = f" and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
    options = " ".join(state_option(i, guess[i]) for i in ports.inputs if i in guess)
    return ElegansError(
        path,
        f"has several candidates for its states: {listed}{more}",
        f"name them: {options} (if these are the pairs; name every state there is, "
        "the other inputs are then sensors)",
    )


def refuse_merged_states(graph: Dataflow, ports: PortSizes, path: Path) -> None:
    """Refuse a state, by its name, that nothing reads, beside another one of its size.

    torch's dynamo exporter merges inputs for which it was given one and the same tensor.
    """
    states = [name for name in ports.inputs if is_surely_state_name(name)]
    for name in (n for n in states if n not in graph.readers and n not in ports.outputs):
        other = next(
            (o for o in states if ports.inputs[o] == ports.inputs[name] and o in graph.readers),
            None,
        )
        if other is not None:
            raise ElegansError(
                path,
                f"has an input {name!r}, a state by its name, that is read by nothing",
                f"pass distinct tensors for {name!r} and {other!r} to the exporter, which merges "
                "inputs that are one tensor; or leave it out of the step",
            )


def state_option(before: str, after: str) -> str:
    """The option that names a state, to be copied into a shell."""
    return f"--state {shlex.quote(f'{before}:{after}')}"


def refuse_swapped_names(
    graph: Dataflow, ports: PortSizes, pairs: dict[str, str], path: Path
) -> None:
    """Refuse names that pair two states crosswise to the gates: c gates `h_next`, not `c_next`."""
    gated = {i: graph.blended(i) for i in pairs} if len(pairs) <= _MOST else {}
    for (one, after), (other, far) in itertools.permutations(pairs.items() if gated else (), 2):
        fits = far in gated[one] and after not in gated[one] and far not in gated[other]
        if fits and ports.inputs[one] == ports.inputs[other] and after in graph.dependents(other):
            options = f"{state_option(one, far)} {state_option(other, after)}"
            raise ElegansError(
                path,
                f"its names and its gates disagree: {one}:{after} by their names, but {one} is "
                f"blended into {far}",
                f"rename them, or name all states: {options}",
            )


def without_state(graph: Dataflow, ports: PortSizes, path: Path) -> ElegansError:
    """The error about a graph of which no input can be a state, or none by its name."""
    named = [
        state_option(i, o)
        for i, size in ports.inputs.items()
        for o, other in ports.outputs.items()
        if size == other and len(ports.inputs) > 1 and o in graph.dependents(i)
    ]
    fact = "no output has the size of an input that it depends on"
    return ElegansError(
        path,
        f"keeps no state: {'its inputs have the names of sensors' if named else fact}",
        "elegans takes steps of recurrent networks; give an MLP a delay line as its state: "
        f"h_next = [h[I:], x]{', or name the state: ' + named[0] if named else ''}",
    )


def refuse_joined_states(ports: PortSizes, pairs: dict[str, str], path: Path) -> None:
    """Refuse states that come apart and go joined, or the other way round: each port is one
    vector of the step, so [h, c] must be joined on both sides or on neither."""
    before = [n for n in ports.inputs if n not in pairs and is_state_name(n)]
    after = [n for n in ports.outputs if n not in pairs.values() and n not in ports.shown]
    for many, sizes, ones, others in (
        (before, ports.inputs, after, ports.outputs),
        ([n for n in after if is_state_name(n)], ports.outputs, before, ports.inputs),
    ):
        total = sum(sizes[n] for n in many)
        one = next((n for n in ones if others[n] == total), None)
        if len(many) > 1 and one is not None:
            fact = f"has the states {', '.join(many)} apart, but joined in {one!r}"
            raise ElegansError(path, fact, f"join both or neither; {EXPORT_ONE_STEP}")


def refuse_lone_states(ports: PortSizes, pairs: dict[str, str], path: Path) -> None:
    """Refuse a state, by its name, of which no output is the next value."""
    for name in ports.inputs:
        if name not in pairs and is_surely_state_name(name):
            options = " ".join(state_option(*pair) for pair in pairs.items())
            raise ElegansError(
                path,
                f"has an input {name!r}, a state by its name, but no output that is its next value",
                f"export its next value, too; if it is a sensor, name the states: {options}",
            )
