"""What networks of images cost: flash, memory, instructions of a step, the error against float.

python -m benchmarks.camera [--write docs/camera.md] [--only paper]

The networks are those of `examples/from_camera.py` with random weights, on which neither cost
depends. Instructions are counted in one step on an emulated core, and the integers of that step are
compared with those of the reference.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch

from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_symbols
from elegans.boards.profiling.qemu_caller import qemu_caller
from elegans.boards.profiling.step_call import StepCaller, find_step
from elegans.boards.profiling.unicorn_caller import UnicornCaller
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.export import Request, export

HEAD = (
    *("network", "picture", "products", "weights", "flash", "RAM", "M4", "a product"),
    *("M55", "a product", "error", "different"),
)
_EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "from_camera.py"
_NETWORKS = {
    "small": ((1, 24, 48), (8, 12, 16), ((5, 2), (3, 2), (3, 1)), 2),
    "paper, grey": ((1, 66, 200), (24, 36, 48, 64, 8), None, 4),
    "paper": ((3, 66, 200), (24, 36, 48, 64, 8), None, 4),
}
_MOST_TRACED = 2_000_000
"""Products from which on QEMU, which logs every instruction, is not asked."""


def _save(name: str, path: Path) -> Path:
    spec = importlib.util.spec_from_file_location("from_camera", _EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    image, filters, convolved, features = _NETWORKS[name]
    more = {} if convolved is None else {"convolved": convolved}
    torch.manual_seed(302)
    saved: Path = module.DrivingNetwork(image, filters, features=features, **more).save(path)
    return saved


def _measured(build: Path, board: str) -> tuple[int, int, int, int]:
    """Instructions of a step, bytes of flash and of RAM, on an emulated board, and how many
    integers of the step differ from the reference."""
    firmware = build_firmware(build, find_board(board), "gcc")
    function = find_step(build, firmware, read_symbols(firmware.elf))
    vectors = np.load(build / "vectors.npz")

    def count(caller: StepCaller) -> tuple[int, int]:
        x, dt, h, y, h_next = (vectors[name][-1] for name in ("x", "dt", "h", "y", "h_next"))
        steps = sum(len(function.instructions(block)) for block in caller.step(x, int(dt), h))
        return steps, int(np.sum(caller.results() != np.concatenate([y, h_next])))

    if firmware.board.core.unicorn is not None:
        instructions, different = count(UnicornCaller(firmware, function))
    else:
        with qemu_caller(firmware, function) as caller:
            instructions, different = count(caller)
    return instructions, firmware.flash_bytes, firmware.ram_bytes, different


def _row(name: str, folder: Path) -> tuple[str, ...]:
    request = Request(
        _save(name, folder / "net.onnx"),
        name="net",
        input_ranges=((0.0, 1.0),),
        dt_range=(0.02, 0.1),
        accept_error=1.0,
    )
    model = export(request, folder / "BUILD")
    worst = max(error.worst for error in read_build_folder(folder / "BUILD").errors)
    instructions, flash, ram, different = _measured(folder / "BUILD", "mps2-an386")
    vector = "", ""
    if model.products <= _MOST_TRACED:
        found, _, _, more = _measured(folder / "BUILD", "mps3-an547")
        different += more
        vector = f"{found:,}", f"{found / model.products:.2f}"
    return (
        name,
        " x ".join(map(str, _NETWORKS[name][0])),
        *(f"{n:,}" for n in (model.products, model.weight_count, flash, ram, instructions)),
        f"{instructions / model.products:.2f}",
        *vector,
        f"{worst:.1e}",
        str(different),
    )


@click.command(epilog="Example: python -m benchmarks.camera --only small --write docs/camera.md")
@click.option(
    "--write",
    "document",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put each row into this document, as soon as it is measured",
)
@click.option("--only", default="", help="networks whose names begin so")
def main(document: Path | None, only: str) -> None:
    """Print the table as Markdown, and to standard error each row with its seconds."""
    logging.disable(logging.WARNING)
    rows = []
    for name in (n for n in _NETWORKS if n.startswith(only)):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            row = markdown(_row(name, Path(folder)))
        click.echo(f"{time.perf_counter() - start:.0f} s: {row}", err=True)
        rows.append(row)
        if document:
            write_row(document, "cameras", HEAD, row, list(_NETWORKS))
    click.echo("\n".join([*heading(HEAD), *rows]))


if __name__ == "__main__":
    main()
