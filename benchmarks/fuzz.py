"""Mutated ONNX files: the importer must read each one or refuse it with an error in one line.

python -m benchmarks.fuzz [--cases 10000] [--seed 0]

Prints how often each error occurred, and every case that raised anything but an ElegansError
or took longer than ten seconds; exits with 1 if there was such a case.
"""

from __future__ import annotations

import collections
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import onnx

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.lower import lower

_SLOW = 10.0
_KINDS = ["Add", "Mul", "Div", "MatMul", "Gemm", "Tanh", "Exp", "Concat", "Split", "Reshape"]
_KINDS += ["ReduceSum", "Conv", "Gather", "Abs", "Transpose", "Loop", "Expand", "Softmax", "LSTM"]


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """The file with some bytes, or some parts of its graph, replaced at random."""
    if random.random() < 0.5:
        damaged = bytearray(data)
        for place in random.integers(0, len(data), random.integers(1, 5)):
            damaged[place] = random.choice([0, 1, 2, 127, 128, 255, random.integers(256)])
        return bytes(damaged)
    model = onnx.load_model_from_string(data)
    for _ in range(random.integers(1, 4)):
        _wrong(model.graph, random)
    return model.SerializeToString()


def _wrong(graph: onnx.GraphProto, random: np.random.Generator) -> None:
    """One structural mistake, as a bad exporter or an attacker would make it."""
    node = graph.node[random.integers(len(graph.node))]
    other = graph.node[random.integers(len(graph.node))]
    tensor = graph.initializer[random.integers(len(graph.initializer))]
    mistake = random.integers(10)
    if mistake == 0:
        graph.node.remove(node)
    elif mistake == 1:
        node.op_type = str(random.choice(_KINDS))
    elif mistake == 2 and node.input:
        node.input[random.integers(len(node.input))] = other.output[0]  # a cycle, perhaps
    elif mistake == 3:
        graph.node.append(node)
    elif mistake == 4 and tensor.dims:
        tensor.dims[0] = int(random.choice([0, -1, 1, 7, 1 << 40]))
    elif mistake == 5:
        tensor.data_type = int(random.integers(0, 24))
    elif mistake == 6 and tensor.raw_data:
        values = np.frombuffer(tensor.raw_data, np.uint8).copy()
        values[random.integers(len(values)) :] = random.integers(256)
        tensor.raw_data = values.tobytes()
    elif mistake == 7 and node.attribute:
        node.attribute[0].i = int(random.choice([-9, -1, 0, 1, 2, 1 << 50]))
    elif mistake == 8:
        port = (*graph.input, *graph.output)[random.integers(len(graph.input))]
        port.type.tensor_type.shape.dim.add().dim_value = int(random.choice([0, 1, 3, 1 << 40]))
    elif node.input:
        node.input[0] = tensor.name


def tried(path: Path) -> str:
    """The outcome for one file: 'read', or the text of the error without its place."""
    try:
        graph = open_graph(path)
        interface = with_ranges(read_interface(graph), [(-1.0, 1.0)], (0.0, 1.0), None)
        lower(read_network(graph, interface))
    except ElegansError as error:
        return str(error).split(": ", 1)[-1].split(";")[0][:60]
    return "read"


@click.command()
@click.argument("source", type=click.Path(path_type=Path), default="tests/golden/worm.onnx")
@click.option("--cases", default=10000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(source: Path, cases: int, seed: int) -> None:
    """Mutate SOURCE and import it, CASES times."""
    random, data = np.random.default_rng(seed), source.read_bytes()
    outcomes: collections.Counter[str] = collections.Counter()
    escaped: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.onnx"
        for case in range(cases):
            path.write_bytes(mutated(data, random))
            start = time.monotonic()
            try:
                words = "".join("#" if c.isdigit() else c for c in tried(path))
                outcomes[words] += 1
            except Exception as error:  # that is what this looks for
                escaped.append(f"case {case}: {error!r:.200}")
            if (seconds := time.monotonic() - start) > _SLOW:
                escaped.append(f"case {case}: took {seconds:.0f} s")
    for words, count in outcomes.most_common(25):
        click.echo(f"{count:7d}  {words}")
    click.echo(f"{cases} cases, {outcomes['read']} read, {len(escaped)} escaped")
    for line in escaped[:20]:
        click.echo(line)
    if escaped:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
