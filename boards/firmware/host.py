"""The C of a BUILD on this machine: the sources that boards run, compiled into a program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build_cache import (
    SOURCES,
    CachedResult,
    build_cached,
    compilation_digest,
    zipped,
)
from elegans.boards.firmware.source import ModelSource, host_file, read_model
from elegans.boards.firmware.toolchain import Compiler
from elegans.boards.processes.process_group import run_group
from elegans.exporter.errors import ElegansError

Ints = NDArray[np.signedinteger[Any]]
Bytes = NDArray[np.uint8]

_PROGRAM = "model"
_DRIVER = "driver/host.c"  # in a folder of its own: a model may be called host
_STANDARD = ["-std=c99", "-I", ".", "-I", "runtime/include"]
_SANITISE = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
_TIMEOUT_S = 600  # of a run, whatever its length


@dataclass(frozen=True)
class HostModel:
    """A compiled model of I inputs, O outputs and H states. Runs share no state.

    x and y are int16; the states and the elapsed time are int16 or int32, as ``state_bits`` and
    ``dt_bits`` say.
    """

    program: Path
    inputs: int
    outputs: int
    states: int
    state_bits: int
    has_dt: bool
    dt_bits: int

    @classmethod
    def compile(
        cls, build_dir: Path, compiler: str = "auto", level: str = "auto", sanitise: bool = False
    ) -> HostModel:
        """Compile a BUILD with ``gcc``, ``clang``, ``zig`` or ``auto``, with warnings as errors.

        The program is cached in ``BUILD/host/``. With ``sanitise`` a run ends at the first
        undefined behaviour. Raises `ElegansError` as `build.build_firmware` does.
        """
        model = read_model(build_dir)
        level = toolchain.resolve_level(level, model.layout)
        tool = toolchain.host_compiler(compiler)
        own = _SANITISE if sanitise else ["-fno-sanitize=undefined"] * (tool.name == "zig")
        flags = [f"-O{level}", *own, *toolchain.WARNINGS, *_STANDARD]
        files = model.files | {_DRIVER: host_file(model)}
        digest = compilation_digest(tool, flags, files)
        name = f"{tool.name}-O{level}" + "-sanitised" * sanitise
        result = CachedResult(build_dir, f"host/{name}", digest, _PROGRAM, is_program=True)
        build_cached(result, lambda: _compile(model, files, tool, flags))
        return cls(
            result.path.resolve(),
            model.inputs,
            model.outputs,
            model.states,
            model.state_bits,
            model.has_dt,
            model.dt_bits,
        )

    def run(self, x: Ints, dt: Ints | None = None, h0: Ints | None = None) -> tuple[Ints, Ints]:
        """Run ``T`` steps on ``x [T, I]`` and ``dt [T]``, each from the state after the last.

        ``h0 [H]``, zero by default, is the state before the first step; ``dt`` is ignored by a
        model with a fixed sample period. Returns ``y [T, O]`` and the states after each step,
        ``h [T, H]``. Raises `ElegansError` if ``dt`` is missing, or if the program fails, with
        ``sanitise`` at undefined behaviour, too.
        """
        start = np.zeros(self.states, np.int16) if h0 is None else np.asarray(h0)
        return self._answer(b"f" + _bytes(start, self.state_bits).tobytes(), self._columns(x, dt))

    def steps(self, x: Ints, dt: Ints | None, h: Ints) -> tuple[Ints, Ints]:
        """Run ``N`` independent steps, each from its own row of ``h [N, H]``.

        Takes ``x [N, I]`` and ``dt [N]``, returns ``y [N, O]`` and ``h_next [N, H]``. Raises as
        `run` does.
        """
        return self._answer(b"e", np.hstack([_bytes(h, self.state_bits), self._columns(x, dt)]))

    def _columns(self, x: Ints, dt: Ints | None) -> Bytes:
        if not self.has_dt:
            return _bytes(x, 16)
        if dt is None:
            raise ElegansError(self.program, "the model takes elapsed time", "pass dt [T]")
        return np.hstack([_bytes(x, 16), _bytes(np.asarray(dt)[:, None], self.dt_bits)])

    def _answer(self, head: bytes, rows: Bytes) -> tuple[Ints, Ints]:
        command = [str(self.program)]
        feed = head + rows.tobytes()
        of_y, of_h = 2 * self.outputs, self.state_bits // 8 * self.states
        size = (of_y + of_h) * len(rows)
        done = run_group(command, _TIMEOUT_S, given=feed, most=size + 1)
        if done.late:
            fact = f"{len(rows)} steps took more than {_TIMEOUT_S} s"
            raise ElegansError(self.program, fact, "run fewer at a time")
        if done.status != 0 or len(done.output) != size:
            said = done.errors.strip().partition("\n")[0][:200]
            fact = f"ended with {done.status}: {said or 'it printed nothing'}"
            raise ElegansError(self.program, fact, "this is a defect of the generated C: report it")
        answer = np.frombuffer(done.output, np.uint8).reshape(len(rows), of_y + of_h)
        y, h = answer[:, :of_y].copy(), answer[:, of_y:].copy()
        return y.view(np.int16), h.view(f"i{self.state_bits // 8}")


def _bytes(values: Ints, bits: int) -> Bytes:
    """The bytes of integers ``[..., K]`` of this size: ``[..., K * bits / 8]``."""
    sized = np.asarray(values).astype(f"i{bits // 8}", order="C", casting="same_kind")
    return sized.view(np.uint8)


def _compile(
    model: ModelSource, files: dict[str, bytes], tool: Compiler, flags: list[str]
) -> dict[str, bytes]:
    """The files of the cache: the program and, in ``source.zip``, its sources."""
    with toolchain.scratch_folder(files) as folder:
        line = [*flags, _DRIVER, *model.units, "-o", _PROGRAM]
        toolchain.run(tool, line, folder, f"{model.name} with the host's {tool.name}")
        program = (folder / _PROGRAM).read_bytes()
    return {_PROGRAM: program, SOURCES: zipped(files)}
