"""A torch module of one step as the bytes of an ONNX file, equal on every machine."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sysconfig
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from torch import nn
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import METADATA_KEY, Interface

OPSET = 18
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOT_THE_USERS = (
    str(Path(__file__).parents[1]),
    *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
)
"""Where the code of this trainer, of Python and of installed packages lies."""


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
        raise _untranslated(name, error) from None
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


def _untranslated(name: str, error: BaseException) -> ElegansError:
    """What torch says deepest down, and the line of the user's code in which it says so."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(("<", *_NOT_THE_USERS))]
    place = f"{own[-1].filename}, line {own[-1].lineno}" if own else f"torch.onnx, {name}"
    if isinstance(error, GuardOnDataDependentSymNode):
        fact = "the step decides by the value of a tensor, which an ONNX file cannot"
        return ElegansError(place, fact, "compute both ways and choose with torch.where")
    reason = _COLOURS.sub("", str(error)).strip().partition("\n")[0]
    fact = f"torch cannot translate the step: {reason[:200] or type(error).__name__}"
    return ElegansError(place, fact, "use operations that torch.onnx.export supports")


def _remove_source_locations(graph: onnx.GraphProto) -> None:
    """Remove the notes that name source files and lines: they differ between machines."""
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del item.metadata_props[:]
        item.doc_string = ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, warnings and logs off the user's screen; its errors are
    raised, too."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),  # torch prints graphs that it refuses
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
