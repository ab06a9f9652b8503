"""Time and memory of export, proof and reference, for sparse CfCs of 19 to 5,000 neurons.

python -m benchmarks.scaling [--neurons 19 --neurons 1000] [--synapses 20]

The four maps of a neuron read the same inputs, as in an NCP whose maps are all wired. The
graph stores them as sparse tensors of ONNX, so the file grows with the number of synapses.
Every size runs in a process of its own, so that its peak of memory is measured alone.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.codegen.emit import emit
from elegans.exporter.codegen.plan import plan
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.ir.proof import prove
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles.golden_vectors import free_runs, golden
from elegans.exporter.oracles.reference import run

SIZES = (19, 100, 300, 1000, 2000, 5000)
_INPUTS, _OUTPUTS, _SEED = 8, 4, 302
_MAPS = ("f", "g", "a", "b")
_LANES, _STEPS = 1000, 20
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One size: seconds of each stage, ``rate`` in reference steps per second, peak ``memory``
    in MB."""

    neurons: int
    synapses: int
    read: float
    lower: float
    prove: float
    emit: float
    golden: float
    export: float
    rate: float
    memory: float


def sparse_cfc(neurons: int, synapses: int = 20, inputs: int = _INPUTS) -> onnx.ModelProto:
    """The step of a CfC in which all maps of a neuron read the same few inputs and neurons.

    h' = f + t (g - f) with f, g = tanh and t = sigmoid(a dt + b), as in ncps.
    """
    rng = np.random.default_rng(_SEED)
    cols = inputs + neurons
    each = min(synapses, cols)
    picked = np.stack([rng.choice(cols, each, replace=False) for _ in range(neurons)])
    rows = np.repeat(np.arange(neurons), each)
    # As a matrix [cols, rows], the way a row vector is multiplied by it.
    order = np.lexsort((rows, picked.ravel()))
    at = np.stack([picked.ravel()[order], rows[order]], axis=1)
    maps, biases = [], []
    for name in _MAPS:
        weights = (rng.normal(size=len(at)) / np.sqrt(each)).astype(np.float32)
        values = numpy_helper.from_array(weights, f"W{name}")
        places = numpy_helper.from_array(at.astype(np.int64), f"I{name}")
        maps.append(helper.make_sparse_tensor(values, places, [cols, neurons]))
        bias = rng.normal(size=neurons).astype(np.float32) * 0.1
        biases.append(numpy_helper.from_array(bias, f"B{name}"))
    outputs = min(_OUTPUTS, neurons)
    ends = [neurons - outputs, neurons, 1]
    slices = [numpy_helper.from_array(np.array([v]), f"at{i}") for i, v in enumerate(ends)]
    node = helper.make_node
    nodes = [node("Concat", ["x", "h"], ["v"], axis=1)]
    for name in _MAPS:
        nodes.append(node("MatMul", ["v", f"W{name}"], [f"p{name}"]))
        nodes.append(node("Add", [f"p{name}", f"B{name}"], [f"s{name}"]))
    nodes += [
        *(node("Tanh", ["sf"], ["f"]), node("Tanh", ["sg"], ["g"])),
        *(node("Mul", ["sa", "dt"], ["adt"]), node("Add", ["adt", "sb"], ["z"])),
        *(node("Sigmoid", ["z"], ["t"]), node("Sub", ["g", "f"], ["d"])),
        *(node("Mul", ["t", "d"], ["td"]), node("Add", ["f", "td"], ["h_next"])),
        node("Slice", ["h_next", "at0", "at1", "at2"], ["y"]),
    ]

    def port(name: str, size: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])

    graph = helper.make_graph(
        nodes,
        f"cfc{neurons}",
        [port("x", inputs), port("h", neurons), port("dt", 1)],
        [port("y", outputs), port("h_next", neurons)],
        [*biases, *slices],
        sparse_initializer=maps,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def measured(neurons: int, synapses: int) -> Row:
    """Time each stage of an export, a whole export, and a run of the reference on many lanes."""
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        path = Path(scratch) / "cfc.onnx"
        onnx.save(sparse_cfc(neurons, synapses), path)
        ranges = ((-1.0, 1.0),), (0.01, 0.1)
        request = Request(path, input_ranges=ranges[0], dt_range=ranges[1], accept_error=2.0)
        interface = with_ranges(read_interface(open_graph(path)), list(ranges[0]), ranges[1], None)
        read, network = _timed(lambda: read_network(open_graph(path), interface))
        lowered, model = _timed(lambda: lower(network))
        proved, bounds = _timed(lambda: prove(model))
        emitted, _ = _timed(lambda: emit(plan(model, bounds)))
        vectors, _ = _timed(lambda: golden(model, free_runs(model, None)))
        whole, _ = _timed(lambda: export(request, Path(scratch) / "BUILD"))
    rng = np.random.default_rng(_SEED)
    lanes = max(_LANES * 100 // max(neurons, 100), 50)
    x = rng.integers(-32767, 32768, (_STEPS, lanes, len(model.inputs)))
    dt = rng.integers(model.dt.lo, model.dt.hi + 1, (_STEPS, lanes)) if model.dt else x[..., 0]
    seconds, _ = _timed(lambda: run(model, x, dt))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = _STEPS * lanes / seconds
    stages = (read, lowered, proved, emitted, vectors, whole)
    return Row(neurons, model.weight_count, *stages, rate, memory)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


@click.command()
@click.option(
    "--neurons",
    type=click.IntRange(1),
    multiple=True,
    default=SIZES,
    show_default=True,
    help="size of a network; repeat for several",
)
@click.option(
    "--synapses",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="of each neuron in each of its four maps",
)
def main(neurons: tuple[int, ...], synapses: int) -> None:
    """Print the table as Markdown, one row for each size."""
    head = ("neurons", "synapses", "read s", "lower s", "prove s", "emit s", "golden s")
    head = (*head, "export s", "reference steps/s", "synapses/s", "peak MB")
    click.echo(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for size in neurons:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            row = pool.submit(measured, size, synapses).result()
        stages = (row.read, row.lower, row.prove, row.emit, row.golden, row.export)
        times = " | ".join(f"{seconds:.2f}" for seconds in stages)
        rates = f"{row.rate:,.0f} | {row.rate * row.synapses:.1e}"
        click.echo(f"| {row.neurons:,} | {row.synapses:,} | {times} | {rates} | {row.memory:.0f} |")


if __name__ == "__main__":
    main()
