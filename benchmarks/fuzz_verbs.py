"""Mutated files for every verb that reads them: each is taken, or refused with an `ElegansError`.

python -m benchmarks.fuzz_verbs [--minutes 5] [--kind json] [--seed 0]

Prints how often each kind of file was taken, and every case that raised anything else or took
longer than 20 seconds, with the bytes of the file in build/fuzz; exits with 1 if there was one.
`tests/fuzz/test_verbs.py` runs some of it in each test run.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import io
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from elegans.benchmarks.fuzz import mutated as mutated_onnx
from elegans.cli import main as cli
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import from_json

SLOWEST_S = 20.0
_MEMORY = 4 << 30
_STEPS = 12
_SHAPES = [(), (0,), (1,), (12,), (12, 3), (2, 6, 3), (3, 0), (1, 1, 1)]
_NEW = ("OUT", "out.npz")
_NUMBERS = [0, -1, 1, 2, 16, 31, 63, 64, 65, 255, 1 << 15, 1 << 16, 1 << 31, 1 << 40, 10**30]
_VALUES: list[Any] = [*_NUMBERS, *(-n for n in _NUMBERS), 0.5, 1e400, None, True, "", "x", [], {}]
_BOARD = Path(__file__).resolve().parent.parent / "boards" / "catalogue" / "mps2-an386.toml"
_MAP = b"[[board]]\nname = 'one'\nboard = 'mps2-an386'\ntags = ['a', 'b']\nport = '/dev/x'\n"


def workplace(folder: Path, source: Path) -> Path:
    """A folder with a BUILD of the ONNX file `source`, and a file of each kind."""
    export(Request(source), folder / "BUILD")
    (folder / "model.onnx").write_bytes(source.read_bytes())
    inputs = json.loads((folder / "BUILD/model.json").read_bytes())["inputs"]
    names, (lo, hi) = [c["name"] for c in inputs], np.array([c["range"] for c in inputs]).T
    x, dt = lo + (hi - lo) * np.linspace(0, 1, _STEPS)[:, None], np.full(_STEPS, 0.1)
    np.savez(folder / "data.npz", x=x, dt=dt)
    rows = [",".join([*names, "dt"])]
    rows += [",".join(f"{v:.3f}" for v in (*row, t)) for row, t in zip(x, dt, strict=True)]
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    (folder / "lab.toml").write_bytes(_MAP)
    (folder / "own.toml").write_bytes(_BOARD.read_bytes())
    return folder


KINDS: dict[str, tuple[str, list[list[str]]]] = {
    "onnx": ("model.onnx", [["export", "model.onnx", "-o", "OUT"]]),
    "json": (
        "BUILD/model.json",
        [
            ["run", "BUILD", "--input", "data.npz", "--output", "out.npz"],
            ["compare", "BUILD", "--input", "data.npz"],
        ],
    ),
    "npz": (
        "data.npz",
        [
            ["run", "BUILD", "--input", "data.npz", "--output", "out.npz"],
            ["compare", "BUILD", "--input", "data.npz"],
            ["export", "model.onnx", "-o", "OUT", "--recording", "data.npz"],
        ],
    ),
    "csv": ("data.csv", [["compare", "BUILD", "--input", "data.csv"]]),
    "map": ("lab.toml", [["hil", "BUILD", "--map", "lab.toml", "--tag", "none of them"]]),
    "board": ("own.toml", [["build", "BUILD", "--board", "own.toml", "--compiler", "none"]]),
}
"""For each kind: the file that is mutated, and the calls that read it."""


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """The file with some bytes replaced, left out, put in, or repeated."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(found) - 1, 0)))
        length = draw(st.sampled_from([1, 1, 1, 2, 4, 8, 64, 1000]))
        way = draw(st.integers(0, 3))
        if way == 0:
            found[at : at + 1] = bytes([draw(st.sampled_from([0, 1, 127, 128, 255, 48, 57, 93]))])
        elif way == 1:
            del found[at : at + length]
        elif way == 2:
            found[at:at] = draw(st.binary(max_size=8))
        else:
            found[at:at] = found[at : at + length] * draw(st.sampled_from([1, 2, 100]))
    return bytes(found)


@st.composite
def changed_json(draw: st.DrawFn, data: bytes) -> bytes:
    """The document with some values replaced; half of the time with the digest that it then has,
    as only somebody who means it would write it."""
    document = json.loads(data)
    for _ in range(draw(st.integers(1, 2))):
        key = draw(st.sampled_from(["inputs", "dt", "states", "outputs", "steps", "y", "h_next"]))
        at, place = document, key
        while isinstance(at[place], dict | list) and at[place] and draw(st.integers(0, 5)):
            at = at[place]
            places = list(at) if isinstance(at, dict) else list(range(len(at)))
            place = draw(st.sampled_from(places))
        near = [at[place] + 1, at[place] - 1] if type(at[place]) is int else []
        at[place] = draw(st.sampled_from(near or _VALUES) | st.sampled_from(_VALUES))
    if draw(st.booleans()):
        with contextlib.suppress(Exception):  # it may be no model any more
            document["digest"] = from_json(document).digest
    return json.dumps(document).encode()


@st.composite
def changed_arrays(draw: st.DrawFn, data: bytes) -> bytes:
    """Arrays of other shapes, types and values, and others that are missing."""
    arrays = dict(np.load(io.BytesIO(data)))
    for name in draw(st.lists(st.sampled_from(["x", "dt", "h0", "y"]), min_size=1, max_size=3)):
        shape = draw(
            st.sampled_from([(), (0,), (1,), (12,), (12, 3), (2, 6, 3), (3, 0), (1, 1, 1)])
        )
        value = draw(st.sampled_from([0.0, 0.1, 1e300, -1e-300, np.nan, np.inf, 1, 255]))
        kind = draw(st.sampled_from(["f8", "f4", "f2", "i2", "u8", ">f8", "U3", "c16", "?"]))
        with np.errstate(all="ignore"):
            arrays[name] = np.full(shape, value).astype(kind)
    if draw(st.booleans()):
        arrays.pop(draw(st.sampled_from(["x", "dt"])), None)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def changed_graph(data: bytes) -> st.SearchStrategy[bytes]:
    """The graph with structural mistakes."""
    seeds = st.integers(0, 2**32 - 1)
    return seeds.map(lambda n: mutated_onnx(data, np.random.default_rng(n)))


def files_of(kind: str, data: bytes) -> st.SearchStrategy[bytes]:
    """Mutated files of a kind."""
    by_kind: dict[str, Callable[[bytes], st.SearchStrategy[bytes]]] = {
        "json": changed_json,
        "npz": changed_arrays,
        "onnx": changed_graph,
    }
    own = by_kind.get(kind)
    return mutated(data) if own is None else st.one_of(own(data), mutated(data))


def attempt(folder: Path, arguments: list[str]) -> bool:
    """Whether a call took the file. Any exception but an `ElegansError` is the caller's to see.

    The command is called without `cli.main`, which prints whatever a command raises.
    """
    verb, *rest = arguments
    paths = [
        str(folder / a) if (folder / a.split("/")[0]).exists() or a in _NEW else a for a in rest
    ]
    command = cli.commands[verb]
    try:
        with command.make_context(verb, paths) as context:
            command.invoke(context)
    except (ElegansError, click.ClickException):
        return False
    return True


@click.command()
@click.option("--minutes", default=5.0, show_default=True)
@click.option("--kind", type=click.Choice([*KINDS]), help="one kind only")
@click.option("--seed", default=0, show_default=True)
@click.argument("source", type=click.Path(path_type=Path), default="tests/golden/worm.onnx")
def main(source: Path, minutes: float, kind: str | None, seed: int) -> None:
    """Call the verbs on mutated files for so many MINUTES."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    kept = Path("build/fuzz")
    kept.mkdir(parents=True, exist_ok=True)
    counts: collections.Counter[str] = collections.Counter()
    escaped: list[str] = []
    kinds = [kind] if kind else [*KINDS]
    end = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as scratch:
        folder = workplace(Path(scratch), source)
        number = seed
        while time.monotonic() < end:
            number += 1
            soak(folder, kinds[number % len(kinds)], number, counts, escaped, kept)
    for name, count in sorted(counts.items()):
        click.echo(f"{count:7d}  {name}")
    for line in dict.fromkeys(escaped):
        click.echo(line)
    if escaped:
        raise SystemExit(1)


def soak(
    folder: Path,
    kind: str,
    number: int,
    counts: collections.Counter[str],
    escaped: list[str],
    kept: Path,
) -> None:
    """A hundred files of one kind; what escapes goes to `escaped` and its file to `kept`."""
    name, calls = KINDS[kind]
    original = (folder / name).read_bytes()

    @seeded(number)
    @settings(
        max_examples=100,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(files_of(kind, original), st.sampled_from(calls))
    def one(data: bytes, arguments: list[str]) -> None:
        (folder / name).write_bytes(data)
        start = time.monotonic()
        try:
            taken = attempt(folder, arguments)
            counts[f"{kind}, {'taken' if taken else 'refused'}"] += 1
        except (Exception, SystemExit) as error:
            file = kept / f"{kind}-{hashlib.sha256(data).hexdigest()[:12]}"
            file.write_bytes(data)
            escaped.append(f"{' '.join(arguments)}: {error!r:.160} ({file})")
        if (seconds := time.monotonic() - start) > SLOWEST_S:
            file = kept / f"{kind}-{hashlib.sha256(data).hexdigest()[:12]}"
            file.write_bytes(data)
            escaped.append(f"{' '.join(arguments)}: took {seconds:.0f} s ({file})")

    one()
    (folder / name).write_bytes(original)


if __name__ == "__main__":
    main()
