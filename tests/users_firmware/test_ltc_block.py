"""An LTC's solver in a block of weights: the same kernel, and no other wiring than the code's."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build import build_firmware
from elegans.boards.profiling.profile import profile
from elegans.exporter.build_folder import load_model
from elegans.exporter.export import Request, export
from elegans.exporter.oracles import reference
from elegans.tests.boards.conftest import skip_without
from elegans.tests.users_firmware.block_program import COMPILERS, BlockProgram, sanitised, sealed
from elegans.tests.users_firmware.project import undefined
from elegans.trainer import export_onnx
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

_HEAD = 80
_ACCEPTED, _STRUCTURE = 0, 8  # el_block.h
_LAYOUTS = {
    "words": "microbit",
    "dsp": "mps2-an386",
    "vectors": "mps3-an547",
    "pairs": "qemu-rv32-virt",
}


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """An LTC whose inputs have two scales, and one that was trained otherwise for its code."""
    folder = tmp_path_factory.mktemp("ltc")
    torch.manual_seed(302)
    net, random = Recurrent(LTCCell(AutoNCP(6, 1).build(3), unfolds=2)), np.random.default_rng(9)
    for name, change in (("first", 0.2), ("other", 0.1)):
        with torch.no_grad():
            for values in net.parameters():
                factors = 1 + change * random.uniform(-1, 1, values.shape)
                values.mul_(torch.from_numpy(factors).float())
        source = export_onnx(net, 3, folder / f"{name}.onnx")
        ranges = (("x0", (-60.0, 60.0)), ("x1", (-2.0, 2.0)), ("x2", (-2.0, 2.0)))
        known = {"weights_block": True, "name": "worm"}
        more = known if name == "first" else {"weights_for": folder / "first"}
        export(Request(source, dt_range=(0.01, 1.0), named_ranges=ranges, **more), folder / name)
    return [folder / "first", folder / "other"]


def _block(build, name="pairs"):
    return (build / f"worm_weights_{name}.bin").read_bytes()


@pytest.mark.parametrize("compiler", COMPILERS)
def test_circuits_of_ltc_neurons_interchange_their_blocks(builds, tmp_path, compiler):
    text = (builds[0] / "worm.c").read_text()
    assert len(re.findall(r"^EL_(?:MORE_)?SYNAPSES\(", text, re.MULTILINE)) > 1
    assert "el_sigmoid(" not in text
    options = ["-DWIDE", "-fno-sanitize=undefined"]
    code = BlockProgram(builds[0], tmp_path, compiler, options)
    x = np.random.default_rng(1).integers(-(1 << 15), 1 << 15, (200, 4))
    found = code.run([_block(build) for build in builds], x)
    for build, (verdict, got) in zip(builds, found, strict=True):
        expected = reference.run(load_model(build), x[:, :3], x[:, 3] << 16)
        assert verdict == _ACCEPTED
        wide = np.ascontiguousarray(expected.h_next.astype("<i4")).view("<i2")
        assert np.array_equal(got, np.hstack([expected.y, wide]))
    assert not np.array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("layout", _LAYOUTS)
def test_the_words_of_a_solver_are_the_same_as_bytes_and_as_c(builds, tmp_path, layout):
    tool, core = toolchain.cross_compiler("zig"), find_board(_LAYOUTS[layout]).core
    line = [*core.zig, "-Iruntime/include", "-c", "worm_weights.c", "-o", tmp_path / "w.o"]
    toolchain.run(tool, list(map(str, line)), builds[1], "a block")
    assert _block(builds[1], layout) in (tmp_path / "w.o").read_bytes()


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_solver_in_a_block_asks_libc_for_nothing(builds, tmp_path, compiler):
    """At -O0 a compiler clears an array by memset."""
    tool, made = toolchain.host_compiler(compiler), tmp_path / "unit.o"
    for unit in ("worm.c", "worm_weights.c", "runtime/src/el_wiring.c", "runtime/src/el_block.c"):
        for level in "0s":
            line = [f"-O{level}", "-std=c99", "-I.", "-Iruntime/include", "-c", unit, "-o"]
            toolchain.run(tool, [*line, str(made)], builds[0], unit)
            others = {n for n in undefined(made) if not n.startswith(("el_", "worm_"))}
            assert others <= {"_GLOBAL_OFFSET_TABLE_"}, (unit, level)


def test_words_that_name_places_are_those_of_the_code_or_refused(builds, tmp_path):
    """Whoever can write a block can write its CRC, too. Each word of the solver's table is changed
    alone: what is read, how many synapses there are, and where a neuron is."""
    text, block = (builds[0] / "worm.c").read_text(), _block(builds[0])
    code = BlockProgram(builds[0], tmp_path, COMPILERS[0], ["-DWIDE", *sanitised()])
    (wired,) = re.findall(r"_wired\[\d+\] = \{([^}]*)\}", text)
    places = len(wired.split(",")) + len(
        json.loads((builds[0] / "model.json").read_text())["states"]
    )
    table = (builds[0] / "worm_weights.c").read_text().split("computed */")[1].split("EL_TAIL")[0]
    words = 7 * table.count("EL_NEURON(") + 5 * len(re.findall(r"EL_(?:INPUT|POTENTIAL)\(", table))
    words += len(re.findall(r"(?:EL_ROUNDS\(\d+\)|\b0),$", table, re.MULTILINE)) + 2 * 6
    changed = []
    for at in range(_HEAD, _HEAD + 4 * words, 4):
        word = int.from_bytes(block[at : at + 4], "little") + 1
        changed.append(sealed(block[:at] + word.to_bytes(4, "little") + block[at + 4 :]))
    x = np.random.default_rng(2).integers(-(1 << 15), 1 << 15, (4, 4))
    verdicts = [verdict for verdict, _ in code.run(changed, x)]
    assert verdicts.count(_STRUCTURE) == places
    assert verdicts.count(_ACCEPTED) == words - places


@pytest.mark.parametrize("board", ["mps2-an386", pytest.param("microbit", marks=pytest.mark.slow)])
def test_a_step_of_another_circuit_takes_the_same_instructions(builds, board):
    skip_without(find_board(board), "zig", "unicorn")
    found = [profile(b, build_firmware(b, find_board(board), "zig"), steps=24) for b in builds]
    assert [(f.data_dependent, f.paths, f.mismatches) for f in found] == [((), 1, 0)] * 2
    assert found[0].instructions == found[1].instructions
