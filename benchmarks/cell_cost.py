"""What a trained cell costs on a virtual board, and whether three exporters can write it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from elegans.benchmarks.cell_accuracy import Setting, free_error
from elegans.benchmarks.torch_files import to_onnx
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Model
from elegans.hil_tests.session.session import hil
from elegans.trainer import export_onnx
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.onnx_out.export_step import step_of


def _traced(net: Recurrent, path: Path, dynamo: bool) -> Path:
    """The step, written by one of torch's two exporters as a user would call it."""
    step = step_of(net, int(net.input_size)).eval()
    example = (torch.zeros(1, net.input_size), torch.zeros(1, net.state_size), torch.ones(1, 1))
    names = ["x", "h", "dt"]
    logging.disable(logging.WARNING)
    return to_onnx(step, example, path, dynamo, names, ["y", "h_next"], None if dynamo else 17)


@dataclass(frozen=True)
class Cost:
    """What was measured of one cell."""

    exports: int
    error16: float
    error8: float
    instructions: str
    flash: int | None
    ram: int | None
    integers: int
    different: int


def measured_cost(net: Recurrent, setting: Setting, folder: Path) -> Cost:
    """Export the network from each exporter's file, and run it on the virtual board."""
    first = export_onnx(net, net.input_size, folder / "net.onnx")
    sources = [first]
    for dynamo in (True, False):
        sources.append(_traced(net, folder / f"net{int(dynamo)}.onnx", dynamo))
    models: list[Model] = []
    for source in sources:
        request = Request(source, "net", (setting.inputs,), setting.dt)
        models.append(export(request, folder / source.stem))
    request = Request(first, "net", (setting.inputs,), setting.dt, weight_bits=8, accept_error=1.0)
    export(request, folder / "narrow")
    verdicts = [hil(folder / name, "mps2-an386") for name in ("net", "narrow")]
    lo, hi = verdicts[0].instructions or (0, 0)
    return Cost(
        exports=sum(m.steps != () for m in models),
        error16=free_error(first, setting),
        error8=free_error(first, setting, bits=8),
        instructions=f"{hi:,}" if lo == hi else f"{lo:,} to {hi:,}",
        flash=verdicts[0].flash_bytes,
        ram=verdicts[0].ram_bytes,
        integers=sum(v.integers for v in verdicts),
        different=sum(v.mismatches for v in verdicts),
    )
