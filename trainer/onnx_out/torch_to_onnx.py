"""A torch module of one step as the bytes of an ONNX file, the same on every machine."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.onnx_out.signals import METADATA_KEY

OPSET = 18


def trace(step: nn.Module, inputs: int, neurons: int, name: str, document: str) -> bytes:
    """`step(x [1, I], h [1, H], dt [1, 1]) -> (y, h_next)` through torch's dynamo exporter.

    `document` becomes the metadata under elegans' key. Raises ElegansError where torch
    cannot trace the module.
    """
    example = (torch.zeros(1, inputs), torch.zeros(1, neurons), torch.ones(1, 1))
    try:
        with _silence():
            program = torch.onnx.export(
                step,
                example,
                input_names=["x", "h", "dt"],
                output_names=["y", "h_next"],
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                optimize=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise ElegansError(
            f"torch.onnx, {name}", f"cannot trace the step ({reason})", "mend the module"
        ) from None
    if program is None:
        raise ElegansError("torch.onnx", "it exported nothing", "use torch 2.6 or newer")
    model = program.model_proto
    model.graph.name = name
    model.doc_string = ""
    # Tracing notes name source files and lines: they would differ from machine to machine.
    _forget_where(model.graph)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: document})
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _forget_where(graph: onnx.GraphProto) -> None:
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del item.metadata_props[:]
        item.doc_string = ""


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter's progress, warnings and logs off the user's screen."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
