"""What a step costs on a core: instructions by function, stack, and the path it takes.

The firmware's own `<model>_step` is called on an emulated core, with the inputs, states and
elapsed times of a BUILD's golden vectors. Counts are exact and repeat on every machine.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import Symbol, read_symbols
from elegans.boards.firmware.source import read_model
from elegans.boards.profiling.qemu_caller import qemu_caller
from elegans.boards.profiling.step_call import Block, Called, Caller, called
from elegans.boards.profiling.unicorn_caller import UnicornCaller
from elegans.exporter.oracles.golden_vectors import CORNER, load_arrays

_ARRAY = re.compile(r"^(?:static )?const \w+ (\w+)\[", re.MULTILINE)
_MOST_LOGGED = 1_300_000  # instructions, each with its registers


@dataclass(frozen=True)
class Profile:
    """Costs of one step of a model, over all of the vectors that it was called with.

    instructions  the least and the most
    paths         how many different sequences of instructions there were
    uneven        branches and stores that depend on the data, `function+offset: code`; where
                  there are none, the path is that of every input whatever, as the flow of the
                  data shows (dataflow.py) or, on QEMU, the sameness of what decides (decisions.py)
    different     integers of y and h that are not the golden vectors'
    functions     instructions by function, of one step; a layer counts as one
    stack         the most bytes below the caller's stack pointer
    code          bytes of flash that are instructions and their constants
    tables        of functions, as tanh's
    weights       of the network: with biases, shifts and where they belong
    """

    steps: int
    instructions: tuple[int, int]
    paths: int
    uneven: tuple[str, ...]
    different: int
    functions: dict[str, int]
    stack: int
    code: int
    tables: int
    weights: int
    blocks: tuple[tuple[bytes, int], ...]


def profile(build_dir: Path, firmware: Firmware, steps: int = 1024) -> Profile:
    """Call the step `steps` times; fewer where QEMU would log too much for that."""
    function = called(build_dir, firmware, read_symbols(firmware.elf))
    with _caller(firmware, function) as caller:
        return _measured(build_dir, firmware, function, caller, steps)


@contextmanager
def _caller(firmware: Firmware, function: Called) -> Iterator[Caller]:
    if firmware.board.core.unicorn is not None:
        yield UnicornCaller(firmware, function)
        return
    with qemu_caller(firmware, function) as caller:
        yield caller


def _measured(
    build_dir: Path, firmware: Firmware, function: Called, caller: Caller, steps: int
) -> Profile:
    symbols = read_symbols(firmware.elf)
    counts: list[int] = []
    paths: dict[bytes, Counter[Block]] = {}
    different = 0
    for x, dt, h, *expected in _vectors(build_dir, steps):
        trace = caller.step(x, dt, h)
        different += int(np.count_nonzero(caller.results() != np.concatenate(expected)))
        blocks = Counter(trace)
        counts.append(sum(len(function.instructions(block)) * n for block, n in blocks.items()))
        path = hashlib.sha256(np.array(trace, dtype=np.uint64).tobytes()).digest()
        paths.setdefault(path, blocks)
        if firmware.board.core.unicorn is None and sum(counts) > _MOST_LOGGED:
            break
    first = next(iter(paths.values()))
    arrays = [s for s in symbols if s.model and s.data]
    runtime = _arrays_of_the_runtime(build_dir)
    tables = sum(s.size for s in arrays if s.name in runtime)
    weights = sum(s.size for s in arrays) - tables
    return Profile(
        steps=len(counts),
        instructions=(min(counts), max(counts)),
        paths=len(paths),
        uneven=tuple(_places(caller.uneven(x, dt, h), symbols)),
        different=different,
        functions=_by_function(first, function, symbols),
        stack=caller.stack(),
        code=firmware.flash_bytes - tables - weights,
        tables=tables,
        weights=weights,
        blocks=tuple((function.code(*block), n) for block, n in first.items()),
    )


def _arrays_of_the_runtime(build_dir: Path) -> set[str]:
    files = read_model(build_dir).files
    sources = (text.decode() for path, text in files.items() if path.startswith("src/"))
    return {name for text in sources for name in _ARRAY.findall(text)}


def _vectors(build_dir: Path, steps: int) -> Iterator[tuple[Any, int, Any, Any, Any]]:
    """x, dt, h, y and h_next: half of them corners, half of all the other golden vectors."""
    arrays = load_arrays(build_dir / "vectors.npz")
    corners = np.flatnonzero(arrays["section"] == CORNER)[: steps // 2]
    rest = np.flatnonzero(arrays["section"] != CORNER)
    others = rest[:: max(len(rest) // (steps - len(corners)), 1)][: steps - len(corners)]
    mixed = itertools.chain(*itertools.zip_longest(corners, others))
    for row in (row for row in mixed if row is not None):
        x, h, y, h_next = (arrays[name][row] for name in ("x", "h", "y", "h_next"))
        yield x, int(arrays["dt"][row]), h, y, h_next


def _places(found: dict[int, str], symbols: list[Symbol]) -> Iterator[str]:
    starts = sorted((s.address, s.name) for s in symbols if not s.data)
    for address, text in sorted(found.items()):
        start, name = max(s for s in starts if s[0] <= address)
        yield f"{name}+{address - start:#x}: {text}"


def _by_function(blocks: Counter[Block], function: Called, symbols: list[Symbol]) -> dict[str, int]:
    starts = sorted((s.address, s.name) for s in symbols if not s.data)
    addresses = np.array([address for address, _ in starts])
    found: Counter[str] = Counter()
    for block, times in blocks.items():
        owners = np.searchsorted(addresses, function.instructions(block), side="right") - 1
        for owner in owners:
            found[starts[owner][1]] += times
    return dict(found.most_common())
