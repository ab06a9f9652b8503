"""What a step costs on a core: instructions by function, stack, and the path it takes.

The firmware's own `<model>_step` is called on unicorn, with the inputs, states and elapsed
times of a BUILD's golden vectors. Counts are exact and repeat on every machine.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.boards.build import Firmware
from elegans.boards.dataflow import Access, DataFlow
from elegans.boards.image import Symbol, read_image, read_symbols
from elegans.boards.source import read_model
from elegans.boards.thumb import decode
from elegans.exporter.errors import ElegansError
from elegans.exporter.vectors import CORNER, load_arrays

_PAGE = 0x1000
_RETURN = 0x1FFF_F000
_PAINT = b"\xa5"


@dataclass(frozen=True)
class Profile:
    """Costs of one step of a model, over all of the vectors that it was called with.

    instructions  the least and the most
    paths         how many different sequences of instructions there were
    uneven        branches and stores that depend on the data, `function+offset: code`; where
                  there are none, the path is that of every input whatever (boards/dataflow.py)
    different     integers of y and h that are not the golden vectors'
    functions     instructions by function, of one step; a layer counts as one
    stack         the most bytes below the caller's stack pointer
    code, data    bytes of flash: instructions, and tables and weights
    """

    steps: int
    instructions: tuple[int, int]
    paths: int
    uneven: tuple[str, ...]
    different: int
    functions: dict[str, int]
    stack: int
    code: int
    data: int
    blocks: tuple[tuple[bytes, int], ...]


def profile(build_dir: Path, firmware: Firmware, steps: int = 1024) -> Profile:
    """Call the step `steps` times. Raises `ElegansError` for a core that unicorn has not."""
    core = firmware.board.core
    if core.unicorn is None:
        raise ElegansError(
            firmware.board.name,
            f"its {core.name} is not among unicorn's cores",
            "take --emulator qemu for its instruction counts",
        )
    symbols = read_symbols(firmware.elf)
    caller = _Caller(build_dir, firmware, symbols)
    counts: list[int] = []
    paths: dict[bytes, Counter[tuple[int, int]]] = {}
    different = 0
    for x, dt, h, *expected in _vectors(build_dir, steps):
        trace = caller.step(x, dt, h)
        results = caller.results(*(len(part) for part in expected))
        different += int(np.count_nonzero(results != np.concatenate(expected)))
        blocks = Counter(trace)
        counts.append(sum(len(caller.instructions(block)) * n for block, n in blocks.items()))
        path = hashlib.sha256(np.array(trace, dtype=np.uint64).tobytes()).digest()
        paths.setdefault(path, blocks)
    first = next(iter(paths.values()))
    size = sum(s.size for s in symbols if s.model and s.data)
    return Profile(
        steps=len(counts),
        instructions=(min(counts), max(counts)),
        paths=len(paths),
        uneven=tuple(_places(caller.uneven(x, dt, h), symbols)),
        different=different,
        functions=_by_function(first, caller, symbols),
        stack=caller.stack(),
        code=firmware.flash_bytes - size,
        data=size,
        blocks=tuple((caller.code(block), n) for block, n in first.items()),
    )


def _vectors(build_dir: Path, steps: int) -> Iterator[tuple[Any, int, Any, Any, Any]]:
    """x, dt, h, y and h_next: half of them corners, half of all the other golden vectors."""
    arrays = load_arrays(build_dir / "vectors.npz")
    corners = np.flatnonzero(arrays["section"] == CORNER)[: steps // 2]
    rest = np.flatnonzero(arrays["section"] != CORNER)
    others = rest[:: max(len(rest) // (steps - len(corners)), 1)][: steps - len(corners)]
    for row in (*corners, *others):
        x, h, y, h_next = (arrays[name][row] for name in ("x", "h", "y", "h_next"))
        yield x, int(arrays["dt"][row]), h, y, h_next


class _Caller:
    """A core with the firmware in its flash, and nothing else."""

    def __init__(self, build_dir: Path, firmware: Firmware, symbols: list[Symbol]) -> None:
        import unicorn as untyped
        from unicorn import arm_const

        unicorn: Any = untyped  # it says that it is typed, but its annotations do not hold
        arm: Any = arm_const
        self._arm = arm
        model, memory = read_model(build_dir), firmware.board.memory
        at = {symbol.name: symbol.address for symbol in symbols}
        self._step, self._set_h, self._get_h = (
            at[f"{model.name}_{verb}"] for verb in ("step", "set_h", "h")
        )
        self._cpu: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self._cpu.ctl_set_cpu_model(getattr(arm, str(firmware.board.core.unicorn)))
        for region in (memory.flash, memory.ram):
            first = region.origin & -_PAGE
            last = -(-(region.origin + region.bytes) // _PAGE) * _PAGE
            self._cpu.mem_map(first, last - first)
        self._cpu.mem_map(_RETURN, _PAGE)
        for address, data in read_image(firmware.elf).segments:
            self._cpu.mem_write(address, data)
        # Arguments at the beginning of RAM, where nothing of the firmware runs now.
        base = memory.ram.origin
        self._x, self._y, self._h, self._state = (base + 1024 * i for i in range(4))
        self._top = base + min(memory.ram.bytes, 0x8000)
        self._floor = base + 4096
        self._cpu.mem_write(self._floor, _PAINT * (self._top - self._floor))
        self._trace: list[tuple[int, int]] = []
        self._instructions: dict[tuple[int, int], list[int]] = {}
        self._lowest = self._top
        self._cpu.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)

    def step(self, x: NDArray[np.int16], dt: int, h: NDArray[np.int16]) -> list[tuple[int, int]]:
        """The blocks, (address, bytes), that one step goes through."""
        self._cpu.mem_write(self._x, np.asarray(x, np.int16).tobytes())
        self._cpu.mem_write(self._h, np.asarray(h, np.int16).tobytes())
        self._call(self._set_h, self._state, self._h)
        self._cpu.mem_write(self._floor, _PAINT * (self._top - self._floor))
        self._trace = []
        self._call(self._step, self._state, self._y, self._x, dt & 0xFFFF_FFFF)
        painted = bytes(self._cpu.mem_read(self._floor, self._top - self._floor))
        used = len(painted) - (len(painted) - len(painted.lstrip(_PAINT)))
        self._lowest = min(self._lowest, self._top - used)
        return self._trace

    def uneven(self, x: NDArray[np.int16], dt: int, h: NDArray[np.int16]) -> dict[int, str]:
        """What depends on x, dt or h in one step and should not, by its address."""
        import unicorn as untyped

        unicorn: Any = untyped
        blocks = set(self.step(x, dt, h))
        known = {one.address: one for b in blocks for one in decode(self.code(b), b[0])}
        self._call(self._set_h, self._state, self._h)
        spans = [range(self._x, self._x + 2 * len(x)), range(self._state, self._state + 1024)]
        flow = DataFlow([3], spans)  # R3 is dt
        loads: list[Access] = []
        stores: list[Access] = []
        now: list[int] = []

        def on_code(cpu: Any, address: int, size: int, _: Any) -> None:
            if now:
                flow.execute(known[now.pop()], loads, stores)
                loads.clear()
                stores.clear()
            if address != _RETURN:
                now.append(address)

        def on_memory(cpu: Any, kind: int, address: int, size: int, value: int, _: Any) -> None:
            (stores if kind == unicorn.UC_MEM_WRITE else loads).append((address, size))

        both = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
        hooks = [
            self._cpu.hook_add(unicorn.UC_HOOK_CODE, on_code),
            self._cpu.hook_add(both, on_memory),
        ]
        self._cpu.ctl_flush_tb()  # what is translated already has no hooks
        self._call(self._step, self._state, self._y, self._x, dt & 0xFFFF_FFFF)
        for hook in hooks:
            self._cpu.hook_del(hook)
        return flow.found

    def results(self, outputs: int, neurons: int) -> NDArray[np.int16]:
        """y and h behind the last step."""
        self._call(self._get_h, self._state)
        at = self._cpu.reg_read(self._arm.UC_ARM_REG_R0)
        y, h = self._cpu.mem_read(self._y, 2 * outputs), self._cpu.mem_read(at, 2 * neurons)
        return np.frombuffer(bytes(y + h), np.int16)

    def stack(self) -> int:
        return self._top - self._lowest

    def code(self, block: tuple[int, int]) -> bytes:
        return bytes(self._cpu.mem_read(*block))

    def instructions(self, block: tuple[int, int]) -> list[int]:
        """The addresses of its instructions: those of 32 bits begin with 0b111 and not 00."""
        if block not in self._instructions:
            code, at = self.code(block), 0
            found = self._instructions[block] = []
            while at < len(code):
                found.append(block[0] + at)
                at += 4 if code[at + 1] >= 0xE8 else 2
        return self._instructions[block]

    def _call(self, function: int, *arguments: int) -> None:
        registers = [getattr(self._arm, f"UC_ARM_REG_R{i}") for i in range(4)]
        for register, value in zip(registers, arguments, strict=False):
            self._cpu.reg_write(register, value)
        self._cpu.reg_write(self._arm.UC_ARM_REG_SP, self._top)
        self._cpu.reg_write(self._arm.UC_ARM_REG_LR, _RETURN | 1)
        self._cpu.emu_start(function | 1, _RETURN)

    def _on_block(self, cpu: Any, address: int, size: int, _: Any) -> None:
        if address != _RETURN:
            self._trace.append((address, size))


def _places(found: dict[int, str], symbols: list[Symbol]) -> Iterator[str]:
    starts = sorted((s.address, s.name) for s in symbols if not s.data)
    for address, text in sorted(found.items()):
        start, name = max(s for s in starts if s[0] <= address)
        yield f"{name}+{address - start:#x}: {text}"


def _by_function(
    blocks: Counter[tuple[int, int]], caller: _Caller, symbols: list[Symbol]
) -> dict[str, int]:
    starts = sorted((s.address, s.name) for s in symbols if not s.data)
    addresses = np.array([address for address, _ in starts])
    found: Counter[str] = Counter()
    for block, times in blocks.items():
        owners = np.searchsorted(addresses, caller.instructions(block), side="right") - 1
        for owner in owners:
            found[starts[owner][1]] += times
    return dict(found.most_common())
