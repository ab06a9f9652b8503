"""Files of one network as people have them: opsets, optimisers, half precision, quantisation.

python -m benchmarks.file_table [--write docs/doors.md] [--only opset,QDQ]

A GRU with a small head is written in each way, exported, and run on the virtual board (an M4) with
the golden vectors, which compare every integer. onnxsim's row needs `pip install onnxsim`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import torch
from torch import Tensor, nn

from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.benchmarks.torch_files import to_onnx
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.hil_tests.session.session import hil

HEAD = ("file", "same bits", "error", "M4", "flash", "integers", "different")
_INPUTS, _UNITS = 4, 8
_OPTIMISED = {
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
Writer = Callable[[Path], None]


class _Network(nn.Module):
    """One step: a GRU cell, then two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(_INPUTS, _UNITS)
        self.head = nn.Sequential(nn.Linear(_UNITS, 6), nn.ReLU(), nn.Linear(6, 2))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """y [1, 2], h_next [1, 8]."""
        h = self.cell(x, h)
        return self.head(h), h


def _network(kind: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(302)
    return _Network().eval().to(kind)


def _torch(path: Path, opset: int, dynamo: bool, kind: torch.dtype = torch.float32) -> None:
    sizes = ((1, _INPUTS), (1, _UNITS))
    example = tuple(torch.zeros(size, dtype=kind) for size in sizes)
    to_onnx(_network(kind), example, path, dynamo, ["x", "h"], ["y", "h_next"], opset)


def _by_torch(opset: int, dynamo: bool, kind: torch.dtype = torch.float32) -> Writer:
    return lambda path: _torch(path, opset, dynamo, kind)


def _plain(path: Path) -> Path:
    """The file that other tools change."""
    source = path.with_name("plain.onnx")
    _torch(source, 17, dynamo=False)
    return source


def _optimised(level: str, source: Callable[[Path], Path] = _plain) -> Writer:
    def write(path: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, _OPTIMISED[level])
        options.optimized_model_filepath = str(path)
        options.log_severity_level = 4
        ort.InferenceSession(source(path), options, providers=["CPUExecutionProvider"])

    return write


def _simplified(path: Path) -> None:
    import onnxsim

    onnx.save(onnxsim.simplify(onnx.load(_plain(path)))[0], path)


def _half(path: Path) -> None:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(_plain(path)), keep_io_types=True), path)


def _with_int8_weights(channels: bool) -> Writer:
    """Each matrix as DequantizeLinear of int8, with one scale or one for each row."""

    def write(path: Path) -> None:
        model = onnx.load(_plain(path))
        graph = model.graph
        for tensor in [t for t in graph.initializer if len(t.dims) == 2]:
            w = onnx.numpy_helper.to_array(tensor)
            scale = np.abs(w).max(axis=1 if channels else None) / np.float32(127)
            q = np.round(w / (scale[:, None] if channels else scale)).astype(np.int8)
            name = tensor.name
            parts = {f"{name}_q": q, f"{name}_s": np.float32(scale)}
            graph.initializer.remove(tensor)
            graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in parts.items())
            axis = {"axis": 0} if channels else {}
            graph.node.insert(
                0, onnx.helper.make_node("DequantizeLinear", [*parts], [name], **axis)
            )
        onnx.save(model, path)

    return write


def _dynamic(path: Path) -> Path:
    from onnxruntime.quantization import quantize_dynamic

    target = path.with_name("dynamic.onnx")
    quantize_dynamic(str(_plain(path)), str(target))
    return target


def _static(form: str) -> Writer:
    """Calibrated on 100 random inputs and states."""

    def write(path: Path) -> None:
        from onnxruntime import quantization

        class Samples:  # as `quantization.CalibrationDataReader`, which has no types
            def __init__(self) -> None:
                random = np.random.default_rng(0)
                sizes = {"x": _INPUTS, "h": _UNITS}
                self.left: Iterator[dict[str, Any]] = iter(
                    {
                        n: random.uniform(-1, 1, (1, size)).astype(np.float32)
                        for n, size in sizes.items()
                    }
                    for _ in range(100)
                )

            def get_next(self) -> dict[str, Any] | None:
                return next(self.left, None)

        formats = quantization.QuantFormat
        quantization.quantize_static(
            str(_plain(path)), str(path), Samples(), quant_format=getattr(formats, form)
        )

    return write


FILES: dict[str, Writer] = {
    "torch, opset 17": _by_torch(17, False),
    **{f"torch, opset {v}": _by_torch(v, False) for v in (9, 11, 13, 15)},
    **{f"torch (dynamo), opset {v}": _by_torch(v, True) for v in (18, 20, 23, 25)},
    **{f"onnxruntime's optimiser, {level}": _optimised(level) for level in _OPTIMISED},
    "onnxsim": _simplified,
    "float64": _by_torch(17, False, torch.float64),
    "float16, by torch": _by_torch(17, False, torch.float16),
    "float16, by onnxruntime's converter": _half,
    "bfloat16": _by_torch(20, True, torch.bfloat16),
    "int8 weights": _with_int8_weights(False),
    "int8 weights, a scale for each row": _with_int8_weights(True),
    "dynamic quantisation": lambda path: path.write_bytes(_dynamic(path).read_bytes()) and None,
    "dynamic quantisation, optimised": _optimised("all", _dynamic),
    "static quantisation, QDQ": _static("QDQ"),
    "static quantisation, QOperator": _static("QOperator"),
}
"""The ways in which the file comes to be, by what they are called in the table."""

_PLAIN = next(iter(FILES))


def _exported(name: str, folder: Path) -> tuple[str, Path]:
    """The digest of a file's model, and its BUILD. Raises `ElegansError` if it is refused."""
    path = folder / "file.onnx"
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        FILES[name](path)
    model = export(Request(path, name="model", input_ranges=((-1.0, 1.0),)), folder / "BUILD")
    return model.digest, folder / "BUILD"


def _row(name: str, digest: str, build: Path, plain: str) -> tuple[str, ...]:
    verdict = hil(build, "mps2-an386")
    lo, _ = verdict.instructions or (0, 0)
    return (
        name,
        "" if name == _PLAIN else "yes" if digest == plain else "no",
        f"{max(e.worst for e in read_build_folder(build).errors):.1e}",
        f"{lo:,}",
        f"{verdict.flash_bytes:,}",
        f"{verdict.integers:,}",
        f"{verdict.mismatches}",
    )


@click.command(epilog="Example: python -m benchmarks.file_table --write docs/doors.md")
@click.option(
    "--write",
    "document",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put each row into this document, as soon as it is measured",
)
@click.option("--only", default="", help="files whose names contain one of these parts")
def main(document: Path | None, only: str) -> None:
    """Print the table as Markdown. It ends with 1 if a file is refused."""
    logging.disable(logging.WARNING)
    parts = [part.strip().lower() for part in only.split(",")]
    rows, failed = [], False
    with tempfile.TemporaryDirectory() as first:
        plain, _ = _exported(_PLAIN, Path(first))
    for name in (n for n in FILES if any(part in n.lower() for part in parts)):
        with tempfile.TemporaryDirectory() as folder:
            try:
                row = markdown(_row(name, *_exported(name, Path(folder)), plain))
            except (ElegansError, ImportError) as error:
                click.echo(f"{name}: {error}", err=True)
                failed = True
                continue
        click.echo(row, err=True)
        rows.append(row)
        if document:
            write_row(document, "files", HEAD, row, list(FILES))
    click.echo("\n".join([*heading(HEAD), *rows]))
    sys.exit(failed)


if __name__ == "__main__":
    main()
