"""Weights as a block that is replaced without new code: what is accepted, and why it is not."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.virtual_board import emulate
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.elf_image import read_symbols
from elegans.boards.profiling.profile import profile
from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.delivery.weights_block import structure_digest
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.oracles import reference
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import load_build
from elegans.hil_tests.session.session import Device
from elegans.packages.package import package
from elegans.packages.verify import verify
from elegans.tests.boards.conftest import skip_without
from elegans.tests.places import WORM
from elegans.tests.users_firmware.block_program import (
    COMPILERS,
    BlockProgram,
    retrained,
    sanitised,
    sealed,
)

_HEAD = 80
_HOST = "worm_weights_pairs.bin"
# The verdicts of el_block.h.
_ACCEPTED, _ALIGNMENT, _SHORT, _ABSENT, _BYTE_ORDER = range(5)
_VERSION, _DAMAGED, _RUNTIME, _STRUCTURE, _CORE = range(5, 10)


@pytest.fixture(scope="module")
def builds(tmp_path_factory) -> list[Path]:
    """The worm with a block of weights, and two that were trained otherwise for its code."""
    folder = tmp_path_factory.mktemp("blocks")
    first = folder / "first"
    export(Request(WORM, weights_block=True), first)
    for seed in (1, 2):
        export(Request(retrained(folder, seed), weights_for=first), folder / str(seed))
    return [first, folder / "1", folder / "2"]


@pytest.fixture(scope="module")
def program(builds, tmp_path_factory) -> BlockProgram:
    """The code of the first BUILD, with sanitizers."""
    return BlockProgram(builds[0], tmp_path_factory.mktemp("program"), COMPILERS[0], sanitised())


def _block(build: Path, name: str = _HOST) -> bytes:
    return (build / name).read_bytes()


def _with(block: bytes, at: int, value: bytes) -> bytes:
    return sealed(block[:at] + value + block[at + len(value) :])


@pytest.mark.parametrize("compiler", COMPILERS)
def test_circuits_trained_apart_interchange_their_blocks(builds, tmp_path, compiler):
    """One program, compiled of the first BUILD: each block gives the bits of its own model."""
    code = BlockProgram(builds[0], tmp_path, compiler, ["-fno-sanitize=undefined"])
    random = np.random.default_rng(302)
    x = random.integers(-(1 << 15), 1 << 15, (200, 4))
    found = code.run([_block(build) for build in builds], x)
    for build, (verdict, got) in zip(builds, found, strict=True):
        model = load_model(build)
        expected = reference.run(model, x[:, :3], x[:, 3])
        assert verdict == _ACCEPTED
        assert np.array_equal(got, np.hstack([expected.y, expected.h_next]))
    assert not np.array_equal(found[0][1], found[1][1])


def test_a_block_is_the_same_as_bytes_and_as_c(builds, tmp_path):
    """The file against what a compiler makes of NAME_weights.c, for each way to lay weights out."""
    balanced = tmp_path / "balanced"
    export(Request(WORM, weights_block=True, layout="balanced"), balanced)
    words, dsp, vectors = (
        find_board(name).core for name in ("microbit", "mps2-an386", "mps3-an547")
    )
    cases = [("dsp", dsp, builds[1]), ("words", words, builds[1]), ("vectors", vectors, builds[1])]
    for name, core, build in (*cases, ("looped", words, balanced), ("dsp", dsp, balanced)):
        target = tmp_path / "weights.o"
        line = [*core.zig, "-Iruntime/include", "-c", "worm_weights.c", "-o", str(target)]
        toolchain.run(toolchain.cross_compiler("zig"), line, build, "a block")
        block = _block(build, f"worm_weights_{name}.bin")
        assert block in target.read_bytes(), name
        assert len(block) == struct.unpack_from("<I", block, 12)[0]


def test_a_damaged_block_is_refused_wherever_a_bit_is_wrong(builds, program):
    block = _block(builds[0])
    flipped = []
    for bit in range(8 * len(block)):
        wrong = bytearray(block)
        wrong[bit // 8] ^= 1 << (bit % 8)
        flipped.append(bytes(wrong))
    verdicts = program.verdicts(flipped)
    assert _ACCEPTED not in verdicts
    assert set(verdicts[8 * 16 :]) == {_DAMAGED}


def test_a_truncated_block_is_refused_at_every_length(builds, program):
    block = _block(builds[0])
    assert program.verdicts([block[:n] for n in range(len(block))]) == [_SHORT] * len(block)
    assert program.verdicts([block + b"\xff" * 64]) == [_ACCEPTED]  # the rest of its sector


def test_each_refusal_has_its_reason(builds, program):
    block = _block(builds[0])
    words = np.frombuffer(block, ">u4").astype("<u4").tobytes()
    cases = {
        _ABSENT: [b"\xff" * 4096, bytes(4096), b"ELF!" + block[4:]],
        _BYTE_ORDER: [words],
        _VERSION: [_with(block, 4, b"\x02\x00")],
        _DAMAGED: [_with(block, 12, struct.pack("<I", n)) for n in (0, 4, 83, len(block) - 1)],
        _SHORT: [_with(block, 12, struct.pack("<I", n)) for n in (len(block) + 4, 0xFFFFFFFC)],
        _RUNTIME: [_with(block, 6, b"\x04\x00")],
        _CORE: [
            _block(builds[0], f"worm_weights_{name}.bin")
            for name in ("words", "vectors", "dsp", "looped")
        ],
        _STRUCTURE: [_with(block, 16 + i, bytes([block[16 + i] ^ 128])) for i in (0, 13, 31)],
    }
    for verdict, blocks in cases.items():
        assert program.verdicts(blocks) == [verdict] * len(blocks), verdict
    for shift in (1, 2, 3):
        assert program.verdicts([block], shift) == [_ALIGNMENT]


def test_a_longer_block_of_the_same_structure_is_refused(builds, program):
    block = _block(builds[0])
    longer = block[:-4] + bytes(8)
    assert program.verdicts([_with(longer, 12, struct.pack("<I", len(longer)))]) == [_STRUCTURE]


def test_no_integers_of_a_block_make_a_step_leave_its_memory(builds, tmp_path):
    """Whoever can write a block can write its CRC, too: wrong numbers, and no more than that."""
    options = [*sanitised(), "-fwrapv"]
    options += ["-fno-sanitize=shift,signed-integer-overflow"] * (COMPILERS[0] != "zig")
    code = BlockProgram(builds[0], tmp_path, COMPILERS[0], options)
    random, block = np.random.default_rng(1), _block(builds[0])
    hostile = [block[:_HEAD] + random.bytes(len(block) - _HEAD) for _ in range(300)]
    hostile += [block[:_HEAD] + bytes([b]) * (len(block) - _HEAD) for b in (0, 127, 128, 255)]
    x = random.integers(-(1 << 15), 1 << 15, (4, 4))
    assert {verdict for verdict, _ in code.run(list(map(sealed, hostile)), x)} == {_ACCEPTED}


def test_a_block_of_another_wiring_format_or_layout_is_refused(builds, program, tmp_path):
    others = {
        "a fixed period": Request(WORM, weights_block=True, dt=0.05),
        "another range": Request(WORM, weights_block=True, named_ranges=(("heat", (0.0, 90.0)),)),
        "another layout": Request(WORM, weights_block=True, layout="size"),
    }
    for name, request in others.items():
        export(request, tmp_path / "BUILD")
        blocks = [_block(tmp_path / "BUILD", p.name) for p in (tmp_path / "BUILD").glob("*.bin")]
        found = program.verdicts(blocks)
        assert set(found) == {_STRUCTURE}, name


def test_without_accepted_weights_a_step_gives_zeros_and_changes_no_state(program):
    (_, got) = program.run([b""], np.full((5, 4), 9000))[0]
    assert not got.any()


def test_the_structure_is_that_of_the_files_and_stated(builds):
    """Anybody can compute it: the generated C without comments. All three have the same."""
    for build in builds:
        texts = {
            p.name: p.read_text() for p in build.iterdir() if p.suffix in (".c", ".h", ".hpp", ".S")
        }
        digest = structure_digest(texts)
        assert digest == read_build_folder(build).structure
        assert digest == read_build_folder(builds[0]).structure
        assert _block(build)[16:48].hex() == digest
        assert _block(build)[48:80].hex() == load_model(build).digest


def test_a_changed_instruction_changes_the_structure(builds):
    texts = {p.name: p.read_text() for p in builds[0].iterdir() if p.suffix in (".c", ".h", ".S")}
    known = structure_digest(texts)
    for path, old, new in (
        ("worm.c", "16U", "15U"),
        ("worm_layers.S", "16", "15"),
        ("worm_weights.h", "[28]", "[29]"),
        ("worm.c", "2, 4, 3", "2, 5, 3"),
    ):
        assert old in texts[path]
        assert structure_digest(texts | {path: texts[path].replace(old, new, 1)}) != known
    comment = texts["worm.c"].replace("/* motor_h */", "/* other */")
    assert structure_digest(texts | {"worm.c": comment}) == known


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (9.0, {}, r"_sum: with weights up to [\d.]+ and .* does not fit the scale of the code"),
        (
            0.3,
            {"named_ranges": (("heat", (0.0, 90.0)),)},
            r"exported otherwise: input heat is Q6\.9",
        ),
        (0.3, {"dt": 0.05}, r"exported otherwise: "),
        (0.3, {"weight_bits": 8}, "has int16 weights in its code, and int8 are asked for"),
    ],
)
def test_what_does_not_fit_the_deployed_code_is_refused_with_its_reason(
    builds, tmp_path, change, options, message
):
    source = retrained(tmp_path, 3, change)
    with pytest.raises(ElegansError, match=message):
        export(Request(source, weights_for=builds[0], **options), tmp_path / "BUILD")
    assert not (tmp_path / "BUILD").exists()


def test_a_weight_where_the_wiring_has_none_is_refused(builds, tmp_path):
    proto = onnx.load(WORM)
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 2 and (values == 0).sum() > values.size / 3:
            filled = np.where(values == 0, 0.5, values).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(filled, tensor.name))
    onnx.save(proto, tmp_path / "full.onnx")
    with pytest.raises(ElegansError, match=r"inter_g_sum: has \d+ weights where the code has none"):
        export(Request(tmp_path / "full.onnx", weights_for=builds[0]), tmp_path / "BUILD")


def test_a_build_with_its_weights_in_its_code_takes_no_others(tmp_path):
    export(Request(WORM), tmp_path / "plain")
    with pytest.raises(ElegansError, match="has its weights in its code"):
        export(Request(WORM, weights_for=tmp_path / "plain"), tmp_path / "BUILD")


def test_the_code_that_is_deployed_is_named_not_an_update_of_it(builds, tmp_path):
    with pytest.raises(ElegansError, match="is itself a block for the code of another BUILD"):
        export(Request(WORM, weights_for=builds[1]), tmp_path / "BUILD")


def test_packages_of_two_circuits_have_the_same_code_and_each_its_blocks(builds, tmp_path):
    """They are verified from the model alone, an update's, too."""
    made = []
    for build in builds[:2]:
        package(build, tmp_path / build.name, ["cmake"])
        verify(tmp_path / build.name)
        root = tmp_path / build.name / "cmake/worm"
        blocks = {path.name: path.read_bytes() for path in root.glob("blocks/*")}
        assert blocks == {path.name: path.read_bytes() for path in build.glob("*.bin")}
        code = {p.name: p.read_text() for p in root.rglob("worm*.[chS]")}
        del code["worm_selftest.c"], code["worm_selftest.h"]
        made.append((structure_digest(code), blocks))
    assert made[0][0] == made[1][0]
    assert made[0][1] != made[1][1]


def test_a_damaged_block_is_not_packaged(builds, tmp_path):
    shutil.copytree(builds[0], tmp_path / "build")
    block = tmp_path / "build" / _HOST
    block.write_bytes(block.read_bytes()[:-1] + b"\0")
    with pytest.raises(ElegansError, match="was changed after the export"):
        package(tmp_path / "build", tmp_path / "packages", ["cmake"])
    assert not (tmp_path / "packages").exists()


def test_the_class_of_c_plus_plus_takes_accepted_weights(builds, tmp_path):
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    (tmp_path / "use.cpp").write_text(
        '#include "worm.hpp"\n#include "worm_weights.h"\n'
        "void use(const worm_weights *w, const std::int16_t (&x)[3], std::int16_t (&y)[2]) {\n"
        "    elegans::Worm one(w);\n    one.step(y, x, std::int16_t(2000));\n    one.reset();\n"
        "    one.reset(w);\n}\n"
    )
    line = [compiler, "-std=c++14", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti"]
    line += [f"-I{builds[0]}", f"-I{builds[0]}/runtime/include", "-c", "use.cpp"]
    subprocess.run(line, cwd=tmp_path, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["mps2-an386", "microbit"])
def test_a_board_computes_with_the_block_that_was_written_over_its_own(builds, tmp_path, board):
    """An update in the field: the firmware of the first circuit, the block of another one."""
    target = find_board(board)
    skip_without(target, "zig", "unicorn")
    firmware = build_firmware(builds[0], target, "zig")
    name = "words" if board == "microbit" else "dsp"
    old, new = (_block(build, f"worm_weights_{name}.bin") for build in builds[:2])
    elf = firmware.elf.read_bytes()
    assert elf.count(old) == 1
    assert len(old) == len(new)
    (tmp_path / "updated.elf").write_bytes(elf.replace(old, new))
    updated = replace(firmware, elf=tmp_path / "updated.elf")
    with emulate(updated, "unicorn") as powered, Link.open(powered.port) as link:
        hello = link.hello()
        assert hello.model_digest.hex() == load_model(builds[1]).digest[:32]
        verdict = Device(board, link, hello, load_build(builds[1])).compare()
    assert (verdict.mismatches, verdict.integers > 40_000) == (0, True)


@pytest.mark.parametrize("board", ["mps2-an386", "microbit"])
def test_a_step_with_a_block_takes_one_path(builds, board):
    skip_without(find_board(board), "zig", "unicorn")
    firmware = build_firmware(builds[0], find_board(board), "zig")
    found = profile(builds[0], firmware, steps=24)
    assert (found.data_dependent, found.paths, found.mismatches) == ((), 1, 0)
    assert {s.name for s in read_symbols(firmware.elf)} >= {"worm_accept", "worm_built_in"}


def test_the_same_circuit_has_the_same_bytes_on_every_export(builds, tmp_path):
    export(Request(WORM, weights_block=True), tmp_path / "again")
    for path in tmp_path.glob("again/*"):
        if path.is_file():
            assert path.read_bytes() == (builds[0] / path.name).read_bytes(), path.name
    stated = json.loads((tmp_path / "again/model.json").read_text())["files"]
    assert {"worm_weights.c", "worm_weights.h", _HOST} <= stated.keys()
    assert not re.search(r"\[-?[\d.]+, [\d.]+\]", (tmp_path / "again/worm.c").read_text())
