"""The C that gets compiled: a BUILD's own, the link's, and what templates make of a board."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from elegans.boards.descriptors.descriptor import Board
from elegans.exporter.errors import ElegansError
from elegans.exporter.templates import FIRMWARE, environment

_HOUSE = Path(__file__).resolve().parents[2]
_LINK = _HOUSE / "runtime_c" / "link"
_EXPORT = "export it again: elegans export model.onnx -o BUILD"


@dataclass(frozen=True)
class ModelSource:
    """A BUILD as a compiler sees it. ``aim`` is what it was generated for, speed or size;
    ``files`` maps paths below the BUILD to their bytes."""

    name: str
    digest: str
    inputs: int
    outputs: int
    neurons: int
    has_dt: bool
    aim: str
    files: dict[str, bytes]

    @property
    def macro(self) -> str:
        """The prefix of the model's macros."""
        return self.name.upper()

    @property
    def units(self) -> list[str]:
        """The files that are compiled, the model first."""
        return ["model.c", *sorted(path for path in self.files if path.startswith("src/"))]

    @property
    def assembler(self) -> list[str]:
        """What is assembled beside them for an Arm core."""
        return [path for path in self.files if path.endswith(".S")]


def read_model(build_dir: Path) -> ModelSource:
    """The C of a BUILD and what `model.json` says of it. Raises `ElegansError` for anything
    that is not a whole BUILD."""
    place = build_dir / "model.json"
    try:
        document = json.loads(place.read_bytes())
        name, digest = document["name"], document["digest"]
        inputs, outputs, neurons = (len(document[k]) for k in ("inputs", "outputs", "states"))
        has_dt, aim = document["dt"] is not None, document.get("optimise", "speed")
        if not (isinstance(name, str) and name.isidentifier() and len(bytes.fromhex(digest)) == 32):
            raise ValueError("name or digest is not what elegans export writes")
    except (FileNotFoundError, NotADirectoryError):
        remedy = "export a model into it: elegans export model.onnx -o BUILD"
        raise ElegansError(build_dir, "is no BUILD, it has no model.json", remedy) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(place, f"cannot be read ({reason})", _EXPORT) from None
    except KeyError as error:
        raise ElegansError(place, f"has no {error}", _EXPORT) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ElegansError(place, f"is not as it was written: {error}", _EXPORT) from None
    paths = [build_dir / "model.h", build_dir / "model.c"]
    paths += sorted(build_dir.glob("layers.S"))
    paths += sorted([*build_dir.glob("include/elegans/**/*.*"), *build_dir.glob("src/*.c")])
    try:
        files = {str(path.relative_to(build_dir)): path.read_bytes() for path in paths}
    except OSError as error:
        reason = error.strerror or str(error)
        raise ElegansError(error.filename, f"cannot be read ({reason})", _EXPORT) from None
    return ModelSource(name, digest, inputs, outputs, neurons, has_dt, aim, files)


def firmware_files(model: ModelSource, board: Board, digest: str) -> dict[str, bytes]:
    """Every source of a firmware, by its path. ``digest`` (64 hex) is what it tells the host.

    The board's and the link's files stand at the top, the model's below ``model/``.
    """
    nouns = {
        "board": board,
        "firmware": {"digest": _initialiser(digest)},
        "model": {
            "name": model.name,
            "macro": model.macro,
            "has_dt": model.has_dt,
            "digest": _initialiser(model.digest),
            "objects": [_object(unit) for unit in (*model.units, *model.assembler)],
        },
        "version": version("elegans"),
    }
    files = {f"model/{path}": content for path, content in model.files.items()}
    chosen = (f"uart_{board.uart.driver}", f"counter_{board.counter.kind}")
    for path in (*FIRMWARE.glob("*.[ch]"), *FIRMWARE.glob("libc/*"), *_LINK.glob("*.[ch]")):
        if not path.stem.startswith(("uart_", "counter_")) or path.stem in chosen:
            root = _LINK if path.is_relative_to(_LINK) else FIRMWARE
            files[str(path.relative_to(root))] = path.read_bytes()
    for name in ("config.h", "device.c", "link.ld"):
        files[name] = environment().get_template(f"{name}.j2").render(nouns).encode()
    if board.source is not None:
        files["board.c"] = _board_source(board)
    return files


def host_file(model: ModelSource) -> bytes:
    """The main program that runs a model on this machine, over standard input and output."""
    return environment().get_template("host.c.j2").render(model=model).encode()


def _board_source(board: Board) -> bytes:
    path = board.folder / str(board.source)
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "put it beside the descriptor, or correct source there"
        raise ElegansError(path, f"cannot be read ({reason})", remedy) from None


def _object(unit: str) -> str:
    """What the linker script calls the object of a model's source."""
    return f"model/{Path(unit).stem}.o"


def _initialiser(digest: str) -> str:
    """The first half of a digest, as C writes an array of bytes."""
    return ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(digest)[:16])
