"""Every cell executes the same instructions for every input, on every core, at every level."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.benchmarks.cells import CELLS
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.profile import profile
from elegans.exporter.export import Request, export
from elegans.tests.boards.conftest import M0_M3_M4, M55, RV32, RV32E, copy_of_tiny, skip_without
from elegans.trainer import export_onnx

# Together they use every kernel.
_CELLS = [
    *("CTRNN, exact", "CTRNN, semi-implicit", "LTC, 6 unfolds, wired", "LTC, fixed period"),
    *("CfC, wired", "CfC, wired, no gate", "CfC, wired, pure", "CfC, relu", "CfC, silu"),
    *("CfC, gelu", "CfC behind a convolution", "GRU", "LSTM", "MLP on 8 samples"),
]
# Every core by gcc, where there is one, and an M4 by zig as well: a build takes two seconds.
_BUILDS = [("mps2-an386", "zig"), *((board, cross_compilers()[-1]) for board in M0_M3_M4)]
_BUILDS = list(dict.fromkeys(_BUILDS))
# A branch that no compiler can turn into code without a branch.
_BRANCH = "    if (x[0] > 3) {\n        for (volatile int i = 0; i < x[0] % 7; i++) { }\n    }\n"


class _General(nn.Module):
    """A step of every kernel of general arithmetic."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(7, 4), nn.Linear(7, 4)

    def forward(self, x, h):
        both = torch.cat([x, h], -1)
        z = torch.maximum(self.a(both), self.b(both))
        chosen = torch.where(z > 0.1, z - torch.floor(z), torch.atan(z) * self.b(both))
        p = torch.softmax(functional.layer_norm(chosen, (4,)), dim=-1)
        slow, turned = 0.94 * h[:, :2] + 0.05 * h[:, :2].flip(-1), 0.8 * h[:, 2:]
        return p, torch.cat([slow, turned + 0.1 * h[:, 2:].flip(-1)], -1) + 0.1 * p


@pytest.fixture(scope="module", params=[*_CELLS, "general"])
def cell(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cell")
    if request.param == "general":
        return _general(folder)
    period = 0.05 if "fixed period" in request.param else None
    make = CELLS[request.param.replace("fixed period", "6 unfolds, wired")][1]
    torch.manual_seed(302)
    net = make()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter *= 2.0  # some of them saturate
    source = export_onnx(net, net.input_size, folder / "net.onnx")
    # Cells that saturate may amplify any difference, so any error is accepted.
    ranges = {"input_ranges": ((-2.0, 2.0),), "dt_range": (0.01, 1.0), "dt": period}
    export(Request(source, "net", **ranges, accept_error=2.0), folder / "BUILD")
    return folder / "BUILD"


def _general(folder):
    torch.manual_seed(302)
    example, names = (torch.zeros(1, 3), torch.zeros(1, 4)), ["x", "h"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ports = {"input_names": names, "output_names": ["y", "h_next"]}
        torch.onnx.export(_General().eval(), example, folder / "net.onnx", dynamo=False, **ports)
    request = Request(folder / "net.onnx", input_ranges=((-2.0, 2.0),), accept_error=2.0)
    kernels = {step.op.kernel for step in export(request, folder / "BUILD").steps}
    general = {"advance", "any_function", "below_greatest", "choose", "extremum", "fraction"}
    assert general | {"normalise", "turn", "within"} <= kernels
    return folder / "BUILD"


@pytest.mark.half
@pytest.mark.parametrize(("board", "compiler"), _BUILDS)
def test_no_branch_of_any_cell_depends_on_the_data(cell, board, compiler):
    measured = profile(cell, build_firmware(cell, find_board(board), compiler), steps=16)
    assert measured.data_dependent == ()
    assert measured.paths == 1
    assert measured.mismatches == 0


@pytest.mark.half
@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("level", ["0", "1", "3", "s"])
@pytest.mark.parametrize("board", ["microbit", "mps2-an386"])
def test_no_level_of_optimisation_adds_a_branch(worm, board, level, compiler):
    measured = profile(worm, build_firmware(worm, find_board(board), compiler, level), steps=32)
    assert (measured.data_dependent, measured.paths, measured.mismatches) == ((), 1, 0)


@pytest.mark.parametrize(("compiler", "level"), [("zig", "0"), ("zig", "2"), ("gcc", "s")])
@pytest.mark.parametrize("board", [RV32, RV32E])
def test_risc_v_has_no_branch_that_depends_on_the_data(worm, board, compiler, level):
    skip_without(find_board(board), compiler)
    measured = profile(worm, build_firmware(worm, find_board(board), compiler, level), steps=16)
    assert (measured.data_dependent, measured.paths, measured.mismatches) == ((), 1, 0)


@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("board", [*M0_M3_M4, M55])
def test_a_thousand_corners_and_random_inputs_take_the_same_instructions(worm, board, compiler):
    measured = profile(worm, build_firmware(worm, find_board(board), compiler))
    assert measured.steps >= 1000
    assert measured.instructions[0] == measured.instructions[1]
    assert (measured.data_dependent, measured.paths, measured.mismatches) == ((), 1, 0)
    assert 0 < measured.stack <= 1024


@pytest.mark.parametrize(
    "board",
    ["mps2-an386", M55, RV32],
)
def test_a_branch_on_data_is_found_and_named(tmp_path, board):
    folder = copy_of_tiny(tmp_path / "BUILD")
    text = (folder / "tiny.c").read_text()
    (folder / "tiny.c").write_text(text.replace("    int16_t next[", _BRANCH + "    int16_t next["))
    measured = profile(folder, build_firmware(folder, find_board(board)), steps=64)
    assert measured.paths > 1
    assert any(line.startswith("tiny_step+") for line in measured.data_dependent), (
        measured.data_dependent
    )
