"""A firmware's step as a function to call: its address, its arguments, and what can call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import ElfImage, Symbol, read_image
from elegans.boards.firmware.source import read_model
from elegans.boards.profiling.calling_rules import RULES

_POINTER = 4  # bytes
_BLOCK_HEAD = 80  # bytes of el_block_head, behind which the weights begin

Row = NDArray[np.signedinteger[Any]]
Block = tuple[int, int]  # address and bytes of code that was executed from its start to its end


class StepCaller(Protocol):
    """An emulated core that executes a step and reports what it executed."""

    def step(self, x: Row, dt: int, h: Row) -> list[Block]:
        """Execute one step with inputs ``x [I]`` from the states ``h [H]``: the blocks in order."""

    def results(self) -> Row:
        """y and h after the last step, concatenated: ``[O + H]``."""

    def stack(self) -> int:
        """The most bytes that a step so far has used below its caller's stack pointer."""

    def data_dependent(self, x: Row, dt: int, h: Row) -> dict[int, str]:
        """The branches and stores of a step that depend on x, dt or h, by their addresses."""


@dataclass(frozen=True)
class StepFunction:
    """The functions of a model in a firmware, and memory for their arguments.

    ``step``, ``set_h``, ``get_h`` and ``main`` are addresses of functions. The arguments lie
    from ``base``, the beginning of RAM, on, since the firmware itself does not run meanwhile:
    x, y, h and the model's state. Behind them ends the stack, at ``floor``; it begins at ``top``.
    ``inputs``, ``outputs`` and ``states`` are numbers of elements; a state has ``state_bytes``
    bytes, and the model's ``struct`` ``struct_bytes``. ``weights`` is the address of the weights in
    the block that is built in, to which the beginning of the ``struct`` points; 0 if the weights
    are in the code.
    """

    step: int
    set_h: int
    get_h: int
    main: int
    base: int
    top: int
    inputs: int
    outputs: int
    states: int
    state_bytes: int
    struct_bytes: int
    weights: int
    image: ElfImage

    @property
    def x(self) -> int:
        """The address of the inputs."""
        return self.base

    @property
    def y(self) -> int:
        """The address of the outputs."""
        return self.x + _reserved(2 * self.inputs)

    @property
    def h(self) -> int:
        """The address of the states that are set before a step, and read after it."""
        return self.y + _reserved(2 * self.outputs)

    @property
    def state(self) -> int:
        """The address of the model's ``struct`` with its states."""
        return self.h + _reserved(self.state_bytes * self.states)

    @property
    def floor(self) -> int:
        """The lowest address that the stack may use."""
        return self.state + _reserved(self.struct_bytes)

    def data(self) -> list[range]:
        """The addresses of the data that a step depends on: of x, and of the model's states."""
        known = _POINTER if self.weights else 0
        return [range(self.x, self.y), range(self.state + known, self.floor)]

    def arguments(self, x: Row, h: Row) -> dict[int, bytes]:
        """The bytes of inputs ``x [I]`` and states ``h [H]``, by their addresses."""
        states = np.asarray(h).astype(f"<i{self.state_bytes}")
        given = {self.x: np.asarray(x).astype("<i2").tobytes(), self.h: states.tobytes()}
        pointer = {self.state: self.weights.to_bytes(_POINTER, "little")} if self.weights else {}
        return given | pointer

    def results(self, read: Callable[[int, int], bytes], returned: int) -> Row:
        """y and h, concatenated, after `get_h` has returned a value in R0.

        ``read`` gives the bytes at an address. A model of 16-bit states returns the address of
        its states; one of 32-bit states has written them to `h`.
        """
        at = returned if self.state_bytes == 2 else self.h
        y = np.frombuffer(read(self.y, 2 * self.outputs), "<i2")
        h = np.frombuffer(read(at, self.state_bytes * self.states), f"<i{self.state_bytes}")
        return np.concatenate([y, h])

    def code(self, address: int, size: int) -> bytes:
        """The bytes of the image at ``address``. Raises `ValueError` where there are none."""
        for start, data in self.image.segments:
            if start <= address < start + len(data):
                return data[address - start : address - start + size]
        raise ValueError(f"no code at {address:#010x}")

    def instructions(self, block: Block) -> list[int]:
        """The addresses of the instructions of a block."""
        return RULES[self.image.architecture].addresses(self.code(*block), block[0])


def find_step(build_dir: Path, firmware: Firmware, symbols: list[Symbol]) -> StepFunction:
    """The step of a BUILD in its firmware. Raises `ElegansError` as `read_model` does."""
    model, ram = read_model(build_dir), firmware.board.memory.ram
    at = {symbol.name: symbol.address for symbol in symbols}
    get_h = "get_h" if model.state_bits == 32 else "h"
    return StepFunction(
        step=at[f"{model.name}_step"],
        set_h=at[f"{model.name}_set_h"],
        get_h=at[f"{model.name}_{get_h}"],
        main=at["main"],
        base=ram.origin,
        top=ram.origin + ram.bytes & -16,  # calling conventions align the stack, to 16 at most
        inputs=model.inputs,
        outputs=model.outputs,
        states=model.states,
        state_bytes=model.state_bits // 8,
        struct_bytes=firmware.ram_bytes,
        weights=at[f"{model.name}_built_in"] + _BLOCK_HEAD if model.has_block else 0,
        image=read_image(firmware.elf),
    )


def _reserved(size: int) -> int:
    """The bytes reserved for ``size`` bytes: rounded up to a multiple of 16, and 16 more."""
    return (size + 31) & -16
