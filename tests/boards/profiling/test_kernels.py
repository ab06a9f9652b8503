"""The kernels in each core's own instructions: the bits of the reference, on a single path."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.profile import profile
from elegans.exporter.delivery.layouts import LAYOUTS
from elegans.exporter.export import Request, export
from elegans.exporter.storage.npz_arrays import load_arrays
from elegans.hil_tests.session.session import BoardOptions, hil
from elegans.tests.boards.conftest import M0_M3_M4, M55, M55_BUILT, RV32
from elegans.tests.places import forget_checksums, model_file
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell
from elegans.trainer.cells.gru_lstm_mlp import MLPCell
from elegans.trainer.networks.recurrent import Recurrent


@dataclass(frozen=True)
class _CfC:
    """A CfC of one layer; ``scale`` multiplies all weights, ``period`` is a fixed sample period in
    seconds, and ``present [neurons, inputs + neurons]`` is 1 where there is a synapse. The weights
    of the inputs are ``uneven`` times larger, and those of each neuron by another factor, so
    that int8 weights get scales of their own. ``bits`` is the size of a weight, ``mode`` the cell's
    way from f, g and t to the state."""

    inputs: int
    neurons: int
    backbone: int = 0
    scale: float = 1.0
    period: float | None = None
    present: np.ndarray | None = None
    uneven: float = 1.0
    bits: int = 16
    mode: str = "default"


_NETWORKS = {
    "one_neuron": _CfC(1, 1),
    "odd_everything": _CfC(3, 5),
    "saturating": _CfC(6, 7, scale=12.0),
    "fixed_period": _CfC(5, 6, period=0.05),
    "fixed_and_saturating": _CfC(4, 9, scale=12.0, period=0.05),
    "a_backbone": _CfC(5, 8, backbone=10),
    "a_backbone_that_saturates": _CfC(4, 6, backbone=7, scale=9.0, period=0.02),
    "more_than_sixteen_pairs": _CfC(30, 13),
    "more_than_forty_pairs": _CfC(75, 10),
    "many_pairs_and_a_fixed_period": _CfC(75, 11, period=0.05),
    "a_sum_of_heads": _CfC(6, 7, scale=12.0, mode="no_gate"),
    "a_sum_of_heads_and_a_fixed_period": _CfC(1, 1, period=0.05, mode="no_gate"),
    "int8": _CfC(8, 5, bits=8),
    "int8_one_neuron": _CfC(1, 1, uneven=8.0, bits=8),
    "int8_saturating": _CfC(6, 7, scale=12.0, bits=8),
    "int8_fixed_period": _CfC(5, 6, period=0.05, bits=8),
    "int8_in_two_parts": _CfC(5, 6, uneven=9.0, bits=8),
    "int8_fixed_in_two_parts": _CfC(7, 9, period=0.05, uneven=9.0, bits=8),
    "int8_fixed_in_two_odd_parts": _CfC(3, 3, period=0.05, uneven=9.0, bits=8),
    "int8_and_a_backbone": _CfC(5, 8, backbone=10, uneven=5.0, bits=8),
    "int8_and_many_pairs": _CfC(30, 13, uneven=6.0, bits=8),
    "int8_sum_of_heads": _CfC(6, 7, scale=12.0, bits=8, mode="no_gate"),
    "int8_sum_of_heads_in_two_parts": _CfC(5, 3, period=0.05, uneven=9.0, bits=8, mode="no_gate"),
    "int8_and_very_many_pairs": _CfC(75, 11, period=0.05, uneven=6.0, bits=8),
}


def _export(folder, cfc, **more):
    """The BUILD of a random CfC; ``more`` are fields of the `Request`."""
    torch.manual_seed(cfc.inputs + cfc.neurons)
    backbone = Backbone(cfc.backbone) if cfc.backbone else None
    cell = CfCCell(cfc.inputs, cfc.neurons, cfc.mode, backbone=backbone)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter *= cfc.scale
            if parameter.ndim == 2:
                factors = torch.logspace(0, 1, len(parameter), cfc.uneven)[:, None]
                parameter[:, : cfc.inputs] *= factors
        for gate in (cell.ff1, cell.ff2):
            gate.weight *= torch.tensor(1.0 if cfc.present is None else cfc.present)
    export_onnx(
        Recurrent(cell),
        cfc.inputs,
        folder / "net.onnx",
        input_ranges=(-1, 1),
        dt_range=(0.01, 0.1),
    )
    # Of random weights, those that saturate are far from float, and so is int8.
    more = {"weight_bits": cfc.bits} | more
    request = Request(folder / "net.onnx", dt=cfc.period, accept_error=2.0, **more)
    export(request, folder / "BUILD")
    return folder / "BUILD"


# gcc and zig assemble the same kernels: an M4 by both, the others by one of them.
_ARM = [("mps2-an386", "zig"), *((board, cross_compilers()[-1]) for board in M0_M3_M4)]
_ARM = list(dict.fromkeys(_ARM))
_EACH = [*_ARM, (RV32, "zig")]


@pytest.fixture(scope="module", params=_NETWORKS)
def network(request, tmp_path_factory):
    return _export(tmp_path_factory.mktemp(request.param), _NETWORKS[request.param])


@pytest.mark.half
@pytest.mark.parametrize(("board", "compiler"), _EACH)
def test_a_core_s_kernels_have_the_reference_s_bits_and_one_path(network, board, compiler):
    measured = profile(network, build_firmware(network, find_board(board), compiler), steps=128)
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())
    assert measured.instructions[0] == measured.instructions[1]


@pytest.fixture(
    scope="module",
    params=itertools.product([16, 8], [range(18, 9, -1), range(9, 1, -1), [1]]),
    ids=str,
)
def many_lengths(request, tmp_path_factory):
    """A perceptron whose dense maps have many different lengths. With ReLU and positive weights
    no layer makes the signal vanish."""
    weights, hidden = request.param
    folder = tmp_path_factory.mktemp("lengths")
    torch.manual_seed(5)
    net = Recurrent(MLPCell(2, 3, hidden, 2))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.rand_like(parameter) * 2.0 / parameter.shape[-1])
    export_onnx(net, 2, folder / "net.onnx", input_ranges=(-1, 1), dt_range=(0.01, 0.1))
    export(Request(folder / "net.onnx", weight_bits=weights, accept_error=2.0), folder / "BUILD")
    return folder / "BUILD"


@pytest.mark.parametrize(("board", "compiler"), [*_ARM[1:], M55_BUILT])
def test_products_of_every_length_have_the_reference_s_bits(many_lengths, board, compiler):
    assert len(np.unique(load_arrays(many_lengths / "vectors.npz")["y"])) > 100
    measured = profile(
        many_lengths, build_firmware(many_lengths, find_board(board), compiler), steps=64
    )
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())


@pytest.fixture(scope="module")
def long_rows(tmp_path_factory):
    """Rows of 343 inputs, whose sums have 64 bits."""
    return _export(tmp_path_factory.mktemp("long"), _CfC(340, 3, scale=8.0))


@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("board", [*M0_M3_M4, M55])
def test_sums_of_64_bits_have_the_reference_s_bits_and_one_path(long_rows, board, compiler):
    measured = profile(long_rows, build_firmware(long_rows, find_board(board), compiler), steps=48)
    assert {"el_long_linear", "el_long_timed_linear"} <= set(measured.functions)
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())


def test_m7_and_m33_have_the_kernels_of_m4(tmp_path):
    network = _export(tmp_path, _NETWORKS["a_backbone"])
    layers = []
    for board in ("mps2-an386", "mps2-an500", "mps2-an505"):
        measured = profile(network, build_firmware(network, find_board(board)), steps=64)
        assert (measured.mismatches, measured.paths) == (0, 1)
        layers.append({n: count for n, count in measured.functions.items() if "_layers" in n})
    assert layers[0] == layers[1] == layers[2]


@pytest.mark.parametrize(
    ("board", "compiler"), [("microbit", cross_compilers()[-1]), ("mps2-an386", "zig"), M55_BUILT]
)
@pytest.mark.parametrize("name", ["a_backbone_that_saturates", "int8_and_a_backbone"])
def test_portable_c_has_the_same_bits_on_a_core(tmp_path, name, board, compiler):
    built = _export(tmp_path, _NETWORKS[name])
    forget_checksums(built)
    core = built / "runtime" / "include" / "elegans" / "el_core.h"
    text = core.read_text()
    core.write_text(text.replace("#define EL_NATIVE 1\n", "#define EL_CORE EL_PORTABLE\n"))
    firmware = build_firmware(built, find_board(board), compiler)
    measured = profile(built, firmware, steps=64)
    assert measured.mismatches == 0
    assert "el_cfc" in "".join(measured.functions), "the portable kernels are not used"


def test_the_layers_are_in_a_core_s_own_kernels(network):
    assert "EL_CFC" in model_file(network, "_layers.S").read_text()


@pytest.mark.parametrize("network", [n for n in _NETWORKS if "two" in n], indirect=True)
def test_uneven_int8_weights_are_computed_in_two_parts(network):
    tables = model_file(network).read_text()
    assert "EL_POWERS(" in tables


@pytest.mark.parametrize("network", ["int8", "int8_fixed_period"], indirect=True)
def test_even_int8_weights_are_computed_in_one_part(network):
    assert "EL_POWERS(" not in model_file(network).read_text()


@pytest.mark.parametrize("board", [M55])
def test_vectors_take_int8_weights_in_no_more_instructions_than_int16(tmp_path, board):
    counts = []
    for bits in (16, 8):
        folder = tmp_path / str(bits)
        folder.mkdir()
        built = _export(folder, _CfC(8, 12, bits=bits))
        counts.append(profile(built, build_firmware(built, find_board(board)), steps=16))
    assert counts[1].instructions[0] <= counts[0].instructions[0]


@pytest.mark.parametrize(("board", "compiler"), [M55_BUILT])
def test_vectors_of_eight_have_the_reference_s_bits(network, board, compiler):
    measured = profile(network, build_firmware(network, find_board(board), compiler), steps=64)
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())


@pytest.fixture(
    scope="module",
    params=["a_backbone_that_saturates", "a_sum_of_heads", "int8_fixed_in_two_odd_parts"],
)
def looped(request, tmp_path_factory):
    """Layers that are loops over inputs: of an odd number of pairs, of one and of none."""
    folder = tmp_path_factory.mktemp(request.param)
    return _export(folder, _NETWORKS[request.param], layout="balanced")


@pytest.mark.half
@pytest.mark.parametrize(("board", "compiler"), [*_EACH[-4:], M55_BUILT])
def test_loops_over_inputs_have_the_reference_s_bits_and_one_path(looped, board, compiler):
    measured = profile(looped, build_firmware(looped, find_board(board), compiler), steps=64)
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())


@pytest.fixture(scope="module", params=[16, 8])
def each_layout(request, tmp_path_factory):
    """BUILDs of the same model in each layout."""
    built = [
        _export(
            tmp_path_factory.mktemp(layout),
            _CfC(20, 7, scale=3.0),
            weight_bits=request.param,
            layout=layout,
        )
        for layout in LAYOUTS
    ]
    digests = {json.loads((one / "model.json").read_text())["digest"] for one in built}
    assert len(digests) == 1
    return built


@pytest.mark.parametrize("compiler", cross_compilers()[-1:])
@pytest.mark.parametrize("board", ["microbit", "mps2-an386"])
def test_each_layout_has_the_same_bits_in_less_flash_on_one_path(each_layout, board, compiler):
    flash = []
    for built in each_layout:
        firmware = build_firmware(built, find_board(board), compiler)
        measured = profile(built, firmware, steps=64)
        assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())
        flash.append(firmware.flash_bytes)
    assert flash == sorted(flash, reverse=True)


@pytest.mark.half
@pytest.mark.parametrize("board", [*M0_M3_M4, M55])
@pytest.mark.parametrize(
    ("cfc", "weights"),
    [
        (_CfC(3, 5), 16),
        (_CfC(4, 5, scale=12.0), 8),
        (_CfC(2, 5, scale=12.0, period=0.05), 16),
        (_CfC(9, 8, period=0.05), 8),
        (_CfC(9, 6, uneven=9.0), 8),
        (_CfC(3, 4, uneven=9.0, period=0.05), 8),
    ],
)
def test_size_stores_only_the_synapses_that_exist(tmp_path, cfc, weights, board):
    rng = np.random.default_rng(cfc.inputs)
    shape = (cfc.neurons, cfc.inputs + cfc.neurons)
    present = (rng.random(shape) < 0.5).astype(np.float32)
    present[0] = 0  # a neuron without synapses, except for those of its time gate
    present[1] = 1
    cfc = replace(cfc, present=present)
    built = _export(tmp_path, cfc, weight_bits=weights, layout="size")
    stored = present.sum() + 1  # the kernels need one synapse for the neuron that has none
    maps = 2 * stored + (1 if cfc.period else 2) * present.size
    assert f"_layers_w[{int(maps)}]" in model_file(built).read_text()
    measured = profile(built, build_firmware(built, find_board(board), level="s"), steps=64)
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())


def test_a_flash_limit_selects_the_first_layout_that_fits(tmp_path):
    from elegans.exporter.errors import ElegansError

    cfc = _CfC(5, 7)
    large = _export(tmp_path, cfc, flash_limit=100_000)
    assert "EL_LOOPED" not in model_file(large, "_layers.S").read_text()
    small = _export(tmp_path, cfc, flash_limit=1_000)
    assert "EL_LOOPED" in model_file(small, "_layers.S").read_text()
    with pytest.raises(ElegansError, match="limit is 10"):
        _export(tmp_path, cfc, flash_limit=10)


@pytest.mark.parametrize("network", ["odd_everything", "fixed_and_saturating"], indirect=True)
def test_the_profile_counts_what_hil_counts_except_for_the_call(network):
    board = find_board("mps2-an386")
    firmware = build_firmware(network, board)
    measured = profile(network, firmware, steps=64)
    options = BoardOptions("unicorn", firmware.compiler)
    counted = hil(network, board.name, options).instructions
    assert np.abs(np.array(counted) - measured.instructions).max() <= 12
    assert sum(measured.functions.values()) == measured.instructions[0]
    assert 0 < measured.stack <= 1024
