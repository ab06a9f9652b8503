"""The sources of a firmware: those of a BUILD, those of the link, and the board's, which are
made from templates."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from elegans.boards.descriptors.board import MOST_STACK, Board
from elegans.boards.descriptors.cores import ARM, RISCV
from elegans.exporter.build_folder import BuildFolder, read_build_folder
from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.storage.read_files import SOURCE_FILE, files_below, read_input
from elegans.exporter.templates import FIRMWARE, environment

_LINK = Path(__file__).resolve().parents[2] / "runtime_c" / "link"
_CORE = {ARM: "cortex_m", RISCV: "riscv"}  # begins the names of a core's files, by its architecture
_UNIT = r"runtime/src/[^/]+\.c"
_EXPORT = "export it again: elegans export model.onnx -o BUILD"


@dataclass(frozen=True)
class ModelSource:
    """The sources of a BUILD, and what is needed to compile them.

    ``inputs``, ``outputs`` and ``states`` are numbers of elements; ``state_bits``, 16 or 32, is
    the size of a state; ``has_dt`` says that a step takes the elapsed time, of ``dt_bits``;
    ``layout`` is that of `elegans export`, a row of `LAYOUTS`; ``files`` are the contents by
    path relative to the BUILD.
    """

    name: str
    digest: str
    inputs: int
    outputs: int
    states: int
    state_bits: int
    has_dt: bool
    dt_bits: int
    layout: str
    files: dict[str, bytes]

    @property
    def dt_bytes(self) -> int:
        """The bytes of elapsed time; 0 if a step takes none."""
        return self.dt_bits // 8 if self.has_dt else 0

    @property
    def macro(self) -> str:
        """The prefix of the model's C macros."""
        return self.name.upper()

    @property
    def units(self) -> list[str]:
        """The C files to compile, the model's first."""
        block = [f"{self.name}_weights.c"] if self.has_block else []
        return [
            f"{self.name}.c",
            *block,
            *sorted(p for p in self.files if p.startswith("runtime/src/")),
        ]

    @property
    def has_block(self) -> bool:
        """Whether the weights are a block that can be replaced."""
        return f"{self.name}_weights.c" in self.files

    @property
    def assembly(self) -> list[str]:
        """The assembly files to add to them for an Arm core."""
        return [path for path in self.files if path.endswith(".S")]


def read_model(build_dir: Path) -> ModelSource:
    """Read the sources of a BUILD and what its `model.json` says about them.

    Raises `ElegansError` for a BUILD that is incomplete or was changed.
    """
    folder = read_build_folder(build_dir)
    _require_runtime(folder)
    files: dict[str, bytes] = {}
    for path in _source_paths(build_dir, folder.name):
        files[path] = read_input(build_dir / path, SOURCE_FILE, _EXPORT, inside=build_dir)
        if sum(map(len, files.values())) > SOURCE_FILE.most:
            raise ElegansError(build_dir / path, "makes the sources too large", _EXPORT)
    _require_unchanged(build_dir, folder.name, files, folder.files)
    return model_source(folder, folder.layout, files)


def model_source(model: BuildFolder | Model, layout: str, files: dict[str, bytes]) -> ModelSource:
    """The sources of a model, whose C in `files` has this layout."""
    return ModelSource(
        name=model.name,
        digest=model.digest,
        inputs=len(model.inputs),
        outputs=len(model.outputs),
        states=len(model.states),
        state_bits=model.state_bits,
        has_dt=model.dt is not None,
        dt_bits=model.dt_bits,
        layout=layout,
        files=files,
    )


def _require_runtime(folder: BuildFolder) -> None:
    """Raise `ElegansError` for the BUILD of an elegans whose generated C was another.

    A BUILD written by hand may state no digests; then its C is taken for what it is.
    """
    if folder.files and folder.runtime != runtime_version():
        by = f"elegans {folder.version}" if folder.version else "an earlier elegans"
        had = f"runtime version {folder.runtime}" if folder.runtime else "an earlier runtime"
        fact = f"was exported by {by} for {had}; this one has version {runtime_version()}"
        raise ElegansError(folder.path.parent, fact, _EXPORT)


def _source_paths(build_dir: Path, name: str) -> list[str]:
    """The paths, relative to the BUILD, of all files that are compiled or included."""
    found = []
    for folder in ("runtime/include/elegans", "runtime/src"):
        with suppress(FileNotFoundError, NotADirectoryError):  # a model may need no kernel
            found += files_below(build_dir, folder)
    kept = [
        path for path in found if path.startswith("runtime/include/") or re.fullmatch(_UNIT, path)
    ]
    header, unit, *others = _own_files(name)
    there = [path for path in others if os.path.lexists(build_dir / path)]
    return [header, unit, *there, *kept]


def _own_files(name: str) -> tuple[str, ...]:
    """The sources of a model itself: its header and its C; and its layers and its block of weights,
    which only some have."""
    return f"{name}.h", f"{name}.c", f"{name}_layers.S", f"{name}_weights.h", f"{name}_weights.c"


def _require_unchanged(
    build_dir: Path, name: str, files: Mapping[str, bytes], stated: Mapping[str, str]
) -> None:
    """Raise `ElegansError` unless the sources are those whose digests are ``stated``.

    A BUILD written by hand may state none; then nothing is compared.
    """
    if not stated:
        return
    for path in sorted(path for path in stated if _is_source(path, name) and path not in files):
        raise ElegansError(build_dir / path, "is missing from this BUILD", _EXPORT)
    for path, content in files.items():
        if path not in stated:
            fact = "is no file of this BUILD: model.json does not list it"
            raise ElegansError(build_dir / path, fact, f"remove it, or {_EXPORT}")
        if hashlib.sha256(content).hexdigest() != stated[path]:
            fact = "was changed after the export: it has not the digest that model.json states"
            raise ElegansError(build_dir / path, fact, _EXPORT)


def _is_source(path: str, name: str) -> bool:
    return path in _own_files(name) or path.startswith("runtime/")


def firmware_files(model: ModelSource, board: Board, digest: str) -> dict[str, bytes]:
    """All sources of a firmware by path: the board's and the link's at the top, the model's
    below ``model/``.

    ``digest`` (64 hex digits) is the firmware's digest, the first half of which the firmware
    reports to the host. Raises `ElegansError` if the board's own source cannot be read.
    """
    context = {
        "board": board,
        "most_stack": MOST_STACK,
        "firmware": {"digest": _initialiser(digest)},
        "model": {
            "name": model.name,
            "macro": model.macro,
            "state_bits": model.state_bits,
            "has_dt": model.has_dt,
            "dt_bits": model.dt_bits,
            "dt_bytes": model.dt_bytes,
            "digest": _initialiser(model.digest),
            "has_block": model.has_block,
            "objects": [_object(unit) for unit in (*model.units, *model.assembly)],
        },
        "version": version("elegans"),
    }
    files = {f"model/{path}": content for path, content in model.files.items()}
    for path in (*FIRMWARE.glob("*.[ch]"), *FIRMWARE.glob("libc/*"), *_LINK.glob("*.[ch]")):
        if _belongs(path.stem, board):
            root = _LINK if path.is_relative_to(_LINK) else FIRMWARE
            files[str(path.relative_to(root))] = path.read_bytes()
    for name in ("config.h", "device.c", "link.ld"):
        files[name] = environment().get_template(f"{name}.j2").render(context).encode()
    if board.source is not None:
        files["board.c"] = _board_source(board)
    return files


def _belongs(stem: str, board: Board) -> bool:
    """Whether a file of the templates is part of a board's firmware: of the drivers only those
    that it has, and of the cores only its own."""
    driver = stem.partition("_")[0]
    if driver in ("uart", "counter", "interrupts"):
        interrupts = board.interrupts.driver if board.interrupts else ""
        chosen = {
            "uart": board.uart.driver,
            "counter": board.counter.kind,
            "interrupts": interrupts,
        }
        return stem == f"{driver}_{chosen[driver]}"
    others = {name for core, name in _CORE.items() if core != board.core.architecture}
    return not stem.startswith(tuple(others))


def device_files(model: ModelSource, board: Board) -> dict[str, bytes]:
    """The sources of a firmware that need no hardware, by path: the model, and the link to it.

    With a main program and an `el_port` they are the device's side of the protocol on any
    machine. The firmware's digest is zero.
    """
    files = firmware_files(model, board, digest="00" * 32)
    chosen = ("model/", "el_", "config.h", "device.")
    return {path: content for path, content in files.items() if path.startswith(chosen)}


def host_file(model: ModelSource) -> bytes:
    """The C of a main program that runs a model on this machine, between standard input and
    standard output."""
    return environment().get_template("host.c.j2").render(model=model).encode()


def _board_source(board: Board) -> bytes:
    remedy = "put it beside the descriptor, or correct the key source"
    return read_input(board.folder / str(board.source), SOURCE_FILE, remedy)


def _object(unit: str) -> str:
    """The path of a model's object file in the linker script."""
    return f"model/{Path(unit).stem}.o"


def _initialiser(digest: str) -> str:
    """The first 16 bytes of a digest, as the initialiser of an array in C."""
    return ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(digest)[:16])
