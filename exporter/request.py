"""What to export, as the user asks for it, and the network that is read of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from elegans.exporter.data.ranges import ranges_from
from elegans.exporter.frontend.import_graph import (
    StepGraph,
    open_graph,
    read_interface,
    read_network,
)
from elegans.exporter.frontend.ports.find_ports import States
from elegans.exporter.frontend.ports.summary import notes, summary
from elegans.exporter.ir.declared import (
    with_formats,
    with_named_ranges,
    with_output_ranges,
    with_ranges,
)
from elegans.exporter.ir.interface import Interface, Range, Signal
from elegans.exporter.ir.raw_format import RawFormat
from elegans.exporter.ir.real_network import Network
from elegans.exporter.oracles.free_run import REFUSED
from elegans.exporter.oracles.sequence_check import check_sequence
from elegans.exporter.state_ranges import (
    RECORDED_MARGIN,
    Runs,
    require_maps,
    with_state_ranges,
)
from elegans.exporter.storage.npz_arrays import MOST_VALUES, load_arrays


@dataclass(frozen=True)
class Request:
    """What to export, and what the user says of it; None and () leave it to the file.

    source        the ONNX file of one step
    name          of the model, the prefix of its C
    input_ranges  (lo, hi): one for all inputs, or one for each
    dt_range      the least and the greatest elapsed time between two steps
    dt            a fixed sample period instead
    recording     an .npz of x and dt, for golden vectors
    weight_bits   16 or 8
    states        (input, output) names of all states, where the graph is ambiguous
    elapsed       the name of the input that is the elapsed time, where it is ambiguous
    layout        speed, balanced or size
    flash_limit   bytes of tables and weights beyond which the next layout is taken
    accept_error  the greatest free-running error against float that is accepted, as a fraction
                  of the range that a state or output uses
    input_formats (name or None, format) of inputs that are raw counts: see `with_formats`
    state_ranges  (name or None, (lo, hi)) of states that saturate: see `with_state_ranges`
    output_ranges (name or None, (lo, hi)) of outputs that saturate: see `with_output_ranges`
    named_ranges  (name, (lo, hi)) of single inputs
    ranges_from   a file with the ranges of all inputs: see `ranges_from`. What else is given of a
                  range goes before it
    weights_block whether the weights are a block that can be replaced without new code
    weights_for   the BUILD with such a block whose code shall take these weights, too
    """

    source: Path
    name: str | None = None
    input_ranges: tuple[Range, ...] = ()
    dt_range: Range | None = None
    dt: float | None = None
    recording: Path | None = None
    weight_bits: int = 16
    states: States = ()
    elapsed: str | None = None
    layout: str = "speed"
    flash_limit: int | None = None
    accept_error: float = REFUSED
    input_formats: tuple[tuple[str | None, RawFormat], ...] = ()
    state_ranges: tuple[tuple[str | None, Range], ...] = ()
    output_ranges: tuple[tuple[str | None, Range], ...] = ()
    named_ranges: tuple[tuple[str, Range], ...] = ()
    ranges_from: Path | None = None
    weights_block: bool = False
    weights_for: Path | None = None

    @property
    def replaceable(self) -> bool:
        """Whether the weights are a block."""
        return self.weights_block or self.weights_for is not None


@dataclass(frozen=True)
class Read:
    """What a file and a request say: the network in real numbers.

    ports     the sentence about what the graph's ports were taken for
    told      sentences about ranges and ports
    shown_by  runs that show ranges of states; None without a recording
    """

    graph: StepGraph
    interface: Interface
    network: Network
    ports: str
    told: tuple[str, ...]
    shown_by: Runs | None


def read(request: Request, progress: Callable[[str], None], told: Callable[[str], None]) -> Read:
    """The network of a request. Raises `ElegansError`; `progress` and `told` are as in `export`."""
    graph = open_graph(request.source, request.states, request.elapsed)
    interface = read_interface(graph, request.name)
    request = _of_signals(request, graph, interface)
    interface, of_ranges = _declared(request, interface)
    interface = with_output_ranges(interface, request.output_ranges)
    if request.input_formats:
        interface = with_formats(interface, request.input_formats)
    ports = summary(graph, interface)
    told(ports)
    progress("reading the graph")
    check_sequence(graph)
    network = read_network(graph, interface)
    require_maps(network, request.output_ranges)
    network = with_state_ranges(network, request.state_ranges, graph.ports.states)
    shown_by = _recorded(request.recording, network)
    return Read(graph, interface, network, ports, (*of_ranges, *notes(graph, interface)), shown_by)


def _of_signals(request: Request, graph: StepGraph, interface: Interface) -> Request:
    """The request with what it says of whole inputs and outputs of the graph, as of `x` that has
    the elements x0 to x3, said of each element."""
    sensors = [port for port in graph.ports.inputs if port.vector == "x"]
    inputs = {port.name: _names(interface.inputs[port.lo : port.hi]) for port in sensors}
    outputs = {port.name: _names(interface.outputs[port.lo : port.hi]) for port in graph.ports.y}
    return replace(
        request,
        named_ranges=tuple(_spread(request.named_ranges, inputs)),
        input_formats=tuple(_spread(request.input_formats, inputs)),
        output_ranges=tuple(_spread(request.output_ranges, outputs)),
    )


def _names(signals: Sequence[Signal]) -> list[str]:
    return [signal.name for signal in signals]


def _spread(
    given: Sequence[tuple[Any, Any]], ports: Mapping[str, list[str]]
) -> Iterator[tuple[Any, Any]]:
    """Pairs of a port's name as pairs of its signals' names; what is said of a single signal goes
    before, and so does a signal that is called as the port is."""
    signals = {name for names in ports.values() for name in names}
    single = {name for name, _ in given if name in signals}
    for name, said in given:
        whole = [] if name is None or name in signals else ports.get(name, [])
        yield from ((signal, said) for signal in whole if signal not in single)
        if not whole:
            yield name, said


def _declared(request: Request, interface: Interface) -> tuple[Interface, tuple[str, ...]]:
    """The interface with the ranges that the user gives, the more exact ones last, and sentences
    about those that were found in data."""
    told: tuple[str, ...] = ()
    if request.ranges_from is not None:
        found = ranges_from(request.ranges_from, [s.name for s in interface.inputs])
        ranges, told = dict(found.ranges), found.told
        dt = ranges.pop("dt", None)
        interface = with_named_ranges(interface, tuple(ranges.items()))
        interface = with_ranges(interface, [], dt if request.dt is None else None, None)
    interface = with_ranges(interface, list(request.input_ranges), request.dt_range, request.dt)
    return with_named_ranges(interface, request.named_ranges), told


def _recorded(recording: Path | None, network: Network) -> Runs | None:
    """The recording as runs of the float network; None where there is none, or one that does not
    fit, which `load_recording` says later."""
    arrays: Mapping[str, Any] = {} if recording is None else load_arrays(recording)
    x = arrays.get("x", np.zeros(0)).astype(np.float64)
    x = x[None] if x.ndim == 2 else x
    dt = arrays.get("dt", np.zeros(x.shape[:2])).astype(np.float64)
    if x.ndim != 3 or x.shape[-1] != len(network.interface.inputs) or dt.size != x[..., 0].size:
        return None
    if dt.size * sum(w.size for w in network.h_next) > MOST_VALUES:
        return None
    dt = dt.reshape(x.shape[:2])
    return Runs(x.swapaxes(0, 1), dt.swapaxes(0, 1), RECORDED_MARGIN, "the recording")
