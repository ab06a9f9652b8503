"""What an export took the ports of a graph for, in one line, and what it wondered about.

`sensors x[8] (-1:1), states h[19] c[19], no elapsed time, outputs y[1]`
"""

from __future__ import annotations

from collections.abc import Sequence

from elegans.exporter.frontend.dialects.standard import rounded
from elegans.exporter.frontend.import_graph import StepGraph
from elegans.exporter.frontend.ports.find_ports import GraphPort, GraphPorts
from elegans.exporter.frontend.ports.questions import state_option
from elegans.exporter.ir.interface import Interface, Signal, model_name

_MOST_RANGES = 4  # of one port that are written out


def summary(graph: StepGraph, interface: Interface) -> str:
    """The line: where the step was found, names as in the graph, sizes, the declared ranges of
    inputs and elapsed time."""
    ports = graph.ports
    x = [p for p in ports.inputs if p.vector == "x"]
    sensors = " ".join(f"{_sized(p)} ({_ranges(interface.inputs[p.lo : p.hi])})" for p in x)
    states = " ".join(_sized(p) for p in ports.inputs if p.vector == "h")
    outputs = " ".join(map(_sized, ports.y))
    time = _elapsed_time(graph, interface)
    found = "" if graph.found is None else f"{graph.found.told}: "
    return f"{found}sensors {sensors}, states {states}, {time}, outputs {outputs}"


def notes(graph: StepGraph, interface: Interface) -> list[str]:
    """Doubts about the ports, each a sentence with its remedy.

    They are about what may be a state but was not named as one, inputs that nothing reads, a range
    of elapsed time for a graph that takes none, a name that C does not take, and a quantised graph.
    """
    ports = graph.ports
    found = [
        f"{_shown(before)} is a sensor and {_shown(after)} an output, because --state does not "
        f"name them; if they are a state, add {state_option(before, after)}"
        for before, after in ports.left_over
    ]
    found += [
        f"{_shown(before)} is a sensor and {_shown(after)} an output, although this has its size "
        f"and depends on it; if they are a state, name every state: {_all_states(ports, pair)}"
        for pair in ports.passed_over
        for before, after in (pair,)
    ]
    found += [
        f"nothing reads the input {_shown(port.name)}; leave it out of the graph"
        for port in ports.inputs
        if port.vector == "x" and not _is_read(graph, port)
    ]
    if interface.dt.range is not None and "dt" not in ports.sizes:
        found.append(
            "elapsed time has a range, but the graph takes none; if one of its inputs is the "
            "elapsed time, name it with --elapsed"
        )
    stem = graph.path.stem
    if interface.name == model_name(stem) != stem:
        found.append(f"the model is called {interface.name}, because C takes no {stem!r:.80}")
    count = rounded(graph.given)
    if count:
        found.append(
            f"the file rounds {count} vectors to integers of its own; elegans leaves this rounding "
            "out, and keeps where they saturate"
        )
    return found


def _elapsed_time(graph: StepGraph, interface: Interface) -> str:
    port = next((p for p in graph.ports.inputs if p.vector == "dt"), None)
    if port is None:
        return "no elapsed time"
    if not _is_read(graph, port):
        return f"no elapsed time (nothing reads {_shown(port.name)})"
    unit = f" {interface.dt.unit}".rstrip()
    if interface.dt_fixed is not None:
        return f"elapsed time {_shown(port.name)} (fixed, {interface.dt_fixed:g}{unit})"
    span = _ranges([interface.dt]) + (unit if interface.dt.range else "")
    return f"elapsed time {_shown(port.name)} ({span})"


def _all_states(ports: GraphPorts, more: tuple[str, str]) -> str:
    """The options that name the states that were found, and one more."""
    pairs = zip(ports.states, (p.name for p in ports.h_next), strict=True)
    return " ".join(state_option(*pair) for pair in (*pairs, more))


def _is_read(graph: StepGraph, port: GraphPort) -> bool:
    return any(port.name in node.input for node in graph.model.graph.node)


def _sized(port: GraphPort) -> str:
    return f"{_shown(port.name)}[{port.hi - port.lo}]"


def _shown(name: str) -> str:
    """A name as it is, or quoted if it has spaces or characters that a terminal would obey."""
    return name if name.isprintable() and " " not in name else repr(name)


def _ranges(signals: Sequence[Signal]) -> str:
    """The ranges of one port: the common one, each of a few, or how many and their hull."""
    ranges = [s.range for s in signals]
    given = [r for r in ranges if r is not None]
    if len(given) < len(ranges):
        return "no range" if not given else "ranges for some only"
    if len(set(given)) == 1:
        return f"{given[0][0]:g}:{given[0][1]:g}"
    if len(given) <= _MOST_RANGES:
        return ", ".join(f"{lo:g}:{hi:g}" for lo, hi in given)
    lo, hi = min(r[0] for r in given), max(r[1] for r in given)
    return f"{len(given)} ranges within {lo:g}:{hi:g}"
