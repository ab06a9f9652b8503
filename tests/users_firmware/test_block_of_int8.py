"""A block of int8 weights: scales of rows are in it, what instructions have is the code's."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build import build_firmware
from elegans.boards.profiling.profile import profile
from elegans.exporter.build_folder import load_model
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.lowering.maps import integer_maps
from elegans.exporter.lowering.maps.quantise_maps import RealMap
from elegans.exporter.oracles import reference
from elegans.tests.boards.conftest import skip_without
from elegans.tests.places import WORM
from elegans.tests.users_firmware.block_program import (
    COMPILERS,
    BlockProgram,
    retrained,
    sanitised,
    sealed,
)

_HEAD, _ACCEPTED, _STRUCTURE = 80, 0, 8  # el_block.h
_SMALL = {"weight_bits": 8, "accept_error": 1.0}  # the worm's weights are made for 16 bits
_CORES = {"dsp": "mps2-an386", "words": "microbit", "vectors": "mps3-an547"}
_CORES |= {"pairs": "qemu-rv32-virt"}


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """The worm with a block of int8 weights, and two that were trained otherwise for its code."""
    folder = tmp_path_factory.mktemp("small_blocks")
    export(Request(WORM, weights_block=True, **_SMALL), folder / "first")
    for seed in (1, 2):
        request = Request(retrained(folder, seed), weights_for=folder / "first", **_SMALL)
        export(request, folder / str(seed))
    return [folder / "first", folder / "1", folder / "2"]


def _block(build, name="pairs"):
    return (build / f"worm_weights_{name}.bin").read_bytes()


@pytest.mark.parametrize("compiler", COMPILERS)
def test_circuits_trained_apart_interchange_their_blocks(builds, tmp_path, compiler):
    """The scales of their rows differ; the code is the first one's."""
    code = BlockProgram(builds[0], tmp_path, compiler, ["-fno-sanitize=undefined"])
    x = np.random.default_rng(302).integers(-(1 << 15), 1 << 15, (200, 4))
    found = code.run([_block(build) for build in builds], x)
    lifts = set()
    for build, (verdict, got) in zip(builds, found, strict=True):
        model = load_model(build)
        expected = reference.run(model, x[:, :3], x[:, 3])
        assert verdict == _ACCEPTED
        assert np.array_equal(got, np.hstack([expected.y, expected.h_next]))
        lifts.add(str([s.op.lifts.tolist() for s in model.steps if hasattr(s.op, "lifts")]))
    assert len(lifts) > 1


@pytest.mark.parametrize("layout", _CORES)
def test_a_block_is_the_same_as_bytes_and_as_c(builds, tmp_path, layout):
    tool, core = toolchain.cross_compiler("zig"), find_board(_CORES[layout]).core
    line = [*core.zig, "-Iruntime/include", "-c", "worm_weights.c", "-o", tmp_path / "w.o"]
    toolchain.run(tool, list(map(str, line)), builds[1], "a block")
    assert _block(builds[1], layout) in (tmp_path / "w.o").read_bytes()


def test_no_integers_of_a_block_make_a_step_leave_its_memory(builds, tmp_path):
    options = [*sanitised(), "-fwrapv"]
    options += ["-fno-sanitize=shift,signed-integer-overflow"] * (COMPILERS[0] != "zig")
    code = BlockProgram(builds[0], tmp_path, COMPILERS[0], options)
    random, block = np.random.default_rng(1), _block(builds[0])
    hostile = [block[:_HEAD] + random.bytes(len(block) - _HEAD) for _ in range(100)]
    hostile += [block[:_HEAD] + bytes([b]) * (len(block) - _HEAD) for b in (0, 127, 128, 255)]
    x = random.integers(-(1 << 15), 1 << 15, (4, 4))
    assert {verdict for verdict, _ in code.run(list(map(sealed, hostile)), x)} == {_ACCEPTED}


def test_a_block_of_the_other_width_is_refused(builds, tmp_path):
    export(Request(WORM, weights_block=True), tmp_path / "wide")
    code = BlockProgram(builds[0], tmp_path, COMPILERS[0], ["-fno-sanitize=undefined"])
    assert code.verdicts([_block(tmp_path / "wide")]) == [_STRUCTURE]
    (tmp_path / "other").mkdir()
    code = BlockProgram(tmp_path / "wide", tmp_path / "other", COMPILERS[0], [])
    assert code.verdicts([_block(builds[0])]) == [_STRUCTURE]


def test_the_width_of_the_deployed_code_is_asked_for(builds, tmp_path):
    message = "has int8 weights in its code, and int16 are asked for; export with --weights int8"
    with pytest.raises(ElegansError, match=message):
        export(Request(WORM, weights_for=builds[0]), tmp_path / "BUILD")


def test_weights_that_the_compiled_scale_does_not_hold_are_refused(builds, tmp_path):
    source = retrained(tmp_path, 3, 9.0)
    with pytest.raises(ElegansError, match=r"_sum: with weights up to .* does not fit the scale"):
        export(Request(source, weights_for=builds[0], **_SMALL), tmp_path / "BUILD")


@pytest.mark.parametrize("board", ["mps2-an386", pytest.param("microbit", marks=pytest.mark.slow)])
def test_a_step_of_another_circuit_takes_the_same_instructions(builds, board):
    skip_without(find_board(board), "zig", "unicorn")
    found = [profile(b, build_firmware(b, find_board(board), "zig"), steps=24) for b in builds[:2]]
    assert [(f.data_dependent, f.paths, f.mismatches) for f in found] == [((), 1, 0)] * 2
    assert found[0].instructions == found[1].instructions


def _map(weights) -> RealMap:
    rows, cols = weights.shape
    frac, reach = np.full(cols, 12), np.full(cols, 1 << 14)
    return RealMap(
        sparse.csr_array(weights), np.zeros(rows), frac, reach, np.full(rows, 12), (2, cols)
    )


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("density", [1.0, 0.2])
def test_rows_with_shifts_of_their_own_never_come_to_share_one(bits, density):
    """A layer whose rows share a shift has it in its instructions, which would be other code."""
    random = np.random.default_rng(7)
    there = random.random((6, 12)) < density
    there[:, 0] = True
    first = np.where(there, random.standard_normal((6, 12)), 0) * np.exp2(np.arange(6))[:, None]
    op = integer_maps.integer_map("a", _map(first), bits, {}, False, False)
    assert np.ptp(op.shift)
    even = np.where(there, 1.0, 0.0)
    structure = {"a": SimpleNamespace(op=op)}
    found = integer_maps.integer_map("a", _map(even), bits, structure, False, False)
    assert type(found) is type(op)
    assert np.ptp(found.shift)
