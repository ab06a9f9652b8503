"""Every core's own kernels: the reference's bits, on one path whatever the data."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation import virtual_board
from elegans.boards.firmware.build import build
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.profile import profile
from elegans.exporter.export import Request, export
from elegans.exporter.oracles.golden_vectors import load_arrays
from elegans.hil_tests.session.session import hil
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell
from elegans.trainer.cells.gru_lstm_mlp import MLPCell
from elegans.trainer.networks.recurrent import Recurrent

_BOARDS = ["microbit", "mps2-an385", "mps2-an386"]  # M0, M3, M4
_M55 = pytest.param(
    "mps3-an547",
    marks=pytest.mark.skipif(
        not virtual_board.emulators(find_board("mps3-an547")), reason="needs QEMU"
    ),
)

# inputs, neurons, backbone, how much larger than usual the weights are, a fixed period
_NETWORKS = {
    "one_neuron": (1, 1, 0, 1.0, None),
    "odd_everything": (3, 5, 0, 1.0, None),
    "saturating": (6, 7, 0, 12.0, None),
    "fixed_period": (5, 6, 0, 1.0, 0.05),
    "fixed_and_saturating": (4, 9, 0, 12.0, 0.05),
    "a_backbone": (5, 8, 10, 1.0, None),
    "a_backbone_that_saturates": (4, 6, 7, 9.0, 0.02),
    "more_than_sixteen_pairs": (30, 13, 0, 1.0, None),
    "more_than_forty_pairs": (75, 10, 0, 1.0, None),
    "many_pairs_and_a_fixed_period": (75, 11, 0, 1.0, 0.05),
}


def _export(folder, inputs, neurons, backbone, scale, period, present=None, **more):
    torch.manual_seed(inputs + neurons)
    cell = CfCCell(inputs, neurons, backbone=Backbone(backbone) if backbone else None)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter *= scale
        for gate in (cell.ff1, cell.ff2):
            gate.weight *= torch.tensor(1.0 if present is None else present)
    export_onnx(
        Recurrent(cell), inputs, folder / "net.onnx", input_ranges=(-1, 1), dt_range=(0.01, 0.1)
    )
    export(Request(folder / "net.onnx", dt=period, **more), folder / "BUILD")
    return folder / "BUILD"


@pytest.fixture(scope="module", params=_NETWORKS)
def network(request, tmp_path_factory):
    return _export(tmp_path_factory.mktemp(request.param), *_NETWORKS[request.param])


@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("board", _BOARDS)
def test_a_core_s_kernels_have_the_reference_s_bits_and_one_path(network, board, compiler):
    done = profile(network, build(network, find_board(board), compiler), steps=128)
    assert (done.different, done.paths, done.uneven) == (0, 1, ())
    assert done.instructions[0] == done.instructions[1]


@pytest.fixture(
    scope="module",
    params=itertools.product([16, 8], [range(18, 9, -1), range(9, 1, -1), [1]]),
    ids=str,
)
def many_lengths(request, tmp_path_factory):
    """Dense maps of as many lengths: a perceptron with rectifiers, whose signal stays."""
    weights, hidden = request.param
    folder = tmp_path_factory.mktemp("lengths")
    torch.manual_seed(5)
    net = Recurrent(MLPCell(2, 3, hidden, 2))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.rand_like(parameter) * 2.0 / parameter.shape[-1])
    export_onnx(net, 2, folder / "net.onnx", input_ranges=(-1, 1), dt_range=(0.01, 0.1))
    export(Request(folder / "net.onnx", weight_bits=weights), folder / "BUILD")
    return folder / "BUILD"


@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("board", [*_BOARDS, _M55])
def test_products_of_every_length_have_the_reference_s_bits(many_lengths, board, compiler):
    assert len(np.unique(load_arrays(many_lengths / "vectors.npz")["y"])) > 100
    done = profile(many_lengths, build(many_lengths, find_board(board), compiler), steps=64)
    assert (done.different, done.paths, done.uneven) == (0, 1, ())


def test_m7_and_m33_have_the_kernels_of_m4(tmp_path):
    network = _export(tmp_path, *_NETWORKS["a_backbone"])
    layers = []
    for board in ("mps2-an386", "mps2-an500", "mps2-an505"):
        done = profile(network, build(network, find_board(board)), steps=64)
        assert (done.different, done.paths) == (0, 1)
        layers.append({n: count for n, count in done.functions.items() if "_layers" in n})
    assert layers[0] == layers[1] == layers[2]


@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("board", ["microbit", "mps2-an386", _M55])
def test_portable_c_has_the_same_bits_on_a_core(tmp_path, board, compiler):
    built = _export(tmp_path, *_NETWORKS["a_backbone_that_saturates"])
    core = built / "include" / "elegans" / "el_core.h"
    told = core.read_text()
    core.write_text(
        told.replace("#ifndef EL_CORE\n", "#define EL_CORE EL_PORTABLE\n#ifndef EL_CORE\n")
    )
    firmware = build(built, find_board(board), compiler)
    done = profile(built, firmware, steps=64)
    assert done.different == 0
    assert "el_cfc" in "".join(done.functions), "the kernels of the core are still there"


def test_the_layers_are_in_a_core_s_own_kernels(network):
    assert "EL_CFC" in (network / "layers.S").read_text()


@pytest.mark.parametrize("board", [_M55])
@pytest.mark.parametrize("compiler", cross_compilers())
def test_vectors_of_eight_have_the_reference_s_bits(network, board, compiler):
    done = profile(network, build(network, find_board(board), compiler), steps=64)
    assert (done.different, done.paths, done.uneven) == (0, 1, ())


@pytest.fixture(scope="module", params=[16, 8])
def fast_and_small(request, tmp_path_factory):
    """The same model for speed and for size."""
    built = [
        _export(
            tmp_path_factory.mktemp(aim),
            *(5, 7, 0, 3.0, None),
            weight_bits=request.param,
            optimise=aim,
        )
        for aim in ("speed", "size")
    ]
    digests = {json.loads((one / "model.json").read_text())["digest"] for one in built}
    assert len(digests) == 1
    return built


@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("board", ["microbit", "mps2-an386"])
def test_size_has_the_same_bits_in_less_flash_on_one_path(fast_and_small, board, compiler):
    fast, small = fast_and_small
    firmware = build(small, find_board(board), compiler)
    done = profile(small, firmware, steps=64)
    assert (done.different, done.paths, done.uneven) == (0, 1, ())
    assert firmware.flash_bytes < build(fast, find_board(board), compiler).flash_bytes


@pytest.mark.parametrize("board", [*_BOARDS, _M55])
@pytest.mark.parametrize(
    ("inputs", "neurons", "scale", "weights", "period"),
    [(3, 5, 1, 16, None), (4, 5, 12, 8, None), (2, 5, 12, 16, 0.05), (9, 8, 1, 8, 0.05)],
)
def test_size_stores_no_synapse_that_is_not_there(
    tmp_path, inputs, neurons, scale, weights, period, board
):
    rng = np.random.default_rng(inputs)
    present = (rng.random((neurons, inputs + neurons)) < 0.5).astype(np.float32)
    present[0] = 0  # a neuron of which nothing but t has synapses
    present[1] = 1
    shape = (inputs, neurons, 0, float(scale), period, present)
    built = _export(tmp_path, *shape, weight_bits=weights, optimise="size")
    kept = present.sum() + 1  # the kernels have one at least
    maps = 2 * kept + (1 if period else 2) * present.size
    assert f"_layers_w[{int(maps)}]" in (built / "model.c").read_text()
    done = profile(built, build(built, find_board(board), optimise="s"), steps=64)
    assert (done.different, done.paths, done.uneven) == (0, 1, ())


def test_a_flash_limit_takes_size_where_speed_needs_more(tmp_path):
    from elegans.exporter.errors import ElegansError

    shape = (5, 7, 0, 1.0, None)
    large = _export(tmp_path, *shape, flash_limit=100_000)
    assert (large / "layers.S").exists()
    small = _export(tmp_path, *shape, flash_limit=1_000)
    assert not (small / "layers.S").exists()
    with pytest.raises(ElegansError, match="limit is 10"):
        _export(tmp_path, *shape, flash_limit=10)


@pytest.mark.parametrize("network", ["odd_everything", "fixed_and_saturating"], indirect=True)
def test_the_profile_counts_what_hil_counts_but_for_the_call(network):
    board = find_board("mps2-an386")
    firmware = build(network, board)
    done = profile(network, firmware, steps=64)
    told = hil(network, board.name, "unicorn", firmware.compiler).instructions
    assert np.abs(np.array(told) - done.instructions).max() <= 12
    assert sum(done.functions.values()) == done.instructions[0]
    assert 0 < done.stack <= 1024
