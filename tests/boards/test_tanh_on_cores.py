"""tanh in every core's own instructions, over all of its 65,536 arguments."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards import power
from elegans.boards.build import build
from elegans.boards.descriptor import find_board
from elegans.boards.profile import profile
from elegans.boards.toolchain import cross_compilers
from elegans.exporter.emit import emit
from elegans.exporter.export import _model_json
from elegans.exporter.files import npz, write_folder
from elegans.exporter.model import Channel, Model, Step, Window
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.tanh import Tanh
from elegans.exporter.reference import step

_ROWS, _SHIFT = 68, 14  # of 1,024 arguments each, and a few beyond both ends


@pytest.fixture(scope="module")
def every_argument(tmp_path_factory):
    """Row i of a map with tanh is x / 64 + 1024 i, so 1,024 values of x are all arguments."""
    any_int16 = np.array([-32768]), np.array([32767])
    weights = np.full((_ROWS, 1), 1 << (_SHIFT - 6))
    bias = (1024 * np.arange(_ROWS) - 32768 - 1024) << _SHIFT
    steps = (
        Step("x_in", "inputs", Clamp(*any_int16), ((Window("x", 0, 1),),), 1, (15,)),
        Step(
            "drive",
            "layer",
            Linear(weights, bias, np.full(_ROWS, _SHIFT)),
            ((Window("x_in", 0, 1),),),
            _ROWS,
            (12,) * _ROWS,
        ),
        Step("new", "layer", Tanh(), ((Window("drive", 0, _ROWS),),), _ROWS, (15,) * _ROWS),
    )
    states = tuple(Channel(f"layer[{i}]", "", 15, -32768, 32767) for i in range(_ROWS))
    ports = Channel("x0", "", 15, -32768, 32767), Channel("y0", "", 15, -32768, 32767)
    new = (Window("new", 0, _ROWS),)
    model = Model("grid", ports[:1], None, states, ports[1:], steps, (Window("new", 0, 1),), new)
    x = np.arange(-32768, 32768, 64)[:, None]
    h = np.zeros((len(x), _ROWS), np.int64)
    y, h_next = step(model, x, np.zeros((len(x), 1)), h)
    everything = {int(v) for v in Tanh().integer(np.arange(-32768, 32768))}
    assert set(np.unique(h_next).tolist()) == everything
    arrays = {"x": x, "dt": np.zeros(len(x)), "h": h, "y": y, "h_next": h_next}
    arrays = {name: a.astype(np.int16) for name, a in arrays.items()}
    arrays["section"] = np.ones(len(x), np.uint8)
    files = {path: text.encode() for path, text in emit(model).items()}
    files["vectors.npz"] = npz(arrays)
    files["model.json"] = _model_json(model, "speed", files, [])
    folder = tmp_path_factory.mktemp("grid") / "BUILD"
    write_folder(folder, files)
    assert "EL_TANH_LAYER" in files["layers.S"].decode()
    return folder


@pytest.mark.parametrize(
    ("board", "compiler"),
    [
        *itertools.product(["microbit", "mps2-an385", "mps2-an386"], cross_compilers()),
        ("mps3-an547", "auto"),
    ],
)
def test_tanh_of_every_argument_has_the_reference_s_bits(every_argument, board, compiler):
    chosen = find_board(board)
    if not power.emulators(chosen):
        pytest.skip(f"no emulator of {board} is installed")
    done = profile(every_argument, build(every_argument, chosen, compiler))
    assert done.steps == 1024
    assert (done.different, done.paths, done.uneven) == (0, 1, ())
