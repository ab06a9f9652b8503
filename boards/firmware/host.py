"""The model's C on this machine: the same sources as a board's, in a program of its own."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.boards.firmware import toolchain
from elegans.boards.firmware.build_cache import digest_of, kept
from elegans.boards.firmware.source import ModelSource, host_file, read_model
from elegans.boards.firmware.toolchain import Compiler
from elegans.exporter.errors import ElegansError

Ints = NDArray[np.int16]

_PROGRAM = "model"
_STANDARD = ["-std=c99", "-I", ".", "-I", "include"]
_SANITISE = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
_TIMEOUT_S = 600


@dataclass(frozen=True)
class HostModel:
    """A compiled model. Runs are independent of each other and share no state."""

    program: Path
    inputs: int
    outputs: int
    neurons: int
    has_dt: bool

    @classmethod
    def compile(
        cls, build_dir: Path, compiler: str = "auto", optimise: str = "auto", sanitise: bool = False
    ) -> HostModel:
        """Compile a BUILD with ``gcc``, ``clang``, ``zig`` or ``auto``, all warnings on.

        ``sanitise`` stops a run at the first undefined behaviour. Kept in ``BUILD/host/``.
        Raises `ElegansError` as `elegans.boards.firmware.build.build` does.
        """
        model = read_model(build_dir)
        optimise = toolchain.level(optimise, model.aim)
        tool = toolchain.host_compiler(compiler)
        own = _SANITISE if sanitise else ["-fno-sanitize=undefined"] * (tool.name == "zig")
        flags = [f"-O{optimise}", *own, *toolchain.WARNINGS, *_STANDARD]
        files = model.files | {"host.c": host_file(model)}
        parts = [part for path, content in sorted(files.items()) for part in (path, content)]
        digest = digest_of(tool.name, tool.version, *flags, "--", *parts)
        name = f"{tool.name}-O{optimise}" + "-sanitised" * sanitise
        folder = build_dir / "host" / name
        kept(folder, digest, _PROGRAM, lambda: _compile(model, files, tool, flags))
        program = folder / _PROGRAM
        program.chmod(0o755)
        return cls(program.resolve(), model.inputs, model.outputs, model.neurons, model.has_dt)

    def run(self, x: Ints, dt: Ints | None = None, h0: Ints | None = None) -> tuple[Ints, Ints]:
        """A free run of ``x [T, I]``, ``dt [T]`` from ``h0 [H]`` (zero by default).

        Returns ``y [T, O]`` and the state after each step ``h [T, H]``, int16. ``dt`` is
        ignored where the model has a fixed sample period. Raises `ElegansError` when the
        program dies, which under ``sanitise`` means undefined behaviour.
        """
        start = np.zeros(self.neurons, np.int16) if h0 is None else _int16(h0)
        return self._answer(b"f" + start.tobytes(), self._columns(x, dt))

    def steps(self, x: Ints, dt: Ints | None, h: Ints) -> tuple[Ints, Ints]:
        """``N`` steps that do not follow from one another, each from its own row of
        ``h [N, H]``: ``y [N, O]`` and ``h_next [N, H]``."""
        return self._answer(b"e", np.hstack([_int16(h), self._columns(x, dt)]))

    def _columns(self, x: Ints, dt: Ints | None) -> Ints:
        if not self.has_dt:
            return _int16(x)
        if dt is None:
            raise ElegansError(self.program, "the model takes elapsed time", "pass dt [T]")
        return np.hstack([_int16(x), _int16(dt)[:, None]])

    def _answer(self, head: bytes, rows: Ints) -> tuple[Ints, Ints]:
        command = [str(self.program)]
        feed = head + np.ascontiguousarray(rows).tobytes()
        try:
            done = subprocess.run(
                command, input=feed, capture_output=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            fact = f"{len(rows)} steps took more than {_TIMEOUT_S} s"
            raise ElegansError(self.program, fact, "run fewer at a time") from None
        width = self.outputs + self.neurons
        if done.returncode != 0 or len(done.stdout) != 2 * width * len(rows):
            said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
            fact = f"ended with {done.returncode}: {said or 'no word'}"
            raise ElegansError(self.program, fact, "this is a defect of the generated C: report it")
        answer = np.frombuffer(done.stdout, np.int16).reshape(len(rows), width)
        return answer[:, : self.outputs].copy(), answer[:, self.outputs :].copy()


def _int16(values: Ints) -> Ints:
    return np.asarray(values).astype(np.int16, casting="same_kind")


def _compile(
    model: ModelSource, files: dict[str, bytes], tool: Compiler, flags: list[str]
) -> dict[str, bytes]:
    """The program and, below ``source/``, what it was made from."""
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        folder = Path(scratch)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        line = [*flags, "host.c", *model.units, "-o", _PROGRAM]
        toolchain.run(tool, line, folder, f"{model.name} with the host's {tool.name}")
        program = (folder / _PROGRAM).read_bytes()
    return {_PROGRAM: program} | {f"source/{path}": content for path, content in files.items()}
