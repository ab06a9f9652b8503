"""A torch module of one step as the bytes of an ONNX file, equal on every machine."""

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
from elegans.exporter.ir.interface import METADATA_KEY, Interface

OPSET = 18


def step_to_onnx(
    step: nn.Module, interface: Interface, states: int, metadata: str, fold: bool = True
) -> bytes:
    """Translate `step` with torch's dynamo exporter and check the file with onnx.checker.

    step      (x [1, I], h [1, H], dt [1, 1]) -> (y [1, O], h_next [1, H]), all float32
    states    H
    metadata  the document to store under elegans' key
    fold      whether what parameters alone decide, as a weight times its mask, is one constant;
              without it the file is only good for following how parameters become constants

    Raises ElegansError where torch cannot translate the module.
    """
    inputs, name = len(interface.inputs), interface.name
    example = (torch.zeros(1, inputs), torch.zeros(1, states), torch.ones(1, 1))
    try:
        with _quiet():
            program = torch.onnx.export(
                step,
                example,
                input_names=["x", "h", "dt"],
                output_names=["y", "h_next"],
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                optimize=fold,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise ElegansError(
            f"torch.onnx, {name}",
            f"cannot translate the step ({reason})",
            "use operations that torch.onnx.export supports",
        ) from None
    if program is None:
        raise ElegansError("torch.onnx", "it exported nothing", "use torch 2.6 or newer")
    model = program.model_proto
    model.graph.name = name
    model.doc_string = ""
    _remove_source_locations(model.graph)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata})
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _remove_source_locations(graph: onnx.GraphProto) -> None:
    """Remove the notes that name source files and lines: they differ between machines."""
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del item.metadata_props[:]
        item.doc_string = ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, warnings and logs off the user's screen."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
