"""Measures a step on a core: instructions by function, stack, and the path through the code.

The firmware's `<model>_step` is called on an emulated core with the inputs, states and elapsed
times of a BUILD's golden vectors. Counts are exact, and the same on every machine.
"""

from __future__ import annotations

import hashlib
import importlib.util
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
from elegans.boards.profiling.step_call import Block, StepCaller, StepFunction, find_step
from elegans.boards.profiling.unicorn_caller import UnicornCaller
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.oracles.golden_vectors import CORNER
from elegans.exporter.storage.npz_arrays import load_arrays

_ARRAY = re.compile(r"^(?:static )?const \w+ (\w+)\[", re.MULTILINE)  # its definition in C
_STEPS_FOR_STACK = 4
_MOST_LOGGED = 1_300_000  # instructions that QEMU logs with their registers, to bound the time
_MOST_EXECUTED = 1 << 27  # instructions that unicorn executes, for the same reason


@dataclass(frozen=True)
class Profile:
    """Costs of one step of a model, over all vectors that it was called with.

    steps           the number of calls
    instructions    the least and the most instructions of a call
    paths           the number of different sequences of instructions
    data_dependent  branches and stores that depend on the data, as `function+offset: code`.
                    If there are none, every input takes the same path: by taint tracking
                    (taint.py) or, on QEMU, because all branches are decided from the same values
                    for different data (branch_operands.py)
    mismatches      integers of y and h that differ from the golden vectors
    functions       instructions of a step by function; a layer counts as a function
    stack           the most bytes used below the caller's stack pointer
    code            bytes of flash for instructions and the constants among them
    tables          bytes of flash for tables of functions, such as tanh's
    weights         bytes of flash for the network's weights, biases, shifts and indices
    blocks          the executed pieces of code, and how often each was executed in a step
    """

    steps: int
    instructions: tuple[int, int]
    paths: int
    data_dependent: tuple[str, ...]
    mismatches: int
    functions: dict[str, int]
    stack: int
    code: int
    tables: int
    weights: int
    blocks: tuple[tuple[bytes, int], ...]


def profile(build_dir: Path, firmware: Firmware, steps: int = 1024) -> Profile:
    """Call the step of a BUILD in its firmware up to ``steps`` times, and measure it.

    On QEMU there may be fewer calls, since its log is long. Raises `ElegansError` if an emulator
    or capstone is not installed, or the BUILD is incomplete.
    """
    function = find_step(build_dir, firmware, read_symbols(firmware.elf))
    with _caller(firmware, function) as caller:
        return _measured(build_dir, firmware, function, caller, steps)


def stack_of_step(build_dir: Path, firmware: Firmware) -> int | None:
    """The bytes of stack that a step of a BUILD uses in its firmware. A few steps tell, because
    all take the same path.

    None if unicorn is not installed, or does not know the core. Raises `ElegansError` as `profile`
    does.
    """
    if firmware.board.core.unicorn is None or importlib.util.find_spec("unicorn") is None:
        return None
    caller = UnicornCaller(firmware, find_step(build_dir, firmware, read_symbols(firmware.elf)))
    for x, dt, h, *_ in _vectors(build_dir, _STEPS_FOR_STACK):
        caller.step(x, dt, h)
    return caller.stack()


@contextmanager
def _caller(firmware: Firmware, function: StepFunction) -> Iterator[StepCaller]:
    if firmware.board.core.unicorn is not None:
        yield UnicornCaller(firmware, function)
        return
    with qemu_caller(firmware, function) as caller:
        yield caller


def _measured(
    build_dir: Path, firmware: Firmware, function: StepFunction, caller: StepCaller, steps: int
) -> Profile:
    symbols = read_symbols(firmware.elf)
    counts: list[int] = []
    paths: dict[bytes, tuple[Counter[Block], int]] = {}  # blocks, and instructions
    mismatches = 0
    for x, dt, h, *expected in _vectors(build_dir, steps):
        trace = caller.step(x, dt, h)
        mismatches += int(np.count_nonzero(caller.results() != np.concatenate(expected)))
        path = hashlib.sha256(np.array(trace, dtype=np.uint64).tobytes()).digest()
        if path not in paths:
            blocks = Counter(trace)
            length = sum(len(function.instructions(block)) * n for block, n in blocks.items())
            paths[path] = blocks, length
        counts.append(paths[path][1])
        if sum(counts) > (_MOST_LOGGED if firmware.board.core.unicorn is None else _MOST_EXECUTED):
            break
    first, _ = next(iter(paths.values()))
    arrays = [symbol for symbol in symbols if symbol.in_model and symbol.is_data]
    of_runtime = _arrays_of_the_runtime(build_dir)
    tables = sum(array.size for array in arrays if array.name in of_runtime)
    weights = sum(array.size for array in arrays) - tables
    return Profile(
        steps=len(counts),
        instructions=(min(counts), max(counts)),
        paths=len(paths),
        data_dependent=tuple(_describe(caller.data_dependent(x, dt, h), symbols)),
        mismatches=mismatches,
        functions=_by_function(first, function, symbols),
        stack=caller.stack(),
        code=firmware.flash_bytes - tables - weights,
        tables=tables,
        weights=weights,
        blocks=tuple((function.code(*block), n) for block, n in first.items()),
    )


def _arrays_of_the_runtime(build_dir: Path) -> set[str]:
    """The names of the constant arrays that the C runtime defines."""
    files = read_model(build_dir).files
    kernels = [content for path, content in files.items() if path.startswith("runtime/src/")]
    sources = (content.decode(errors="replace") for content in kernels)
    return {name for text in sources for name in _ARRAY.findall(text)}


def _vectors(build_dir: Path, steps: int) -> Iterator[tuple[Any, int, Any, Any, Any]]:
    """x, dt, h, y and h_next of golden vectors: one half are corners, where values are at the ends
    of their ranges, the other half is spread over all other sections."""
    arrays = load_arrays(build_dir / "vectors.npz", inside=build_dir)
    folder, count = read_build_folder(build_dir), len(np.atleast_1d(arrays.get("section", [])))
    rows: dict[str, tuple[int, ...]] = {"section": (count,), "dt": (count,)}
    for name, channels in (("x", folder.inputs), ("y", folder.outputs)):
        rows[name] = (count, len(channels))
    rows |= dict.fromkeys(("h", "h_next"), (count, len(folder.states)))
    for name, shape in rows.items():
        if name not in arrays or arrays[name].shape != shape or arrays[name].dtype.kind not in "iu":
            fact = f"{name} is not there, or not integers of the shape {shape}"
            raise ElegansError(build_dir / "vectors.npz", fact, "run `elegans export` again")
    corners = np.flatnonzero(arrays["section"] == CORNER)[: steps // 2]
    rest = np.flatnonzero(arrays["section"] != CORNER)
    others = rest[:: max(len(rest) // (steps - len(corners)), 1)][: steps - len(corners)]
    mixed = itertools.chain(*itertools.zip_longest(corners, others))
    for row in (row for row in mixed if row is not None):
        x, h, y, h_next = (arrays[name][row] for name in ("x", "h", "y", "h_next"))
        yield x, int(arrays["dt"][row]), h, y, h_next


def _describe(found: dict[int, str], symbols: list[Symbol]) -> Iterator[str]:
    """What was found at addresses, with function and offset instead of the address."""
    functions = _functions(symbols)
    for address, text in sorted(found.items()):
        start, name = max(function for function in functions if function[0] <= address)
        yield f"{name}+{address - start:#x}: {text}"


def _functions(symbols: list[Symbol]) -> list[tuple[int, str]]:
    """Address and name of all functions and layers, by address."""
    return sorted((symbol.address, symbol.name) for symbol in symbols if not symbol.is_data)


def _by_function(
    blocks: Counter[Block], function: StepFunction, symbols: list[Symbol]
) -> dict[str, int]:
    """The instructions executed in each function, the most first."""
    functions = _functions(symbols)
    addresses = np.array([address for address, _ in functions])
    counts: Counter[str] = Counter()
    for block, times in blocks.items():
        owners = np.searchsorted(addresses, function.instructions(block), side="right") - 1
        for owner in owners:
            counts[functions[owner][1]] += times
    return dict(counts.most_common())
