"""A program around a BUILD whose weights are a block, and blocks that were tampered with."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from elegans.boards.firmware import toolchain
from elegans.tests.places import WORM

_MAIN = (Path(__file__).parent / "weights_block.c").read_text()
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or ["zig"]
_SANITISED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]


def retrained(folder: Path, seed: int, change: float = 0.3) -> Path:
    """The worm with other weights in the same places, by a factor around 1 each."""
    proto, random = onnx.load(WORM), np.random.default_rng(seed)
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 2 and values.dtype == np.float32:
            values = values * (1 + change * random.standard_normal(values.shape))
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))
    path = folder / f"worm{seed}.onnx"
    onnx.save(proto, path)
    return path


def sanitised() -> list[str]:
    """The options of the sanitizers, where the compiler brings them."""
    return _SANITISED if COMPILERS[0] != "zig" else ["-fno-sanitize=undefined"]


def sealed(block: bytes) -> bytes:
    """A block that was changed, with a CRC that is right again."""
    return block[:-4] + struct.pack("<I", zlib.crc32(block[:-4]))


class BlockProgram:
    """The C of a BUILD called worm on this machine, which says of blocks whether it accepts them,
    and computes with those."""

    def __init__(self, build: Path, folder: Path, compiler: str, options: list[str]) -> None:
        self.path, tool = folder / "program", toolchain.host_compiler(compiler)
        (folder / "main.c").write_text(_MAIN)
        sources = ["worm.c", "worm_weights.c", *sorted(map(str, build.glob("runtime/src/*.c")))]
        line = ["-std=c99", "-O1", *toolchain.WARNINGS, *options, f"-I{build}"]
        line += [f"-I{build}/runtime/include", str(folder / "main.c"), "-o", str(self.path)]
        toolchain.run(tool, [*line, *sources], build, "a block of weights")

    def verdicts(self, blocks: list[bytes], shift: int = 0) -> list[int]:
        return [found for found, _ in self.run(blocks, None, shift)]

    def run(self, blocks: list[bytes], x, shift: int = 0) -> list[tuple[int, np.ndarray]]:
        """For each block its verdict, and y and h, in int16, of steps on x [T, 3 + 1]."""
        x = np.zeros((0, 4), np.int16) if x is None else x
        given = struct.pack("<I", len(x)) + x.astype("<i2").tobytes()
        given += b"".join(struct.pack("<II", len(b), shift) + b for b in blocks)
        done = subprocess.run([self.path], input=given, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        rows = np.frombuffer(done.stdout, "<i2").reshape(len(blocks), -1)
        return [(int(row[0]), row[1:].reshape(max(len(x), 1), -1)) for row in rows]
